"""Dagster's own home: where runs, events and schedules are recorded."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import yaml

from eo_assets.storage.store import storage_errors

DAGSTER_YAML = """\
telemetry:
  enabled: false
nux:
  enabled: false
python_logs:
  # what a terminal shows of runs: progress; Dagster's own events are recorded all the same
  python_log_level: INFO
concurrency:
  runs:
    max_concurrent_runs: 2
    # two runs of one partition would write the same products
    tag_concurrency_limits:
      - key: dagster/partition
        value: {applyLimitPerUniqueValue: true}
        limit: 1
  pools:
    default_limit: 2
    # whole runs wait in the queue; a step that waited would keep its slot after being killed
    granularity: run
run_coordinator:
  module: dagster.core.run_coordinator
  class: QueuedRunCoordinator
  config:
    dequeue_interval_seconds: 1
run_monitoring:
  enabled: true
  start_timeout_seconds: 180
  # slots of cancelled runs leak otherwise
  free_slots_after_run_end_seconds: 60
retention:
  sensor:
    purge_after_days:
      skipped: 3
      success: 30
      failure: 30
"""
"""What every home has in common; where records are kept is said beside it."""

SQLITE_YAML = """\
event_log_storage:
  module: eo_assets.defs.event_log
  class: SqliteEventLog
  config:
    home: {env: DAGSTER_HOME}
"""
"""Records in SQLite, in the home itself."""


WORKSPACE_YAML = """\
load_from:
  - python_module:
      module_name: eo_assets.definitions
      attribute: defs
      location_name: eo_assets
"""


def ensure_workspace(home: Path) -> Path:
    """Write a workspace with the project's code location, so that it works from any folder.

    Args:
        home: Dagster's home.

    Returns:
        The workspace file.

    Raises:
        StorageError: It cannot be written.
    """
    path = ensure_home(home) / "workspace.yaml"
    with storage_errors(path):
        path.write_text(WORKSPACE_YAML, encoding="utf-8")
    return path


def ensure_home(home: Path) -> Path:
    """Make Dagster's home with sensible settings, unless it is there.

    Args:
        home: The folder.

    Returns:
        The folder.

    Raises:
        StorageError: It cannot be written.
    """
    with storage_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        config = home / "dagster.yaml"
        if not config.exists():
            config.write_text(DAGSTER_YAML + SQLITE_YAML, encoding="utf-8")
    return home


def limit_pool(home: Path, pool: str, runs: int) -> None:
    """Limit the runs in a pool; others wait in the queue.

    Args:
        home: Dagster's home.
        pool: Name of the pool.
        runs: Runs at the same time.
    """
    with open_instance(home) as instance:
        instance.event_log_storage.set_concurrency_slots(pool, runs)


def open_instance(home: Path) -> dg.DagsterInstance:
    """Open the records of Dagster at a folder, so that the UI shows what the command line did.

    What a step prints is not kept: Dagster would start four processes a step for it, which also
    complain when Ctrl-C reaches them.

    Args:
        home: Dagster's home.

    Returns:
        The records.

    Raises:
        StorageError: The home cannot be written.
    """
    own = ensure_home(home) / "command_line.yaml"
    with storage_errors(own):
        config = yaml.safe_load((home / "dagster.yaml").read_text(encoding="utf-8")) or {}
        if "storage" not in config:
            # the variable DAGSTER_HOME is for Dagster's services; this process has none
            sqlite = yaml.safe_load(SQLITE_YAML)
            sqlite["event_log_storage"]["config"]["home"] = str(home.absolute())
            config |= sqlite
        draft = own.with_suffix(f".{os.getpid()}")
        draft.write_text(yaml.safe_dump({**config, "compute_logs": _NO_COMPUTE_LOGS}))
        draft.replace(own)
    return dg.DagsterInstance.from_config(str(home), own.name)


_NO_COMPUTE_LOGS = {
    "module": "dagster.core.storage.noop_compute_log_manager",
    "class": "NoOpComputeLogManager",
}
