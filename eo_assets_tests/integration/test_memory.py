"""A mosaic more than four times as large as the memory of all workers.

A worker that came near its limit would be ended by its nanny and another one started: none is.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from dask.utils import parse_bytes
from distributed import Client

from eo_assets.cube.compositing import Status
from eo_assets.storage.mosaic_zarr import open_arrays
from eo_assets.workers.clusters import open_cluster
from eo_assets.workers.where import Workers
from eo_assets_tests.large_archive import CELL, ORIGIN, SIZE, square_values, write_large_archive
from eo_assets_tests.place import Place, failure_of

pytestmark = pytest.mark.integration

BANDS = ("blue", "green", "red", "nir")
LIMIT, WORKERS, BLOCK_PX = "640MiB", 2, 1024
OFFSET = 1000
"""Of digital numbers since processing baseline 04.00."""


def peak_bytes(pid: int) -> int:
    """Most memory a process has had, as the kernel counted it."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return next(
        1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")
    )


def forget_peak() -> None:
    """Have the kernel count this process's peak from now on."""
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def expected(band: str, x: np.ndarray, y: float) -> np.ndarray:
    """What the scenes have in a row of the mosaic: reflectance in steps of 0.0001."""
    column = ((x - ORIGIN[0]) // 10).astype(int) % SIZE // CELL
    row = int((ORIGIN[1] - y) // 10) % SIZE // CELL
    return square_values(band)[row, column] - OFFSET


def test_a_mosaic_larger_than_the_memory_of_all_workers(tmp_path):
    region = write_large_archive(tmp_path / "archive", tiles=2, bands=BANDS)
    place = Place(str(tmp_path / "archive"), tmp_path / "outputs", region)
    with open_cluster(Workers(n_workers=WORKERS, memory_limit=LIMIT)) as cluster:
        address = cluster.again["address"]
        with Client(address, set_as_default=False) as client:
            pids = client.run(os.getpid)
            forget_peak()
            result = place.run(address, block_px=BLOCK_PX)
            assert result.success, failure_of(result)
            assert client.run(os.getpid) == pids, "a worker was started again"
            peaks = [peak_bytes(pid) for pid in pids.values()]
    mosaic = open_arrays(place.folder / "mosaic.zarr")
    layers = [array for array in mosaic.values() if array.ndim == 2]
    size, limit = sum(array.nbytes for array in layers), parse_bytes(LIMIT)
    print(
        f"\n{size / 2**20:,.0f} MiB on {WORKERS} workers of {limit / 2**20:.0f} MiB: peaks "
        f"{', '.join(f'{peak / 2**20:.0f}' for peak in peaks)} MiB, client "
        f"{peak_bytes(os.getpid()) / 2**20:.0f} MiB"
    )
    assert size >= 4 * WORKERS * limit
    assert max(peaks) < limit
    x, y = (np.asarray(mosaic[name][:]) for name in ("x", "y"))
    for row in np.linspace(BLOCK_PX, y.size - BLOCK_PX, 5).astype(int):
        valid = np.asarray(mosaic["status"][row]) == Status.VALID
        assert valid.sum() > 20_000
        for band in BANDS:
            found = np.asarray(mosaic[band][row])[valid]
            assert np.array_equal(found, expected(band, x[valid], y[row])), (band, row)
