"""Dask's worker, its scheduler, or the run itself killed in the middle of a mosaic.

What was published before stays as it was, nothing half written is ever seen, and the next
materialisation gives the bytes an undisturbed one gives.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time

import pytest
from distributed import Client, LocalCluster

from eo_assets_tests.faults.archive import fault_archive
from eo_assets_tests.open_files import close_files
from eo_assets_tests.place import DAY, Place
from eo_assets_tests.servers.dask import running_scheduler, running_workers
from eo_assets_tests.tiny_archive import Granule, region, write_granule

pytestmark = pytest.mark.integration

WAIT_S = 120


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    directory = tmp_path_factory.mktemp("killed") / "archive"
    for tile in (0, 1):
        write_granule(directory, Granule(tile=tile, day=DAY))
    with fault_archive() as running:
        running.serve(directory)
        yield running


def cluster(workers: int = 1) -> LocalCluster:
    return LocalCluster(
        n_workers=workers, threads_per_worker=1, memory_limit="2GiB", host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    )  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(archive, scheduler, tmp_path_factory):
    place = Place(archive.url, tmp_path_factory.mktemp("undisturbed"), region())
    assert place.run(scheduler).success
    return place.contents()


@pytest.fixture
def place(archive, tmp_path):
    archive.serve(archive.directory)
    return Place(archive.url, tmp_path / "outputs", region())


def run_and_exit(place: Place, scheduler: str) -> None:
    sys.exit(0 if place.run(scheduler, ("mosaic",)).success else 1)


@contextlib.contextmanager
def stuck_in_mosaic(place: Place, archive, scheduler: str):
    """A run in another process whose worker waits for a file of the mosaic it has begun."""
    assert place.run(scheduler, ("stac_items", "band_stack")).success
    with Client(scheduler, set_as_default=False) as client:
        # the server is to be asked for the files again
        client.run(close_files)
    # asked to come back in half a minute, a reader surely still waits when it is looked for
    before = archive.asked("B04.tif")
    archive.fail("B04.tif", 503, retry_after="30")
    process = multiprocessing.get_context("spawn").Process(
        target=run_and_exit, args=(place, scheduler)
    )
    process.start()
    try:
        deadline = time.monotonic() + WAIT_S
        while not (place.drafts() and archive.asked("B04.tif") > before):
            assert process.is_alive()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        archive.serve(archive.directory)
        yield process
    finally:
        if process.is_alive():
            process.kill()
        process.join()
        process.close()


def assert_recovers(place: Place, scheduler: str, undisturbed: dict[str, str]) -> None:
    assert place.run(scheduler, ("mosaic",)).success
    assert place.contents() == undisturbed
    assert place.drafts() == []


def test_killed_run(place, archive, undisturbed):
    with cluster() as running:
        with stuck_in_mosaic(place, archive, running.scheduler_address) as process:
            process.kill()
            process.join()
            assert process.exitcode == -signal.SIGKILL
            assert not place.folder.exists()
            assert len(place.drafts()) == 1  # of a dead process: the next run removes it
        # the scheduler forgets what nobody waits for any more
        with Client(running) as client:
            deadline = time.monotonic() + WAIT_S
            while client.run_on_scheduler(lambda dask_scheduler: len(dask_scheduler.tasks)):
                assert time.monotonic() < deadline
                time.sleep(0.1)
        assert_recovers(place, running.scheduler_address, undisturbed)


def test_killed_worker(place, archive, undisturbed):
    with cluster() as running:
        with stuck_in_mosaic(place, archive, running.scheduler_address) as process:
            [worker] = running.workers.values()
            os.kill(worker.process.pid, signal.SIGKILL)
            # another worker takes the task over; the run never notices
            process.join(WAIT_S)
            assert process.exitcode == 0
        assert place.contents() == undisturbed
        assert place.drafts() == []


def test_killed_scheduler(place, archive, scheduler, undisturbed, tmp_path):
    with (
        running_scheduler(tmp_path) as address,
        running_workers(tmp_path, address, 1),
        Client(address, set_as_default=False) as client,
    ):
        pid = client.run_on_scheduler(os.getpid)
        with stuck_in_mosaic(place, archive, address) as process:
            os.kill(pid, signal.SIGKILL)
            process.join(WAIT_S)
            assert process.exitcode == 1
            assert not place.folder.exists()
            assert place.drafts() == []
    assert_recovers(place, scheduler, undisturbed)
