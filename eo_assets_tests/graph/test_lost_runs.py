"""Runs whose code server is gone are told from those that go on."""

from __future__ import annotations

import contextlib
import json
import socket

import dagster as dg
from dagster._core.storage.tags import GRPC_INFO_TAG

from eo_assets.defs.instance import open_instance
from eo_assets.defs.lost_runs import end_lost_runs


@dg.job
def nothing():
    pass


def test_runs_without_a_code_server_are_marked_as_failed(tmp_path):
    home = tmp_path / "home"
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(socket.socket(socket.AF_UNIX))
        file.bind("\0eo-assets-" + tmp_path.name)  # in no folder: paths of sockets must be short
        port = stack.enter_context(socket.socket())
        port.bind(("127.0.0.1", 0))
        for listening in (file, port):
            listening.listen()
        servers = {
            "by file": {"socket": "\0eo-assets-" + tmp_path.name},
            "by port": {"host": "127.0.0.1", "port": port.getsockname()[1]},
            "of the command line": None,
            "gone": {"socket": str(tmp_path / "gone")},
        }
        with open_instance(home) as instance:
            runs = {
                name: instance.create_run_for_job(
                    nothing,
                    status=dg.DagsterRunStatus.STARTED,
                    tags={GRPC_INFO_TAG: json.dumps(server)} if server else {},
                ).run_id
                for name, server in servers.items()
            }
        assert end_lost_runs(home) == [runs["gone"]]
        with open_instance(home) as instance:
            status = {name: instance.get_run_by_id(run).status.name for name, run in runs.items()}
        assert status == dict.fromkeys(servers, "STARTED") | {"gone": "FAILURE"}
        assert end_lost_runs(home) == []
