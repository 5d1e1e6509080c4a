"""A run cancelled in the web interface, a run and the daemon killed, in the middle of a mosaic.

Nothing half written is seen, nothing is left running, and the next materialisation gives the bytes
an undisturbed one gives.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from eo_assets.defs.jobs import CHAIN
from eo_assets_tests.browser.conftest import Dev, dev_running, processes_below, still_alive
from eo_assets_tests.faults.archive import fault_archive
from eo_assets_tests.tiny_archive import Granule, lonlat_ring, write_granule

pytestmark = pytest.mark.integration

DAY, REGION = "2023-07-01", "seam"
WAIT_S = 240

LAUNCH = """mutation($params: ExecutionParams!) {launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess {run {runId}} ... on PythonError {message}
  ... on RunConfigValidationInvalid {errors {message}}}}"""
TERMINATE = """mutation($id: String!) {terminateRun(runId: $id) {
  __typename ... on TerminateRunFailure {message} ... on PythonError {message}}}"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    directory = tmp_path_factory.mktemp("interrupted") / "archive"
    for tile in (0, 1):
        write_granule(directory, Granule(tile=tile, day=DAY))
    with fault_archive() as running:
        running.serve(directory)
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("dev")
    ring = lonlat_ring(400_060, 4_999_000, 401_860, 4_999_900)
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"bands": ["red", "nir"]}, "geometry": geometry}
    (folder / "regions").mkdir()
    (folder / "regions" / f"{REGION}.geojson").write_text(json.dumps(feature))
    return folder


def started(folder: Path, archive):
    settings = {"first_date": "2023-06-01", "dask_workers": 1, "max_retries": 0}
    return dev_running(folder, catalog=archive.url, regions=folder / "regions", **settings)


@pytest.fixture(scope="module")
def dev(folder, archive):
    with started(folder, archive) as running:
        yield running


def launch(dev: Dev, *steps: str, own_cluster: bool = False) -> str:
    """Launch a run of some steps, on the workers all runs share or on its own; its id."""
    dask = {"resources": {"dask": {"config": {"address": "", "n_workers": 1}}}}
    tags = {"partition": f"{DAY}|{REGION}", "partition/date": DAY, "partition/region": REGION}
    params = {
        "selector": {
            "repositoryLocationName": "eo_assets",
            "repositoryName": "__repository__",
            "pipelineName": CHAIN,
            "assetSelection": [{"path": [step]} for step in steps],
        },
        "runConfigData": dask if own_cluster else {},
        "executionMetadata": {
            "tags": [{"key": f"dagster/{key}", "value": value} for key, value in tags.items()]
        },
    }
    launched = dev.ask(LAUNCH, params=params)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return launched["run"]["runId"]


def mosaic(dev: Dev) -> Path:
    return dev.outputs / REGION / "sentinel-2-l2a" / DAY / "mosaic"


def drafts(dev: Dev) -> list[Path]:
    return [path for path in mosaic(dev).parent.glob(".mosaic-*") if path.is_dir()]


def contents(dev: Dev) -> dict[str, str]:
    """Checksum of each file of the mosaic, but for how long reads took."""
    return {
        str(path.relative_to(mosaic(dev))): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in mosaic(dev).rglob("*")
        if path.is_file() and path.name != "reads.parquet"
    }


@pytest.fixture(scope="module")
def undisturbed(dev) -> dict[str, str]:
    run = launch(dev, "stac_items", "band_stack", "mosaic")
    assert dev.wait_for_run(run) == "SUCCESS", dev.log.read_text()
    return contents(dev)


def until(condition, what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def stuck_in_mosaic(dev: Dev, archive) -> str:
    """Launch a run whose worker waits for a file of the mosaic it has begun; the run's id."""
    shutil.rmtree(mosaic(dev), ignore_errors=True)
    before = archive.asked("B04.tif")
    # asked to come back in half a minute, a reader surely still waits when it is looked for
    archive.fail("B04.tif", 503, retry_after="30")
    # workers of its own have read no file before, and have to ask for it
    run = launch(dev, "mosaic", own_cluster=True)
    until(lambda: drafts(dev) and archive.asked("B04.tif") > before, "the mosaic has not begun")
    archive.serve(archive.directory)
    return run


def stuck_with_processes(dev: Dev, archive) -> tuple[str, dict[int, str]]:
    """Launch such a run; its id and the processes that were started for it."""
    before = processes_below(dev.process.pid)
    run = stuck_in_mosaic(dev, archive)
    everything = processes_below(dev.process.pid)
    started_for_it = {pid: command for pid, command in everything.items() if pid not in before}
    assert len(started_for_it) >= 2  # the run, and the worker of its own cluster
    return run, started_for_it


def test_cancelled_run(dev, archive, undisturbed):
    run, started_for_it = stuck_with_processes(dev, archive)
    answer = dev.ask(TERMINATE, id=run)["terminateRun"]
    assert answer["__typename"] == "TerminateRunSuccess", answer
    assert dev.wait_for_run(run) == "CANCELED"
    until(lambda: not still_alive(started_for_it), "the run left processes")
    assert not mosaic(dev).exists()
    assert drafts(dev) == []
    assert dev.wait_for_run(launch(dev, "mosaic")) == "SUCCESS", dev.log.read_text()
    assert contents(dev) == undisturbed


def test_killed_run(dev, archive, undisturbed):
    run, started_for_it = stuck_with_processes(dev, archive)
    # the one that started the others
    process = max(started_for_it, key=lambda pid: len(processes_below(pid)))
    os.kill(process, signal.SIGKILL)
    assert dev.wait_for_run(run) == "FAILURE"
    until(lambda: not still_alive(started_for_it), "the run left processes")
    assert not mosaic(dev).exists()
    assert len(drafts(dev)) == 1  # of a dead process: the next run removes it
    assert dev.wait_for_run(launch(dev, "mosaic")) == "SUCCESS", dev.log.read_text()
    assert contents(dev) == undisturbed
    assert drafts(dev) == []


def test_killed_daemon(dev, folder, archive, undisturbed):
    run = stuck_in_mosaic(dev, archive)
    everything = processes_below(dev.process.pid)
    [daemon] = [pid for pid, command in everything.items() if "dagster._daemon" in command]
    os.kill(daemon, signal.SIGKILL)
    # the command says so, and ends everything else in order
    assert dev.process.wait(WAIT_S) != 0
    assert "Dagster ended by itself" in dev.log.read_text()
    until(lambda: not still_alive(everything), "processes are left")
    assert not mosaic(dev).exists()
    with started(folder, archive) as again:
        # a daemon that is gone forgets its runs; they are ended by name, or had ended before
        assert again.wait_for_run(run) in {"FAILURE", "CANCELED"}
        assert again.wait_for_run(launch(again, "mosaic")) == "SUCCESS", again.log.read_text()
        assert contents(again) == undisturbed
        assert drafts(again) == []
