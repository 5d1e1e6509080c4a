"""The event log that stays open, read by Dagster's own, which opens it anew each time."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections import Counter

import dagster as dg
import pytest
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

from eo_assets.defs.event_log import SqliteEventLog, stored_together
from eo_assets.defs.instance import open_instance

DAYS = dg.DailyPartitionsDefinition("2023-07-01")
RANGE = {
    "dagster/asset_partition_range_start": "2023-07-01",
    "dagster/asset_partition_range_end": "2023-07-05",
}


@dg.asset(partitions_def=DAYS)
def scenes(context):
    for number, key in enumerate(context.partition_keys):
        context.add_asset_metadata({"number": number}, partition_key=key)
    return dg.MaterializeResult()


JOB = dg.Definitions(assets=[scenes]).resolve_implicit_global_asset_job_def()


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def read_by_dagsters_own(home, run_id) -> Counter:
    other = SqliteEventLogStorage(str(home / "history" / "runs"))
    return Counter(entry.dagster_event_type for entry in other.get_logs_for_run(run_id))


@pytest.mark.parametrize("together", ["0", "100"])
def test_dagsters_own_reads_what_is_stored(home, monkeypatch, together):
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", together)
    with open_instance(home) as instance:
        assert isinstance(instance.event_log_storage, SqliteEventLog)
        run = JOB.execute_in_process(instance=instance, tags=RANGE)
        # while it is still open
        seen = read_by_dagsters_own(home, run.run_id)
        found = instance.fetch_materializations(scenes.key, limit=10).records
    assert seen[dg.DagsterEventType.ASSET_MATERIALIZATION] == 5
    assert seen[dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED] == 5
    assert seen[dg.DagsterEventType.RUN_SUCCESS] == 1
    numbers = {
        record.partition_key: record.asset_materialization.metadata["number"].value
        for record in found
    }
    assert numbers == {f"2023-07-0{day}": day - 1 for day in range(1, 6)}


@pytest.mark.parametrize("stored", [stored_together, contextlib.nullcontext])
def test_who_watches_a_run_is_told(home, stored):
    told = []
    with open_instance(home) as instance:
        run = instance.create_run_for_job(JOB, tags=RANGE)
        watcher = SqliteEventLogStorage(str(home / "history" / "runs"))
        watcher.watch(run.run_id, None, lambda event, _cursor: told.append(event))
        with stored(instance):
            instance.report_engine_event("hello", run)
        deadline = time.monotonic() + 60
        while not any(event.message == "hello" for event in told):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        watcher.dispose()


def _report_and_fail(instance, run):
    instance.report_engine_event("one", run)
    raise ZeroDivisionError


def test_what_was_logged_before_a_failure_is_stored(home):
    with open_instance(home) as instance:
        run = instance.create_run_for_job(JOB, tags=RANGE)
        with pytest.raises(ZeroDivisionError), stored_together(instance):
            _report_and_fail(instance, run)
        instance.report_engine_event("two", run)
        messages = [entry.message for entry in instance.all_logs(run.run_id)]
    assert [message for message in messages if message in {"one", "two"}] == ["one", "two"]


def test_threads_take_turns(home):
    with open_instance(home) as instance:
        runs = [instance.create_run_for_job(JOB, tags=RANGE) for _ in range(4)]

        def report(run):
            for number in range(5):
                with stored_together(instance):
                    instance.report_engine_event(f"{number}", run)

        threads = [threading.Thread(target=report, args=(run,)) for run in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for run in runs:
            seen = [entry.message for entry in instance.all_logs(run.run_id)]
            assert [message for message in seen if message.isdigit()] == [*"01234"]


def test_killed_while_storing(home):
    with open_instance(home) as instance:
        run = instance.create_run_for_job(JOB, tags=RANGE)
    program = (
        "import dataclasses, os, signal, sys; from pathlib import Path\n"
        "from eo_assets.defs.instance import open_instance\n"
        "with open_instance(Path(sys.argv[1])) as instance:\n"
        "    instance.report_engine_event('last words', instance.get_run_by_id(sys.argv[2]))\n"
        "    last = instance.all_logs(sys.argv[2])[-1]\n"
        "    def events():\n"
        "        yield last._replace(user_message='half a batch', dagster_event=None)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    instance.event_log_storage.store_event_batch(events())\n"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(home), run.run_id], check=False)
    assert ended.returncode == -9
    # nothing is locked, what had been stored is there, and nothing of what had not
    other = SqliteEventLogStorage(str(home / "history" / "runs"))
    stored = other.get_logs_for_run(run.run_id)
    other.store_event(stored[-1]._replace(user_message="after it", dagster_event=None))
    messages = [entry.message for entry in other.get_logs_for_run(run.run_id)]
    assert messages[-2:] == ["last words", "after it"]


def test_another_dagster_keeps_its_own(home, monkeypatch, caplog):
    with open_instance(home) as instance:
        run = instance.create_run_for_job(JOB, tags=RANGE)
        instance.report_engine_event("hello", run)
    monkeypatch.setattr(dg, "__version__", "1.99.0")
    with open_instance(home) as instance:
        assert type(instance.event_log_storage) is SqliteEventLogStorage
        messages = [entry.message for entry in instance.all_logs(run.run_id)]
    assert "hello" in messages
    assert "Dagster's own is used" in caplog.text


def test_runs_can_be_wiped_while_open(home):
    with open_instance(home) as instance:
        run = instance.create_run_for_job(JOB, tags=RANGE)
        instance.report_engine_event("gone", run)
        instance.event_log_storage.wipe()
        instance.report_engine_event("hello", run)
        seen = [entry.message for entry in instance.all_logs(run.run_id)]
        assert seen == ["hello"]
        other = SqliteEventLogStorage(str(home / "history" / "runs"))
        assert len(other.get_logs_for_run(run.run_id)) == 1


def test_a_database_that_is_there_is_not_compared_with_every_migration(home, monkeypatch):
    with open_instance(home) as instance:
        run = instance.create_run_for_job(JOB, tags=RANGE)

    def compare(*_):
        raise AssertionError("the migrations were read")

    monkeypatch.setattr(sqlite_event_log, "check_alembic_revision", compare)
    again = SqliteEventLog(str(home))
    assert again.get_logs_for_run(run.run_id)
    again.dispose()
