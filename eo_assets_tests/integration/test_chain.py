"""The six assets through Dagster on real worker processes, judged by what the sample was made from.

The truth is read with rasterio alone, and compared on its own grid: nothing here shares code with
what it judges.
"""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio.warp import Resampling, reproject
from rio_cogeo.cogeo import cog_validate
from sklearn.metrics import adjusted_rand_score

from eo_assets.definitions import STEPS
from eo_assets.sample.landcover import Cover

pytestmark = pytest.mark.integration

DAY = "2023-07-15"
CLOUDY, HALF_SWATH, OLD_BASELINE, NO_SCENE = "2023-06-20", "2023-08-06", "2021-07-15", "2023-07-16"
BAND_OF = {
    "bucegi": {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir"},
    "bucegi-landsat": {"B02": "blue", "B03": "green", "B04": "red", "B08": "nir08"},
}
CLEAR, CLOUD, SHADOW, OUTSIDE = 0, 1, 2, 3
READ_LOG = "reads.parquet"
REFLECTANCE_BANDS = {
    "bucegi": "blue green red rededge1 rededge2 rededge3 nir nir08 swir16 swir22",
    "bucegi-landsat": "blue green red nir08 swir16 swir22 lwir11",
}


@pytest.fixture(scope="module")
def sentinel(chain):
    return chain("bucegi", DAY)


@pytest.fixture(scope="module")
def landsat(chain):
    return chain("bucegi-landsat", DAY)


def read_bands(path):
    """Physical values by band name, NaN where there is none; the profile."""
    with rasterio.open(path) as file:
        values = file.read(masked=True).astype(np.float32)
        scaled = values * np.array(file.scales, np.float32)[:, None, None]
        return dict(zip(file.descriptions, scaled.filled(np.nan), strict=True)), file.profile


def read_truth(archive, kind, date, onto):
    """A truth raster on a product's grid; by nearest pixel, which is the same pixel at 10 m."""
    coarser = onto["transform"].a > 10 and kind == "reflectance"
    name = f"{kind}/{date}.tif" if date else f"{kind}.tif"
    with rasterio.open(archive / "truth" / name) as file:
        dtype = np.float32 if kind == "reflectance" else np.uint8
        layers = {}
        for number, band in enumerate(file.descriptions, start=1):
            target = np.zeros((onto["height"], onto["width"]), dtype)
            reproject(
                file.read(number).astype(dtype),
                target,
                src_transform=file.transform,
                src_crs=file.crs,
                dst_transform=onto["transform"],
                dst_crs=onto["crs"],
                resampling=Resampling.average if coarser else Resampling.nearest,
            )
            layers[band] = target / np.float32(10_000) if kind == "reflectance" else target
    return layers if kind == "reflectance" else next(iter(layers.values()))


def mosaic_bands(products):
    return read_bands(products.file("geotiff", "geotiff"))


def errors_against_truth(products, archive, date):
    bands, profile = mosaic_bands(products)
    truth = read_truth(archive, "reflectance", date, profile)
    clear = read_truth(archive, "clouds", date, profile) == CLEAR
    judged = clear & np.isfinite(bands["red"])
    names = BAND_OF[products.partition.region.id]
    return {names[key]: (bands[names[key]] - true)[judged] for key, true in truth.items()}


def assert_small(errors, *, median, bias):
    assert errors
    for band, error in errors.items():
        figures = f"{band}: median |error| {np.median(np.abs(error)):.4f}, bias {error.mean():+.4f}"
        print(figures, f"n {error.size:,}")
        assert error.size > 400_000, figures
        assert np.median(np.abs(error)) <= median, figures
        assert abs(np.median(error)) <= bias, figures


def test_sentinel_reflectance_is_the_true_one(sentinel, archive):
    errors = errors_against_truth(sentinel, archive, DAY)
    assert set(errors) == {"blue", "green", "red", "nir"}
    assert_small(errors, median=0.01, bias=0.003)


def test_landsat_reflectance_is_the_true_one(landsat, archive):
    errors = errors_against_truth(landsat, archive, DAY)
    # the truth is Sentinel-2's: its broad B08 starts at the red edge, where leaves are darker
    near_infrared = {"nir08": errors.pop("nir08")}
    assert_small(errors, median=0.01, bias=0.005)
    assert_small(near_infrared, median=0.025, bias=0.025)


@pytest.mark.parametrize(("name", "most_lost"), [("sentinel", 0.06), ("landsat", 0.1)])
def test_what_is_kept_is_not_cloud(name, most_lost, archive, request):
    bands, profile = mosaic_bands(request.getfixturevalue(name))
    kept = np.isfinite(bands["red"])
    truth = read_truth(archive, "clouds", DAY, profile)
    cloudy, shadow = ((truth[kept] == code).mean() for code in (CLOUD, SHADOW))
    lost = 1 - kept[truth == CLEAR].mean()
    print(f"kept: {cloudy:.2%} cloud, {shadow:.2%} shadow; clear but left out {lost:.2%}")
    assert cloudy <= 0.02
    assert lost <= most_lost


def test_beech_is_as_green_as_in_july(sentinel, archive):
    bands, profile = mosaic_bands(sentinel)
    beech = read_truth(archive, "landcover", "", profile) == Cover.BEECH
    ndvi = (bands["nir"] - bands["red"]) / (bands["nir"] + bands["red"])
    median = float(np.nanmedian(ndvi[beech]))
    print(f"NDVI of beech {median:.3f}, n {np.isfinite(ndvi[beech]).sum():,}")
    assert abs(median - 0.86) <= 0.04


def test_classes_follow_the_land_cover(sentinel, archive):
    with rasterio.open(sentinel.file("clusters", "classes")) as file:
        classes, profile, nodata = file.read(1), file.profile, file.nodata
    cover = read_truth(archive, "landcover", "", profile)
    known = classes != nodata
    agreement = adjusted_rand_score(cover[known], classes[known])
    print(f"adjusted Rand index {agreement:.3f} of {known.sum():,} pixels")
    assert agreement >= 0.7


def test_land_that_has_not_changed_keeps_its_class_on_another_date(chain, sentinel, archive):
    """The first date founds the code book; unchanged is what the truth says of both dates."""
    other = chain("bucegi", OLD_BASELINE, last="clusters")
    labels = []
    for products in (sentinel, other):
        with rasterio.open(products.file("clusters", "classes")) as file:
            labels.append(file.read(1))
            profile = file.profile
    truths = [read_truth(archive, "reflectance", date, profile) for date in (DAY, OLD_BASELINE)]
    change = {band: np.abs(truths[0][band] - truths[1][band]) for band in ("B04", "B08")}
    with np.errstate(divide="ignore", invalid="ignore"):
        ndvi = [(one["B08"] - one["B04"]) / (one["B08"] + one["B04"]) for one in truths]
    same = (change["B04"] < 0.02) & (change["B08"] < 0.03) & (np.abs(ndvi[0] - ndvi[1]) < 0.05)
    judged = same & (labels[0] > 0) & (labels[1] > 0)
    kept = (labels[0] == labels[1])[judged].mean()
    print(f"{kept:.2%} of {judged.sum():,} unchanged pixels keep their class")
    assert judged.sum() > 400_000
    assert kept >= 0.95
    books = {products.record("clusters").summary["code_book"] for products in (sentinel, other)}
    assert len(books) == 1


@pytest.mark.parametrize("name", ["sentinel", "landsat"])
def test_geotiff_is_a_cog_on_the_grid_of_the_region(name, request):
    products = request.getfixturevalue(name)
    path = products.file("geotiff", "geotiff")
    grid = json.loads(products.file("band_stack", "grid").read_text())
    valid, errors, warnings = cog_validate(path, strict=True)
    assert (valid, errors, warnings) == (True, [], [])
    with rasterio.open(path) as file:
        assert list(file.transform)[:6] == grid["transform"]
        assert [file.height, file.width] == grid["shape"]
        assert str(file.crs) == grid["crs"] == "EPSG:32635"
        assert " ".join(file.descriptions) == REFLECTANCE_BANDS[products.partition.region.id]
        assert set(file.dtypes) == {"uint16"}
        assert file.nodata == 0
        for band, scale, offset in zip(file.descriptions, file.scales, file.offsets, strict=True):
            assert (band == "lwir11") or (scale, offset) == (0.0001, 0.0)
        assert file.overviews(1)[:1] == [2]


@pytest.mark.parametrize("name", ["sentinel", "landsat"])
def test_class_map_is_a_coloured_cog_on_the_same_grid(name, request):
    products = request.getfixturevalue(name)
    path = products.file("clusters", "classes")
    valid, errors, warnings = cog_validate(path, strict=True)
    assert (valid, errors, warnings) == (True, [], [])
    with rasterio.open(path) as file, rasterio.open(products.file("geotiff", "geotiff")) as other:
        assert (file.bounds, file.shape) == (other.bounds, other.shape)
        assert (file.dtypes, file.count) == (("uint8",), 1)
        present = set(np.unique(file.read(1)).tolist()) - {file.nodata}
        assert len(present) == products.record("clusters").summary["classes"]
        assert present <= set(file.colormap(1))


def test_bounds_of_the_region_lie_within_those_of_the_geotiff(sentinel):
    west, south, east, north = sentinel.partition.region.bbox_4326
    with rasterio.open(sentinel.file("geotiff", "geotiff")) as file:
        left, bottom, right, top = rasterio.warp.transform_bounds(
            "EPSG:4326", file.crs, west, south, east, north, densify_pts=101
        )
        bounds = file.bounds
    outside = (left - bounds.left, bottom - bounds.bottom, bounds.right - right, bounds.top - top)
    # at most one pixel wider than the outline on each side, never narrower
    assert all(-1e-3 <= metres <= 10 for metres in outside), outside


def test_old_baseline_continues_without_a_jump(chain, sentinel, archive):
    """Digital numbers of 2021 have no offset of 1000; forgetting that is a jump of 0.1."""
    old, profile = read_zarr(chain("bucegi", OLD_BASELINE, last="mosaic"), ("red", "nir"))
    new, _ = read_zarr(sentinel, ("red", "nir"))
    cover = read_truth(archive, "landcover", "", profile)
    for name in ("BEECH", "SPRUCE", "ROCK"):
        stable = (cover == Cover[name]) & np.isfinite(old["red"]) & np.isfinite(new["red"])
        change = {band: float(np.median((old[band] - new[band])[stable])) for band in new}
        print(name, {band: f"{value:+.4f}" for band, value in change.items()}, f"{stable.sum():,}")
        assert all(abs(value) <= 0.02 for value in change.values()), (name, change)


def read_zarr(products, bands):
    """Bands of a mosaic as the ``xarray`` anybody has would open it."""
    import xarray as xr

    with xr.open_zarr(products.file("mosaic", "mosaic"), consolidated=False) as mosaic:
        values = {band: mosaic[band].to_numpy() for band in bands}
        transform = [float(n) for n in mosaic.spatial_ref.attrs["GeoTransform"].split()]
        height, width = mosaic.red.shape
    affine = rasterio.Affine.from_gdal(*transform)
    return values, {"transform": affine, "crs": "EPSG:32635", "height": height, "width": width}


def test_cloudy_day_says_so(chain, archive):
    products = chain("bucegi", CLOUDY, last="mosaic")
    summary = products.record("mosaic").summary
    _, profile = read_zarr(products, ("red",))
    true_clear = (read_truth(archive, "clouds", CLOUDY, profile) == CLEAR).mean()
    print(f"cloudy day: {summary['valid_pct']} % valid, truth {true_clear:.2%} clear")
    assert products.record("mosaic").empty is None
    assert summary["masked_pct"] >= 90
    assert summary["valid_pct"] <= 100 * true_clear + 1
    assert summary["no_coverage_pct"] == summary["failed_read_pct"] == 0


def test_half_swath_says_how_much_was_not_seen(chain, archive):
    products = chain("bucegi", HALF_SWATH, last="mosaic")
    summary = products.record("mosaic").summary
    bands, profile = read_zarr(products, ("red", "status"))
    outside = read_truth(archive, "clouds", HALF_SWATH, profile) == OUTSIDE
    inside_region = bands["status"] != 0
    true_pct = 100 * outside[inside_region].mean()
    print(f"outside the swath: {summary['no_coverage_pct']} %, truth {true_pct:.2f} %")
    assert 10 < true_pct < 90
    assert abs(summary["no_coverage_pct"] - true_pct) <= 1
    assert not np.isfinite(bands["red"][outside]).any()
    parts = ("valid_pct", "masked_pct", "no_coverage_pct", "failed_read_pct")
    assert sum(summary[part] for part in parts) == pytest.approx(100, abs=0.01)


def test_day_without_scenes_is_a_result_with_its_reason(chain):
    products = chain("bucegi", NO_SCENE)
    assert products.result.success
    assert {step: products.record(step).empty for step in STEPS} == dict.fromkeys(STEPS, "no_scene")
    events = products.result.get_asset_materialization_events()
    assert {event.step_key for event in events} == set(STEPS)
    page = products.file("reports", "report").read_text(encoding="utf-8")
    assert "No satellite scene covers the region" in page


@pytest.mark.parametrize("name", ["sentinel", "landsat"])
def test_products_say_what_they_were_made_from(name, request):
    products = request.getfixturevalue(name)
    digests = {step: products.record(step).digest for step in STEPS}
    for step in STEPS:
        upstream = products.record(step).upstream
        assert upstream == {above: digests[above] for above in upstream}
        assert bool(upstream) == (step != "stac_items")


def test_every_asset_reports_metadata_people_can_use(sentinel):
    metadata = {
        event.step_key: event.step_materialization_data.materialization.metadata
        for event in sentinel.result.get_asset_materialization_events()
    }
    assert set(metadata) == set(STEPS)
    for step, entries in metadata.items():
        assert entries["empty"].value is False, step
        assert entries["seconds"].value > 0
        assert entries["path"].value == str(sentinel.folder(step))
        assert entries["dask_dashboard"].value.startswith("http")
    assert metadata["mosaic"]["valid_pct"].value == sentinel.record("mosaic").summary["valid_pct"]


def contents(products):
    """Checksum of each file of a partition, and the log of reads without how long they took."""
    root = products.folder("mosaic").parent
    files = [path for path in root.rglob("*") if path.is_file() and path.name != READ_LOG]
    log = pd.read_parquet(products.folder("mosaic") / READ_LOG).drop(columns="seconds")
    return {
        **{str(f.relative_to(root)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files},
        READ_LOG: log.to_csv(),
    }


def test_materialising_again_gives_the_same_bytes(chain, landsat):
    first, second = contents(landsat), contents(chain("bucegi-landsat", DAY, place="second"))
    assert len(first) > 50
    assert {name for name in {*first, *second} if first.get(name) != second.get(name)} == set()


def test_nothing_half_written_is_left(chain, sentinel, landsat):
    hidden = [path for path in chain.outputs.rglob(".*") if path.name.startswith(".")]
    assert hidden == []
