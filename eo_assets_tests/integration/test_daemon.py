"""A run cancelled on its page, and Dagster's daemon killed, while a mosaic is being made."""

from __future__ import annotations

import json
import os
import signal
import time

import pytest
from distributed import Client

from eo_assets.defs.jobs import CHAIN
from eo_assets_tests.browser.conftest import dev_running, processes_below, still_alive
from eo_assets_tests.faults.archive import fault_archive
from eo_assets_tests.integration.test_killed import DAY, Place
from eo_assets_tests.tiny_archive import Granule, region, write_granule

pytestmark = pytest.mark.integration

WAIT_S = 240
LAUNCH = """mutation($params: ExecutionParams!) {launchRun(executionParams: $params) {
  __typename ... on LaunchRunSuccess {run {runId}} ... on PythonError {message}}}"""
TERMINATE = """mutation($id: String!) {terminateRun(runId: $id) {__typename}}"""


def until(condition) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    directory = tmp_path_factory.mktemp("daemon") / "archive"
    for tile in (0, 1):
        write_granule(directory, Granule(tile=tile, day=DAY))
    with fault_archive() as running:
        running.serve(directory)
        yield running


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Where ``eo-assets dev`` keeps everything, with a region."""
    root, seam = tmp_path_factory.mktemp("dev"), region()
    properties = {"id": seam.id, "title": seam.title, "bands": list(seam.bands)}
    feature = {"type": "Feature", "geometry": seam.geometry, "properties": properties}
    (root / "regions").mkdir()
    (root / "regions" / "seam.geojson").write_text(json.dumps(feature))
    return root


@pytest.fixture(scope="module")
def start(root, archive, scheduler):
    """Starts ``eo-assets dev``, with the same records every time."""

    def start():
        return dev_running(
            root,
            catalog=archive.url,
            regions=root / "regions",
            first_date="2023-06-01",
            dask_address=scheduler,
            max_retries=0,
        )

    return start


@pytest.fixture(scope="module")
def place(root, archive, scheduler):
    place = Place(archive.url, root / "outputs", region())
    assert place.run(scheduler, ("stac_items", "band_stack"))
    return place


@pytest.fixture(scope="module")
def dev(start):
    with start() as running:
        yield running


def launch(dev) -> str:
    tags = {"dagster/partition": f"{DAY}|seam"}
    tags |= {"dagster/partition/date": DAY, "dagster/partition/region": "seam"}
    params = {
        "selector": {
            "repositoryLocationName": "eo_assets",
            "repositoryName": "__repository__",
            "pipelineName": CHAIN,
            "assetSelection": [{"path": ["mosaic"]}],
            "assetCheckSelection": [],
        },
        "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
    }
    launched = dev.ask(LAUNCH, params=params)["launchRun"]
    assert launched["__typename"] == "LaunchRunSuccess", launched
    return launched["run"]["runId"]


@pytest.fixture
def stuck(dev, place, archive) -> str:
    """The id of a run that waits for a file of the mosaic it has begun."""
    archive.serve(archive.directory)
    # asked to come back in half a minute, a reader surely still waits when it is looked for
    before = archive.asked("B04.tif")
    archive.fail("B04.tif", 503, retry_after="30")
    run = launch(dev)
    until(lambda: place.drafts() and archive.asked("B04.tif") > before)
    archive.serve(archive.directory)
    return run


def assert_nothing_waits(scheduler) -> None:
    """The scheduler has forgotten the tasks of whoever is gone."""
    with Client(scheduler, set_as_default=False) as client:
        until(lambda: not client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)))


def test_cancelled_run(dev, place, stuck, scheduler):
    answer = dev.ask(TERMINATE, id=stuck)["terminateRun"]
    assert answer["__typename"] == "TerminateRunSuccess"
    assert dev.wait_for_run(stuck) == "CANCELED"
    assert_nothing_waits(scheduler)
    until(lambda: not [c for c in processes_below(dev.process.pid).values() if stuck in c])
    assert not place.folder.exists()
    assert place.drafts() == []


def test_killed_daemon(dev, place, stuck, scheduler, start):
    below = processes_below(dev.process.pid)
    [daemon] = [pid for pid, command in below.items() if "dagster._daemon" in command]
    os.kill(daemon, signal.SIGKILL)
    # without a daemon nothing would be started any more: all is ended, and says so
    assert dev.process.wait(WAIT_S) == 1
    assert "Dagster ended by itself" in dev.log.read_text()
    until(lambda: not still_alive(below))
    assert_nothing_waits(scheduler)
    assert not place.folder.exists()
    with start() as again:
        assert again.wait_for_run(stuck, timeout_s=5) == "FAILURE"
        assert again.wait_for_run(launch(again)) == "SUCCESS"
    assert place.folder.exists()
    assert place.drafts() == []
