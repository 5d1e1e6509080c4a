"""Work costs no more than it did: processor time against a library that does the core of it.

Seconds differ from machine to machine and hour to hour, their ratio within one process hardly: both
sides take turns, and the least of a few rounds counts, for whatever else runs only ever adds. To
record anew, after a change that is meant to cost or to save, run ``pytest -s`` on this file.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from rasterio.windows import from_bounds
from scipy.ndimage import gaussian_filter
from sklearn.cluster import MiniBatchKMeans

from eo_assets.clustering.threads import one_thread
from eo_assets.cube.access import gdal_environment
from eo_assets.cube.evaluate import evaluate
from eo_assets.cube.graph import LoadStored, VirtualCube
from eo_assets.cube.grid import Grid
from eo_assets.pipeline import band_stack, geotiff, mosaic, stac_items
from eo_assets.pipeline.class_sampling import sample_mosaic
from eo_assets.pipeline.classification import learn_classes
from eo_assets.pipeline.cluster_options import ClusterOptions
from eo_assets.pipeline.sources import cog_scene
from eo_assets.pipeline.stored_classes import classify_stored
from eo_assets.pipeline.tasks import InProcess
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.settings import load_settings
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store
from eo_assets_tests.large_archive import write_large_archive
from eo_assets_tests.place import DAY
from eo_assets_tests.synthetic_scene import SPECTRA, write_scene
from eo_assets_tests.tiny_archive import UTM

pytestmark = pytest.mark.integration

RECORDED = {"mosaic": 5.5, "tiles": 0.68, "clusters": 0.25}
"""Our processor time, times that of the library."""

TOLERANCE = 1.2
ROUNDS, ATTEMPTS = 5, 3

Work = Callable[[], object]


def cpu_s(work: Work) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def cost_ratio(ours: Work, library: Work) -> float:
    """Processor time of our work, times that of the library's, the least of each."""
    ours(), library()  # imports, tables, caches
    rounds = [(cpu_s(ours), cpu_s(library)) for _ in range(ROUNDS)]
    mine, other = map(min, zip(*rounds, strict=True))
    print(f"\n{mine * 1e3:.0f} ms / {other * 1e3:.0f} ms = {mine / other:.3f}")
    return mine / other


def judge(name: str, ours: Work, library: Work) -> None:
    """Fail if our work has become dearer, each time it is measured."""
    allowed = TOLERANCE * RECORDED[name]
    ratios = []
    for _ in range(ATTEMPTS):
        ratios.append(cost_ratio(ours, library))
        if ratios[-1] <= allowed:
            return
    told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    pytest.fail(f"{name} cost {told} × the library's time; {allowed:.2f} × is allowed")


def test_a_mosaic_and_its_geotiff_against_decoding_and_writing_with_gdal(tmp_path):
    side = 2000
    region = write_large_archive(tmp_path / "archive", side_px=side)
    partition, store = Partition(region, dt.date.fromisoformat(DAY)), Store(tmp_path / "outputs")
    where = {"store": store, "runner": InProcess()}
    with EmbeddedCatalog(tmp_path / "archive", writable=False) as catalog:
        search = stac_items.Search(catalog="tests", url=catalog.url, partition=partition)
        stac_items.materialise(search, **where)
        band_stack.materialise(partition, failure_budget=0, **where)
    grid = Grid.model_validate_json(
        (store.folder(partition, "band_stack") / "grid.json").read_text()
    )
    files = [next((tmp_path / "archive").rglob(f"{key}.tif")) for key in ("SCL", "B04", "B08")]

    def ours():
        block_px = load_settings().block_px
        mosaic.materialise(partition, failure_budget=0, block_px=block_px, **where)
        geotiff.materialise(partition, **where)

    def library():
        bounds = grid.geobox.boundingbox.bbox
        pixels = []
        for path in files:
            with rasterio.open(path) as file:
                pixels.append(file.read(1, window=from_bounds(*bounds, file.transform)))
        transform = Affine(*grid.transform)
        write_cog(np.stack(pixels[1:]), ("red", "nir"), transform, tmp_path / "library.tif")

    with gdal_environment():
        judge("mosaic", ours, library)


def write_cog(pixels, names, transform, path):
    profile = {
        "driver": "GTiff", "count": len(pixels), "dtype": pixels.dtype, "nodata": 0, "crs": UTM,
        "height": pixels.shape[1], "width": pixels.shape[2], "transform": transform,
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(pixels)
            file.descriptions = names
        with memory.open() as file:
            rasterio.shutil.copy(
                file, path, driver="COG", blocksize=512, compress="ZSTD", level=1, predictor="YES",
                overview_resampling="AVERAGE",
            )  # fmt: skip


def test_tiles_of_one_file_against_reading_as_many_of_its_pixels(tmp_path):
    side, left, top = 2048, 400_000, 5_000_000
    rng = np.random.default_rng(5)
    relief = gaussian_filter(rng.normal(size=(3, side, side)), (0, 20, 20))
    pixels = (3_000 + 9_000 * relief + rng.normal(0, 20, relief.shape)).clip(1, 9_999)
    path, names = tmp_path / "product.tif", ("red", "green", "blue")
    write_cog(pixels.astype(np.uint16), names, from_origin(left, top, 10, 10), path)
    product = f"sample/sentinel-2-l2a/{DAY}/geotiff"
    stored = LoadStored(product=product, bands=names, scene=cog_scene(path, product))
    cube = VirtualCube(nodes={"product": stored}, result="product").render(*names)
    # on the file's own grid, twice as coarse as its overview, and off its grid
    views = [
        GeoBox((256, 256), Affine(pixel, 0, left + x, 0, -pixel, top - y), UTM)
        for pixel in (10, 20, 33)
        for x in (640, 5_120, 9_000, 11_000)
        for y in (1_280, 6_000, 10_000)
    ]

    def ours():
        for view in views:
            result = evaluate(cube, view, preview=True)
            assert [result.values(name) for name in names]

    def library():
        for view in views:
            with rasterio.open(path) as file:
                window = from_bounds(*view.boundingbox.bbox, file.transform)
                file.read(window=window, out_shape=(3, 256, 256))

    with gdal_environment():
        judge("tiles", ours, library)


def test_classes_from_a_sample_against_classes_from_all_pixels(tmp_path):
    scene = write_scene(tmp_path / "mosaic.zarr", shape=(600, 800))
    options, runner = ClusterOptions(n_clusters=len(SPECTRA)), InProcess()
    pixels = np.random.default_rng(0).random((480_000, 10))

    def ours():
        sample = sample_mosaic(scene.path, scene.geobox, options, runner=runner)
        model = learn_classes(sample, pd.DataFrame(), runner=runner)
        classify_stored(scene.path, Grid.of(scene.geobox), model, runner=runner)

    def library():
        with one_thread():
            MiniBatchKMeans(
                len(SPECTRA), random_state=0, n_init=1, max_iter=1, max_no_improvement=None
            ).fit_predict(pixels)

    judge("clusters", ours, library)
