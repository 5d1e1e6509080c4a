"""Runs that ended without a word: their processes were killed, or the machine went down.

Dagster's daemon would believe for ever that they go on, and let others wait for them.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.storage.tags import GRPC_INFO_TAG  # nowhere public

from eo_assets.defs.instance import open_instance

_GOING_ON = [
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def end_lost_runs(home: Path) -> list[str]:
    """Mark runs as failed whose code server is gone, and their processes with it.

    Runs of the command line have no code server; they are left alone.

    Args:
        home: Dagster's home.

    Returns:
        Ids of these runs.

    Raises:
        StorageError: The home cannot be written.
    """
    with open_instance(home) as instance:
        lost = [
            run
            for run in instance.get_runs(dg.RunsFilter(statuses=_GOING_ON))
            if GRPC_INFO_TAG in run.tags and not _answers(json.loads(run.tags[GRPC_INFO_TAG]))
        ]
        for run in lost:
            instance.report_run_failed(
                run, "Its process was ended from outside. Materialise again: nothing is half done."
            )
    return [run.run_id for run in lost]


def _answers(server: Mapping[str, Any]) -> bool:
    path = server.get("socket")
    family = socket.AF_UNIX if path else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(path or (server["host"], server["port"]))
        except OSError:
            return False
    return True
