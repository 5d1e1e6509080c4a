"""A writer killed at random moments, again and again: what can be seen is always a whole product.

The product is a Zarr of some chunks and a few files, which all carry the number of the attempt they
are of. After each kill everything that can be seen has to be of one attempt, complete.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import os
import random
import signal
import time

import numpy as np
import pytest
import xarray as xr
from odc.geo.geobox import GeoBox

from eo_assets.cube.grid import blocks
from eo_assets.errors import MissingArtifactError
from eo_assets.places import writing
from eo_assets.settings import load_settings
from eo_assets.storage.mosaic_zarr import create_mosaic, open_mosaic, write_block
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Record, Store
from eo_assets_tests.servers.buckets import bucket_of
from eo_assets_tests.tiny_archive import region

pytestmark = pytest.mark.integration

KILLS = 20
PARTITION = Partition(region=region(), date=dt.date(2023, 7, 1))
GEOBOX = GeoBox.from_bbox((0, 0, 10240, 10240), "EPSG:32635", resolution=10)
FILES = ("a.json", "b.parquet", "c.tif")


@pytest.fixture(scope="module", params=["folder", "s3", "azure"])
def where(request, tmp_path_factory):
    """An address of products, and the environment that leads to it."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        if request.param == "folder":
            yield str(tmp_path_factory.mktemp("outputs")), {}
        else:
            running = request.getfixturevalue(request.param)
            yield str(bucket_of(running, monkeypatch).root), running.environment()
    load_settings(outputs="outputs")


@pytest.fixture(scope="module")
def forks():
    """Starts processes quickly: from one that has imported everything and used nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "eo_assets.settings"])
    return context


def killed(address: str, environment: dict[str, str], attempt: int, begun, ended) -> None:
    """Publish one attempt, in a process that is going to be killed."""
    os.environ.update(environment)  # noqa: TID251 -- that of the process it is forked from is older
    load_settings(outputs=address)
    begun.set()
    write(address, attempt)
    ended.set()


def write(address: str, attempt: int) -> None:
    """Publish one attempt."""
    store = Store(address)
    with store.publish(PARTITION, "mosaic") as folder:
        values = np.full(GEOBOX.shape, attempt, np.uint16)
        red = {"red": (("y", "x"), values, {"scale_factor": 1.0, "_FillValue": 0})}
        create_mosaic(folder / "mosaic.zarr", xr.Dataset(red), GEOBOX)
        for block in blocks(GEOBOX, size=512, chunk=512):
            part = xr.Dataset({"red": (("y", "x"), values[block.slices])})
            write_block(str(folder / "mosaic.zarr"), block, part)
        for name in FILES:
            with writing(folder / name) as path:
                path.write_text(f"{attempt}")
        record = Record(
            step="mosaic", region="seam", collection="sentinel-2-l2a", date="2023-07-01",
            digest=f"{attempt}", files={"mosaic": "mosaic.zarr"},
        )  # fmt: skip
        store.write_record(folder, record)


def seen(address: str) -> int | None:
    """The attempt that can be seen, after looking at all of it."""
    store = Store(address)
    try:
        attempt = int(store.read_record(PARTITION, "mosaic").digest)
    except MissingArtifactError:
        return None
    folder = store.folder(PARTITION, "mosaic")
    assert {(folder / name).read_text() for name in FILES} == {f"{attempt}"}
    pixels = open_mosaic(folder / "mosaic.zarr", packed=True)["red"].to_numpy()
    assert (np.unique(pixels) == [attempt]).all(), "a chunk is missing or of another attempt"
    return attempt


def test_a_writer_killed_at_any_moment_leaves_no_partial_product(where, forks):
    address, environment = where

    def begin(attempt):
        begun, ended = forks.Event(), forks.Event()
        writer = forks.Process(target=killed, args=(address, environment, attempt, begun, ended))
        writer.start()
        assert begun.wait(60)
        return writer, ended

    writer, _ = begin(1)
    started = time.perf_counter()
    writer.join()
    span = 1.4 * (time.perf_counter() - started)
    assert seen(address) == 1
    chance, newest, finished = random.Random(7), 1, 0
    for attempt in range(2, 2 + KILLS):
        writer, ended = begin(attempt)
        time.sleep(chance.uniform(0, span))
        writer.kill()
        writer.join()
        assert writer.exitcode in {0, -signal.SIGKILL}
        visible = seen(address)
        # a writer that had published may be killed before it can say so
        assert visible in {newest, attempt}
        assert visible == attempt or not ended.is_set()
        newest, finished = visible, finished + (visible == attempt)
        # how long a writer takes changes with what else the machine does
        span *= 0.9 if visible == attempt else 1.2
    assert 0 < finished < KILLS, "kills came before and after the moment of publication"
    # and the next one that is left alone makes the product
    write(address, 99)
    assert seen(address) == 99
