"""Numbers in a notebook are those of the batch run and of the tile service."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import xarray as xr
from odc.geo.geobox import GeoBox

from eo_assets.cube.evaluate import evaluate
from eo_assets.interactive import Catalog
from eo_assets.interactive.moments import moments
from eo_assets.interactive.opening import RegionView
from eo_assets.interactive.workbench import Workbench
from eo_assets.pipeline import band_stack, mosaic, stac_items
from eo_assets.pipeline.stac_items import Search
from eo_assets.pipeline.tasks import InProcess
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.settings import Settings
from eo_assets.storage.mosaic_zarr import open_mosaic
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store
from eo_assets_tests.tiny_archive import CLEAR, CLOUD, SIZE, Granule, region, write_granule

FIRST, CLOUDY, LAST = "2023-07-01", "2023-07-11", "2023-08-05"


@pytest.fixture(scope="module")
def workbench(tmp_path_factory):
    root = tmp_path_factory.mktemp("notebook")
    half = np.full((SIZE // 2, SIZE // 2), CLEAR, np.uint8)
    half[:20] = CLOUD
    for tile, cloud in [(0, 5.0), (1, 6.0)]:
        write_granule(root / "archive", Granule(tile=tile, day=FIRST, scl=half, cloud=cloud))
        write_granule(root / "archive", Granule(tile=tile, day=CLOUDY, scl=CLOUD, cloud=100))
    write_granule(root / "archive", Granule(tile=0, day=LAST, cloud=5.0))
    with EmbeddedCatalog(root / "archive", writable=False) as archive:
        settings = Settings(_env_file=None, catalog=archive.url, outputs=root / "outputs")
        bench = Workbench(settings)
        yield bench
        bench.close()


@pytest.fixture(scope="module")
def seam(workbench):
    return RegionView(region(), workbench)


def stored(workbench):
    where = Partition(region=region(), date=dt.date.fromisoformat(FIRST))
    store, runner = Store(workbench.store), InProcess()
    url = workbench.settings.catalog
    wanted = Search(catalog="tiny", url=url, lasting=False, partition=where)
    stac_items.materialise(wanted, store=store, runner=runner)
    band_stack.materialise(where, store=store, runner=runner, failure_budget=0.1)
    mosaic.materialise(where, store=store, runner=runner, failure_budget=0.1, block_px=512)
    return store.folder(where, "mosaic") / "mosaic.zarr"


@pytest.mark.parametrize("chunk_px", [64, 2048])
@pytest.mark.parametrize("packed", [True, False])
def test_to_xarray_is_the_stored_mosaic_bit_for_bit(seam, workbench, packed, chunk_px):
    batch = open_mosaic(stored(workbench), packed=packed)
    cube = seam.cube(FIRST).valid(keep_snow=True).composite().clip()
    lazy = cube.to_xarray(packed=packed, chunk_px=chunk_px)
    assert all(variable.chunks is not None for variable in lazy.data_vars.values())
    assert len(lazy["red"].data.blocks.ravel()) == (1 if chunk_px == 2048 else 6)
    computed = lazy.compute(scheduler="synchronous")
    names = {str(name) for name in batch.data_vars}
    assert names == {str(name) for name in computed.data_vars}
    assert 0 < int((computed["observations"] > 0).sum()) < computed["observations"].size
    for name in names:
        mine, theirs = computed[name].to_numpy(), batch[name].to_numpy()
        if packed:
            assert mine.dtype == theirs.dtype
        np.testing.assert_array_equal(mine, theirs.astype(mine.dtype), err_msg=name)
    np.testing.assert_array_equal(computed.x, batch.x)
    np.testing.assert_array_equal(computed.y, batch.y)


def test_a_series_has_a_time_for_each_period_and_blocks_do_not_matter(seam):
    cube = seam.cube("2023-07/2023-08", ["red", "nir"]).valid().by_month("first").index("ndvi")
    whole = cube.to_xarray().compute(scheduler="synchronous")
    cut = cube.to_xarray(chunk_px=50).compute(scheduler="synchronous")
    xr.testing.assert_identical(whole, cut)
    assert [str(day)[:10] for day in whole.time.values] == ["2023-07-01", "2023-08-01"]
    # only the first tile was seen in August
    assert np.isnan(whole["ndvi"][1, :, -20:]).all()
    assert not np.isnan(whole["ndvi"][1, 30:, :50]).any()
    expected = (whole["nir"] - whole["red"]) / (whole["nir"] + whole["red"])
    np.testing.assert_allclose(whole["ndvi"], expected, rtol=1e-6)


def test_scenes_are_the_series_of_passes_and_are_listed(seam):
    cube = seam.cube("2023-07/2023-08", ["red"]).valid()
    assert list(cube.scenes["cloud_cover_pct"]) == [5.0, 6.0, 100.0, 100.0, 5.0]
    assert cube.to_xarray().sizes["time"] == 3


def test_a_moment_of_the_slider_is_that_time_of_the_series(seam):
    cube = seam.cube("2023-07/2023-08", ["red", "nir"]).valid().by_month("first").index("ndvi")
    series = cube.to_xarray().compute(scheduler="synchronous")
    found = moments(cube.graph, cube.resolved)
    assert [moment.label for moment in found] == ["2023-07", "2023-08"]
    for n, moment in enumerate(found):
        assert moment.graph.names_only
        image = evaluate(cube.workbench.resolved(moment.graph), cube.grid.geobox)
        np.testing.assert_array_equal(image.values("ndvi"), series["ndvi"][n])
    days = moments((scenes := seam.cube("2023-07", ["red"]).valid()).graph, scenes.resolved)
    assert [moment.label for moment in days] == [FIRST, CLOUDY]


def test_profiles_are_the_pixels_own_numbers(seam):
    cube = seam.cube("2023-07/2023-08", ["red"]).valid()
    pixels = cube.composite().to_xarray().compute(scheduler="synchronous")["red"]
    geobox: GeoBox = cube.grid.geobox
    around = geobox[40:60, 10:40].extent.to_crs("EPSG:4326").json
    table = cube.composite().profile({"part": around})
    wanted = pixels.to_numpy()[40:60, 10:40]
    assert list(table["geometry"]) == ["part"]
    assert table["count"][0] == pytest.approx(wanted.size, rel=0.01)
    assert table["mean"][0] == pytest.approx(np.nanmean(wanted), rel=1e-3)
    series = cube.profile({"part": around})
    assert list(series["time"].dt.strftime("%Y-%m-%d")) == [FIRST, CLOUDY, LAST]
    assert list(series["count"] > 0) == [True, False, True]
    assert series["time"].dt.tz is None


def test_a_catalog_opens_a_stored_product_and_reads_what_it_has(workbench):
    stored(workbench)
    product = Catalog(workbench).product(f"seam/sentinel-2-l2a/{FIRST}/mosaic")
    assert "valid_pct" in product.summary
    assert product.table("reads").shape[0] > 0
    pixels = product.cube("red").to_xarray(packed=True).compute(scheduler="synchronous")
    np.testing.assert_array_equal(
        pixels["red"], open_mosaic(product.file("mosaic"), packed=True)["red"]
    )
    assert "data:image/png;base64" in product._repr_html_()
