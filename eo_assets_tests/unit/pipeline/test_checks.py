"""The verdicts on products: good ones pass, spoilt ones fail the check that is about it."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pytest
import rasterio
import xarray as xr
from odc.geo.geobox import GeoBox

from eo_assets.catalog.bands import REFLECTANCE, TEMPERATURE
from eo_assets.catalog.checks import CHECKS
from eo_assets.catalog.collections import get_collection
from eo_assets.cube.compositing import Status
from eo_assets.cube.grid import Grid, inside, project_outline, region_geobox
from eo_assets.errors import RejectedArtifactError
from eo_assets.pipeline.clusters_checks import judge_stability
from eo_assets.pipeline.freshness import judge_freshness, last_imagery
from eo_assets.pipeline.geotiff_checks import GeotiffTask, check_geotiff
from eo_assets.pipeline.grid_verdict import judge_grid
from eo_assets.pipeline.mosaic_checks import (
    check_mosaic,
    judge_completeness,
    judge_radiometry,
    judge_ranges,
    range_of,
)
from eo_assets.pipeline.mosaic_samples import MOST_CHUNKS, sample_windows
from eo_assets.pipeline.tasks import InProcess
from eo_assets.pipeline.verdicts import verdicts_of
from eo_assets.storage.cog import CogBand, write_cog
from eo_assets.storage.mosaic_zarr import create_mosaic, write_block
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Record, Store
from eo_assets.storage.verdicts import Verdict
from eo_assets_tests.tiny_archive import region

BANDS = ("red", "nir")
TRIANGLE = {"type": "Polygon", "coordinates": [[[25.5, 45.3], [25.56, 45.3], [25.5, 45.34],
                                                [25.5, 45.3]]]}  # fmt: skip


@pytest.fixture
def partition():
    """A region whose outline does not fill its grid, so that a shift of the pixels shows."""
    return Partition(region(geometry=TRIANGLE), dt.date(2023, 7, 1))


def forest(shape, rng):
    """Red and near infrared of vegetation as reflectance, a tenth of it shaded."""
    light = np.where(rng.random(shape) < 0.1, 0.3, 1.0)
    return {
        "red": (0.03 + 0.02 * rng.random(shape)) * light,
        "nir": (0.35 + 0.1 * rng.random(shape)) * light,
    }


def packed(values):
    """As the project stores reflectance: 1 is what is black or below."""
    return np.clip(np.rint(values * 10_000), 1, 65534).astype(np.uint16)


def write_mosaic(path, partition, *, offset=0.0, factor=1.0, shift_px=(0, 0), roll_px=0):
    geobox = region_geobox(partition.region)
    outline = project_outline(partition.region.geometry, geobox.crs).json
    within = inside(geobox, outline)
    status = np.where(within, Status.VALID, Status.OUTSIDE_REGION).astype(np.uint8)
    pixels = {
        name: np.where(within, packed(values * factor + offset), 0).astype(np.uint16)
        for name, values in forest(geobox.shape, np.random.default_rng(7)).items()
    }
    moved = {name: np.roll(values, roll_px, axis=1) for name, values in pixels.items()}
    moved["status"] = np.roll(status, roll_px, axis=1)
    packing = {"scale_factor": REFLECTANCE.scale, "add_offset": 0.0, "_FillValue": 0}
    data = xr.Dataset(
        {
            name: (("y", "x"), values, packing if name in BANDS else {})
            for name, values in moved.items()
        }
    )
    create_mosaic(path, data, geobox.translate_pix(*shift_px))
    write_block(path, WholeBlock(tuple(geobox.shape)), data)
    return path


class WholeBlock:
    """The block that is all of a grid."""

    def __init__(self, shape):
        self.slices = (slice(0, shape[0]), slice(0, shape[1]))


def judged(path, partition):
    verdicts = check_mosaic(
        partition, path, bands=BANDS, failed_read_pct=2.0, failure_budget=0.1, runner=InProcess()
    )
    return {verdict.check: verdict for verdict in verdicts}


def test_a_good_mosaic_passes_every_check(tmp_path, partition):
    verdicts = judged(write_mosaic(tmp_path / "m.zarr", partition), partition)
    assert {name for name, verdict in verdicts.items() if not verdict.passed} == set()
    assert {"has_imagery", *verdicts} == {check.name for check in CHECKS["mosaic"]}
    assert verdicts["grid"].numbers["misplaced_px"] == 0
    # a tenth of the pixels is shaded to 0.3 of 0.03 to 0.05
    assert 0.009 <= verdicts["radiometry"].numbers["vegetation_red_p01"] <= 0.011


@pytest.mark.parametrize(
    ("spoilt", "check", "said"),
    [
        ({"shift_px": (1, 0)}, "grid", "shifted by 1 pixels to the east"),
        ({"shift_px": (0, -1)}, "grid", "-1 to the south"),
        ({"roll_px": 1}, "grid", "do not belong together"),
        ({"offset": 0.1}, "radiometry", "left in"),
        ({"offset": -0.1}, "radiometry", "taken off twice"),
        ({"factor": 10.0}, "value_range", "does not have"),
    ],
)
def test_a_spoilt_mosaic_fails_the_check_that_is_about_it(tmp_path, partition, spoilt, check, said):
    verdicts = judged(write_mosaic(tmp_path / "m.zarr", partition, **spoilt), partition)
    assert not verdicts[check].passed
    assert said in verdicts[check].text
    others = {"completeness", "grid", "value_range", "radiometry"} - {check}
    if spoilt.get("factor") is None:
        assert all(verdicts[other].passed for other in others)


def test_another_pixel_size_shape_or_crs_is_told(partition):
    wanted = region_geobox(partition.region)
    for found, said in [
        (wanted.zoom_out(2), "20 m wide, not 10 m"),
        (wanted[:-1, :], "pixels, not"),
        (GeoBox(wanted.shape, wanted.affine, "EPSG:32634"), "EPSG:32634, not EPSG:32635"),
    ]:
        verdict = judge_grid("grid", found, wanted, again="band_stack")
        assert not verdict.passed
        assert said in verdict.text


def test_completeness_is_the_failure_budget():
    assert judge_completeness(10.0, 0.1).passed
    assert not judge_completeness(10.1, 0.1).passed


def test_a_bare_scene_and_one_of_snow_say_nothing_of_their_offset():
    for red, nir in [(0.25, 0.3), (0.85, 0.8)]:
        samples = {"red": packed(np.full(9_000, red)), "nir": packed(np.full(9_000, nir))}
        verdict = judge_radiometry(samples)
        assert verdict.passed
        assert "too little vegetation" in verdict.text


def test_black_water_in_one_band_is_not_an_offset_taken_off_twice():
    water = {"red": packed(np.full(9_000, -0.01)), "green": packed(np.full(9_000, 0.02))}
    assert judge_radiometry(water).passed


def test_a_mosaic_of_nothing_that_reflects_passes(tmp_path):
    assert judge_radiometry({}).passed
    assert judge_ranges([]).passed


def test_a_region_without_red_has_no_vegetation_to_judge():
    found = judge_radiometry({"nir08": np.full(1_000, 3_000, np.uint16)})
    assert found.passed
    assert "too little vegetation" in found.text


def test_range_counts_every_implausible_pixel():
    values = np.full(10_000, 29_500, np.uint16)  # 295 K
    values[:300] = 1  # 0.01 K
    values[300:500] = 0
    values[500:510] = 35_000  # 350 K: still plausible
    values[510:530] = 35_001
    found = range_of("lwir11", values, TEMPERATURE)
    assert (found.valid_px, found.low_px, found.high_px) == (9_800, 300, 20)
    assert (found.lowest, found.highest) == pytest.approx((0.01, 350.01))
    verdict = judge_ranges([found])
    assert not verdict.passed
    assert verdict.numbers["implausible_pct"] == pytest.approx(100 * 320 / 9_800, abs=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (512, 513), (40_000, 30_000)])
def test_looked_at_chunks_are_few_and_within_the_mosaic(shape):
    windows = sample_windows(shape)
    assert 1 <= len(windows) <= MOST_CHUNKS
    assert len({(rows.start, columns.start) for rows, columns in windows}) == len(windows)
    for rows, columns in windows:
        assert 0 <= rows.start < rows.stop <= shape[0]
        assert 0 <= columns.start < columns.stop <= shape[1]


GEOBOX = GeoBox((1200, 1100), region_geobox(region()).affine, "EPSG:32635")


def write_geotiff(path, **changes):
    bands = [CogBand(name=name, units="1", scale=changes.get("scale", 0.0001)) for name in BANDS]
    rng = np.random.default_rng(3)
    pixels = rng.integers(1, 9_000, tuple(GEOBOX.shape), dtype=np.uint16)
    write_cog(
        path,
        changes.get("geobox", GEOBOX),
        bands,
        lambda _name, window: pixels[window],
        dtype="uint16",
        nodata=changes.get("nodata", 0),
        tags={},
        overview_resampling="average",
    )
    return path


def judged_geotiff(path):
    bands = tuple(get_collection("sentinel-2-l2a").band(name) for name in BANDS)
    task = GeotiffTask(path=str(path), grid=Grid.of(GEOBOX), bands=bands)
    return {verdict.check: verdict for verdict in check_geotiff(task)}


def test_a_good_geotiff_passes_every_check(tmp_path):
    verdicts = judged_geotiff(write_geotiff(tmp_path / "good.tif"))
    assert all(verdict.passed for verdict in verdicts.values()), verdicts
    assert set(verdicts) == {check.name for check in CHECKS["geotiff"]}


@pytest.mark.parametrize(
    ("changes", "check", "said"),
    [
        ({"scale": 0.001}, "bands", "scales"),
        ({"nodata": 7}, "bands", "nodata"),
        ({"geobox": GEOBOX.translate_pix(0, 1)}, "bounds", "1 to the south"),
    ],
)
def test_a_geotiff_with_wrong_metadata_fails(tmp_path, changes, check, said):
    verdicts = judged_geotiff(write_geotiff(tmp_path / "bad.tif", **changes))
    assert [name for name, verdict in verdicts.items() if not verdict.passed] == [check]
    assert said in verdicts[check].text


def test_a_geotiff_without_overviews_is_not_cloud_optimized(tmp_path):
    good = write_geotiff(tmp_path / "good.tif")
    plain = tmp_path / "plain.tif"
    with rasterio.open(good) as source:
        profile = source.profile | {"driver": "GTiff", "compress": "deflate"}
        with rasterio.open(plain, "w", **profile) as target:
            target.write(source.read())
            target.descriptions, target.scales = source.descriptions, source.scales
    verdicts = judged_geotiff(plain)
    assert [name for name, verdict in verdicts.items() if not verdict.passed] == ["cloud_optimized"]
    assert "overviews" in verdicts["cloud_optimized"].text


def test_classes_are_stable_unless_much_matches_nothing_known():
    alone = judge_stability({"classes": 8})
    assert alone.passed
    assert "no earlier date" in alone.text
    assert judge_stability({"matched_share_pct": 80.0, "drift": 0.1}).passed
    changed = judge_stability({"matched_share_pct": 79.9, "drift": 0.4})
    assert (changed.passed, changed.warning) == (False, True)
    assert changed.numbers["drift"] == 0.4


def record(**changes):
    plain = {"step": "mosaic", "region": "seam", "collection": "sentinel-2-l2a",
             "date": "2023-07-01", "summary": {"valid_pct": 96.0}}  # fmt: skip
    return Record(**(plain | changes))


def test_an_empty_product_breaks_no_promise_but_that_there_is_something():
    found = {check.name: verdict for check, verdict in verdicts_of(record(empty="no_scene"))}
    assert set(found) == {check.name for check in CHECKS["mosaic"]}
    assert [name for name, verdict in found.items() if not verdict.passed] == ["has_imagery"]
    assert found["has_imagery"].warning
    assert "No satellite scene" in found["has_imagery"].text


@pytest.mark.parametrize(
    ("check", "warning", "rejected"),
    [("grid", False, True), ("has_imagery", False, False), ("grid", True, False)],
)
def test_only_failures_of_blocking_checks_keep_a_product_back(
    tmp_path, partition, check, warning, rejected
):
    verdict = Verdict(check=check, passed=False, warning=warning, text="It is shifted.")
    made = record(verdicts=(verdict,))
    store = Store(tmp_path)
    with store.publish(partition, "mosaic") as folder:
        store.write_record(folder, made)
    if not rejected:
        assert store.read_usable(partition, "mosaic") == made
        return
    with pytest.raises(RejectedArtifactError, match="It is shifted"):
        store.read_usable(partition, "mosaic")


@pytest.mark.parametrize(("age", "passed"), [(0, True), (10, True), (11, False)])
def test_a_region_is_fresh_for_as_long_as_it_says(age, passed):
    last = dt.date(2023, 7, 1)
    verdict = judge_freshness(region(), last, last + dt.timedelta(days=age))
    assert (verdict.passed, verdict.warning) == (passed, True)
    assert verdict.numbers == {
        "region": "seam", "limit_days": 10, "last_imagery": "2023-07-01", "age_days": age
    }  # fmt: skip


def test_last_imagery_passes_over_empty_and_rejected_dates(tmp_path):
    store = Store(tmp_path)
    rejected = Verdict(check="grid", passed=False, text="It is shifted.")
    for day, changes in [(1, {}), (2, {"empty": "all_cloud"}), (3, {"verdicts": (rejected,)})]:
        where = Partition(region(), dt.date(2023, 7, day))
        with store.publish(where, "mosaic") as folder:
            store.write_record(folder, record(date=str(where.date), **changes))
    assert last_imagery(store, region(), "daily") == dt.date(2023, 7, 1)
    assert last_imagery(store, region(), "monthly") == dt.date(2023, 7, 31)
    assert last_imagery(store, region("other"), "daily") is None
