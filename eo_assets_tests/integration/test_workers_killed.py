"""A mosaic one of whose workers is killed every few seconds.

Results are fetched as they come, so that a worker takes with it only what it was computing.
"""

from __future__ import annotations

import os
import random
import signal
import threading
from typing import Self

import pytest
from distributed import Client

from eo_assets_tests.large_archive import write_large_archive
from eo_assets_tests.place import Place, failure_of
from eo_assets_tests.servers.dask import running_scheduler, running_workers

pytestmark = pytest.mark.integration

BLOCK_PX = 512
SIDE_PX = 5_000
"""100 blocks."""

WORKERS = 2
KILL_S = 2


class Killer:
    """Kills one worker after the other, each ``KILL_S`` after all are there again."""

    def __init__(self, address: str) -> None:
        self.kills = 0
        self._address = address
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._kill)

    def _kill(self) -> None:
        chance = random.Random(1)
        with Client(self._address, set_as_default=False) as client:
            while not self._over.wait(KILL_S):
                workers = client.run(os.getpid, on_error="ignore")
                if len(workers) == WORKERS:
                    os.kill(chance.choice(sorted(workers.values())), signal.SIGKILL)
                    self.kills += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def test_workers_are_killed_every_few_seconds(tmp_path):
    region = write_large_archive(tmp_path / "archive", bands=("red",), side_px=SIDE_PX)
    archive = str(tmp_path / "archive")
    undisturbed = Place(archive, tmp_path / "undisturbed", region)
    disturbed = Place(archive, tmp_path / "disturbed", region)
    with running_scheduler(tmp_path) as address, running_workers(tmp_path, address, WORKERS):
        result = undisturbed.run(address, block_px=BLOCK_PX)
        assert result.success, failure_of(result)
        with Killer(address) as killer:
            result = disturbed.run(address, block_px=BLOCK_PX)
        assert result.success, failure_of(result)
    print(f"{killer.kills} workers were killed")
    assert killer.kills >= 2
    assert disturbed.contents() == undisturbed.contents()
