"""The real scenes of Styria and Slovenia, clear on 15 August 2023, at 120 m."""

from __future__ import annotations

import datetime as dt
import shutil

import numpy as np
import pytest
import rasterio
import xarray as xr
from rasterio.merge import merge
from rasterio.warp import Resampling, reproject

from eo_assets.catalog.regions import Region
from eo_assets.pipeline import band_stack, mosaic, stac_items
from eo_assets.pipeline.stac_items import Search
from eo_assets.pipeline.tasks import InProcess
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.storage.mosaic_zarr import open_mosaic
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store
from eo_assets_tests.stac_api_items import box

VEGETATION = 4

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def scenes(real_data, tmp_path_factory):
    folder = real_data / "sentinel-2-l2a-120m"
    if not folder.is_dir():
        pytest.skip(f"REAL DATA ABSENT: {folder} does not exist")
    copied = tmp_path_factory.mktemp("real")
    return shutil.copytree(folder, copied / "archive", copy_function=shutil.copyfile)


@pytest.fixture(scope="module")
def made(scenes, tmp_path_factory):
    """Over the seam of 33TWL and 33TWM, which overlap about 46.0 N."""
    region = Region(
        id="styria",
        title="Styria",
        geometry=box(15.2, 45.7, 16.2, 46.3),
        resolution_m=120,
        crs="EPSG:32633",
        bands=("blue", "green", "red", "nir"),
    )
    where = Partition(region=region, date=dt.date(2023, 8, 15))
    store, runner = Store(tmp_path_factory.mktemp("outputs")), InProcess()
    with EmbeddedCatalog(scenes, writable=False) as catalog:
        search = Search(catalog="real", url=catalog.url, partition=where)
        stac_items.materialise(search, store=store, runner=runner)
    band_stack.materialise(where, store=store, runner=runner, failure_budget=0)
    record = mosaic.materialise(where, store=store, runner=runner, failure_budget=0, block_px=512)
    return record, open_mosaic(store.folder(where, "mosaic") / "mosaic.zarr")


def merged(scenes, name, grid):
    """A band of both tiles on the mosaic's grid, put together by rasterio."""
    files = [rasterio.open(path) for path in sorted(scenes.glob(f"*20230815*/{name}.tif"))]
    try:
        pixels, _ = merge(files, bounds=tuple(grid.boundingbox), res=120, nodata=0)
    finally:
        for file in files:
            file.close()
    return pixels[0]


def test_both_tiles_of_the_day_are_used(made):
    record, pixels = made
    assert record.empty is None
    assert record.summary["valid_pct"] > 95
    assert record.summary["no_coverage_pct"] == 0
    assert set(np.unique(pixels["source"].values)) == {0, 1, 2}
    assert pixels["observations"].values.max() == 1


def test_reflectance_is_what_the_files_hold_without_a_second_shift(made, scenes):
    # the items say boa_offset_applied and, contradicting it, an offset of -0.1
    _, pixels = made
    grid = pixels.odc.geobox
    for number, tile in enumerate(("33TWL", "33TWM"), start=1):
        for band, name in [("red", "B04"), ("nir", "B08"), ("blue", "B02")]:
            [path] = scenes.glob(f"*{tile}_20230815*/{name}.tif")
            expected = np.zeros(grid.shape, np.float32)
            # tiles begin on odd multiples of 60 m: half a pixel aside of the region's grid
            with rasterio.open(path) as file:
                reproject(
                    file.read(1).astype(np.float32), expected,
                    src_transform=file.transform, src_crs=file.crs, src_nodata=0,
                    dst_transform=grid.transform, dst_crs="EPSG:32633", dst_nodata=0,
                    resampling=Resampling.bilinear, XSCALE=1, YSCALE=1,
                )  # fmt: skip
            mine = pixels["source"].values == number
            assert mine.mean() > 0.1
            # dark water may be 0, "no observation", in one band and not in another
            assert np.array_equal(np.isnan(pixels[band].values[mine]), expected[mine] == 0)
            difference = np.abs(pixels[band].values[mine] / 0.0001 - expected[mine])
            assert np.nanquantile(difference, 0.999) < 0.51


def test_the_vegetation_of_august_is_green(made, scenes):
    _, pixels = made
    scl = merged(scenes, "SCL", pixels.odc.geobox)
    ndvi = (pixels["nir"] - pixels["red"]) / (pixels["nir"] + pixels["red"])
    green = ndvi.values[(scl == VEGETATION) & np.isfinite(ndvi.values)]
    assert green.size > 100_000
    assert 0.78 <= np.median(green) <= 0.86


def test_the_mosaic_has_no_seam(made):
    """Across the tiles' common edge neighbours differ as they do everywhere else."""
    _, pixels = made
    source, nir = pixels["source"].values, pixels["nir"].values
    across = (source[1:] != source[:-1]) & (source[1:] > 0) & (source[:-1] > 0)
    step = np.abs(nir[1:] - nir[:-1])
    assert across.sum() > 300
    assert np.nanmedian(step[across]) < 1.5 * np.nanmedian(step[~across])


def test_xarray_opens_the_mosaic_by_itself(made):
    _, pixels = made
    path = pixels.encoding["source"]
    with xr.open_zarr(path, chunks=None, consolidated=False) as stored:
        assert 0.01 < float(stored["red"].median()) < 0.1
