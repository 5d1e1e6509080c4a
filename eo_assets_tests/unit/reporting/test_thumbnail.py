"""Thumbnails of large mosaics: read in pieces, averaged from samples, without what nobody saw."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
import zarr
from odc.geo.geobox import GeoBox
from PIL import Image
from zarr.storage import LocalStore, LoggingStore

from eo_assets.cube.grid import blocks
from eo_assets.reporting import thumbnail
from eo_assets.storage.mosaic_zarr import create_mosaic, write_block

GEOBOX = GeoBox.from_bbox((0, 0, 12_010, 9_000), "EPSG:32635", resolution=10)
STEP = 61
"""Pixels a side that become one of a thumbnail of 20."""


@pytest.fixture
def mosaic(tmp_path):
    rng = np.random.default_rng(1)
    cells = rng.integers(500, 2500, (15, 20)).astype(np.uint16)
    values = np.zeros(GEOBOX.shape, np.uint16)
    squares = np.repeat(np.repeat(cells, STEP, axis=0), STEP, axis=1)
    values[:] = squares[: GEOBOX.shape[0], : GEOBOX.shape[1]]
    # half of what is in each square was not seen, and one square not at all
    values[np.arange(values.shape[0]) % STEP > 30] = 0
    values[STEP : 2 * STEP, :STEP] = 0
    attributes = {"scale_factor": 0.0001, "_FillValue": 0}
    path = tmp_path / "mosaic.zarr"
    create_mosaic(path, xr.Dataset({"red": (("y", "x"), values[:1, :1], attributes)}), GEOBOX)
    for block in blocks(GEOBOX, size=512, chunk=512):
        write_block(path, block, xr.Dataset({"red": (("y", "x"), values[block.slices])}))
    return path, cells


def test_each_pixel_is_the_mean_of_what_was_seen_of_its_square(mosaic, tmp_path, monkeypatch):
    path, cells = mosaic
    monkeypatch.setattr(thumbnail, "EDGE_PX", 20)
    pictures = []
    for at_once in (3_072**2, 1):
        monkeypatch.setattr(thumbnail, "READ_PIXELS", at_once)
        thumbnail.write_thumbnail((path, tmp_path / f"{at_once}.png"))
        pictures.append(np.asarray(Image.open(tmp_path / f"{at_once}.png")))
    assert np.array_equal(*pictures)
    whole = cells[: GEOBOX.shape[0] // STEP, : GEOBOX.shape[1] // STEP]
    expected = (255 * np.clip(whole / 10_000 / 0.25, 0, 1) ** 0.6).astype(np.uint8)
    seen = np.ones(whole.shape, bool)
    seen[1, 0] = False
    assert np.array_equal(pictures[0][..., 3] > 0, seen)
    assert np.array_equal(pictures[0][..., 0][seen], expected[seen])


def test_each_chunk_is_decoded_once(mosaic, monkeypatch):
    monkeypatch.setattr(thumbnail, "EDGE_PX", 20)
    monkeypatch.setattr(thumbnail, "READ_PIXELS", 1)
    store = LoggingStore(LocalStore(mosaic[0], read_only=True), log_level="CRITICAL")
    band = zarr.open_array(store, path="red", mode="r")
    store.counter.clear()
    thumbnail._decimated(band)
    assert store.counter["get"] == band.nchunks == 6
