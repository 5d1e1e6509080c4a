"""A look and a product are the same pixels: tiles, times, outlines and stored products."""

from __future__ import annotations

import math

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling
from rasterio.warp import transform as transform_points

from eo_assets.catalog.quality import SCL
from eo_assets.cube.compositing import Status
from eo_assets.cube.evaluate import evaluate, evaluate_times
from eo_assets.cube.functions import register
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.probing import probe_scene, with_grids
from eo_assets.cube.scene import SourceBand
from eo_assets.cube.series import evaluate_series
from eo_assets.errors import ConfigurationError, ViewLimitError
from eo_assets_tests.stac_api_items import box
from eo_assets_tests.tiny_archive import (
    CLEAR,
    CLOUD,
    SIZE,
    TILE_X,
    TILE_Y,
    UTM,
    make_scene,
    write_tif,
)

S2 = "sentinel-2-l2a"
GRID = GeoBox((SIZE, SIZE), Affine(10, 0, TILE_X[0], 0, -10, TILE_Y), UTM)
DATES = ("2023-06-03", "2023-06-20", "2023-07-02", "2023-12-30", "2024-01-02")


def overviews(scene):
    for file in (*scene.bands.values(), scene.quality):
        how = Resampling.mode if file is scene.quality else Resampling.average
        with rasterio.open(file.href, "r+") as dataset:
            dataset.build_overviews([2, 4], how)


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scenes")
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:SIZE, :SIZE]
    made = []
    for n, date in enumerate(DATES):
        smooth = 1500 + 4 * x + 3 * y + 200 * n
        red = (smooth + rng.integers(0, 40, smooth.shape)).astype(np.uint16)
        nir = (2 * smooth + rng.integers(0, 40, smooth.shape)).astype(np.uint16)
        red[:3, :5] = 0
        scl = np.full((SIZE // 2, SIZE // 2), CLEAR, np.uint8)
        scl[10 * n : 10 * n + 20, 5:40] = CLOUD
        scene = make_scene(
            folder,
            f"s{n}",
            {"red": red, "nir": nir},
            scl,
            quality_m=20.0,
            cloud=float(n),
            acquired=f"{date}T09:20:00+00:00",
        )
        overviews(scene)
        made.append(with_grids(scene, probe_scene(scene)))
    return tuple(made)


@pytest.fixture(scope="module")
def cube(scenes):
    return VirtualCube.load(S2, scenes, ("red", "nir")).valid(SCL)


def mercator(pixels, pixel_m):
    xs, ys = transform_points(UTM, "EPSG:3857", [TILE_X[0] + 640], [TILE_Y - 640])
    left, top = xs[0] - pixels * pixel_m / 2, ys[0] + pixels * pixel_m / 2
    return GeoBox((pixels, pixels), Affine(pixel_m, 0, left, 0, -pixel_m, top), "EPSG:3857")


@pytest.mark.parametrize("method", ["first", "median", "medoid", "max_ndvi"])
def test_a_look_at_native_scale_is_the_product_bit_for_bit(cube, method):
    whole = evaluate(cube.composite(method).clip(box(25.72, 45.13, 25.74, 45.2)), GRID).packed
    window = (slice(20, 84), slice(30, 94))
    look = evaluate(
        cube.composite(method).clip(box(25.72, 45.13, 25.74, 45.2)), GRID[window], preview=True
    ).packed
    assert (look["status"] == Status.VALID).any()
    for name in ("red", "nir", "status", "source"):
        np.testing.assert_array_equal(look[name].values, whole[name].values[window])


def test_tiles_meet_and_agree_with_the_exact_evaluation(cube):
    ndvi = cube.composite().index("ndvi")
    grid = mercator(64, 40.0)
    look = evaluate(ndvi, grid, preview=True)
    exact = evaluate(ndvi, grid)
    both = look.valid & exact.valid
    assert both.sum() > 400
    assert (look.valid != exact.valid).mean() < 0.1
    error = np.abs(look.values("red") - exact.values("red"))[both]
    # one step of the gradient is 0.0028 a wanted pixel
    assert np.median(error) < 0.0014
    left = evaluate(ndvi, grid[:, :29], preview=True)
    right = evaluate(ndvi, grid[:, 29:], preview=True)
    joined = np.hstack([left.values("ndvi"), right.values("ndvi")])
    np.testing.assert_array_equal(joined, look.values("ndvi"))


def test_a_look_reads_overviews_and_no_more_than_it_shows(cube, scenes):
    rendered = cube.composite().index("ndvi").render("ndvi", colormap="rdylgn")
    look = evaluate(rendered, mercator(32, 60.0), preview=True)
    assert look.names == ("ndvi",)
    assert max(read.pixels for read in look.reads) <= (SIZE // 4) ** 2
    red_only = cube.composite().render("red")
    clear = GRID[100:120, 100:120]
    reads = evaluate(red_only, clear, preview=True).reads
    # the least cloudy scene fills it: neither its other band nor any other scene is read
    assert {(read.scene, read.band) for read in reads} == {("s0", "quality"), ("s0", "red")}
    assert {read.scene for read in evaluate(red_only, clear).reads} == {s.id for s in scenes}


def test_more_scenes_than_allowed_are_an_error(cube):
    with pytest.raises(ViewLimitError, match="5 scenes touch this view; at most 4"):
        evaluate(cube.median(), GRID, preview=True, max_scenes=4)
    assert evaluate(cube.median(), GRID, preview=True, max_scenes=5).valid.all() is not None


def test_a_file_without_overviews_cannot_be_seen_from_far_away(cube, monkeypatch):
    monkeypatch.setattr("eo_assets.cube.preview.MAX_WINDOW_PX", 500)
    with pytest.raises(ViewLimitError, match="Zoom in"):
        evaluate(cube.composite(), mercator(32, 60.0), preview=True)


def stack_of(cube, name):
    return np.stack([one.values(name) for one in evaluate_times(cube, GRID)])


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("mean", np.nanmean),
        ("min", np.nanmin),
        ("max", np.nanmax),
        ("std", np.nanstd),
        ("median", np.nanmedian),
    ],
)
@pytest.mark.filterwarnings("ignore:.*:RuntimeWarning")
def test_statistics_over_time_are_numpys(cube, method, expected):
    ndvi = cube.index("ndvi")
    reduced = evaluate(ndvi.reduce(method), GRID).values("ndvi")
    stack = stack_of(ndvi, "ndvi")
    assert len(stack) == len(DATES)
    assert np.isnan(reduced[:3, :5]).all()
    np.testing.assert_allclose(reduced, expected(stack.astype(float), axis=0), atol=2e-6)


@pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning")
def test_counts_and_percentiles_leave_out_what_is_masked(cube):
    ndvi = cube.index("ndvi")
    stack = stack_of(ndvi, "ndvi")
    count = evaluate(ndvi.count(), GRID).values("ndvi")
    np.testing.assert_array_equal(count, (~np.isnan(stack)).sum(axis=0))
    assert set(np.unique(count)) >= {0, 4, 5}
    p10 = evaluate(ndvi.percentile(10), GRID).values("ndvi")
    np.testing.assert_allclose(p10, np.nanpercentile(stack.astype(float), 10, axis=0), atol=2e-6)


def test_the_median_of_scenes_is_that_of_their_passes(cube):
    packed = evaluate(cube.median(), GRID).packed
    series = evaluate(cube.by("pass").median(), GRID).packed
    for name in ("red", "nir", "status", "observations"):
        np.testing.assert_array_equal(series[name].values, packed[name].values)


def test_periods_are_calendar_periods_and_winter_begins_in_december(cube):
    def times(period):
        return [one.time for one in evaluate_times(cube.by(period), GRID[:8, :8])]

    assert times("month") == ["2023-06-01", "2023-07-01", "2023-12-01", "2024-01-01"]
    assert times("season") == ["2023-06-01", "2023-12-01"]
    assert times("day") == list(DATES)
    assert times("week") == ["2023-05-29", "2023-06-19", "2023-06-26", "2023-12-25", "2024-01-01"]
    assert times("pass")[0] == "2023-06-03T09:20:00Z"


def test_a_difference_is_of_two_branches(cube, scenes):
    before, after = cube.with_scenes(scenes[:1]), cube.with_scenes(scenes[1:2])
    change = evaluate(before.composite().minus(after.composite()), GRID)
    one, other = evaluate(before.composite(), GRID), evaluate(after.composite(), GRID)
    np.testing.assert_array_equal(change.values("red"), one.values("red") - other.values("red"))
    np.testing.assert_array_equal(change.valid, one.valid & other.valid)


def test_classes_are_never_averaged(scenes):
    cube = VirtualCube.load(S2, scenes[:1], ("red", "scl")).composite()
    native = evaluate(cube, GRID).values("scl")
    assert set(np.unique(native)) == {CLEAR, CLOUD}
    for grid in (mercator(40, 33.0), GRID.zoom_out(4)):
        for preview in (True, False):
            seen = evaluate(cube, grid, preview=preview).values("scl")
            assert set(np.unique(seen[~np.isnan(seen)])) == {CLEAR, CLOUD}


@pytest.fixture(scope="module")
def relief(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dem")
    y, x = np.mgrid[:SIZE, :SIZE]
    # rises 0.3 m a metre to the east and 0.1 m to the north
    z = (1000 + 3 * x - 1 * y).astype(np.float32)
    scene = make_scene(folder, "dem", {"red": np.ones((4, 4), np.uint16)}, np.ones((4, 4), "u1"))
    band = SourceBand(
        href=str(write_tif(folder / "z.tif", z)),
        scale=1,
        offset=0,
        nodata=0,
        valid_min=-500,
        valid_max=9000,
        value_scale=0.15,
        value_offset=-500,
        dtype="float32",
        reason="made up",
    )
    scene = scene.model_copy(update={"bands": {"elevation": band}, "quality": None})
    return VirtualCube.load("cop-dem-glo-30", (scene,), ("elevation",)).composite()


def test_slope_and_shade_are_those_of_the_plane_on_every_grid(relief):
    steep = math.degrees(math.atan(math.hypot(0.3, 0.1)))
    for grid in (GRID[20:90, 20:90], mercator(40, 15.0)):
        slope = evaluate(relief.slope(), grid).values("slope")
        assert np.nanmedian(slope) == pytest.approx(steep, abs=0.25)
    facing = evaluate(relief.aspect(), GRID[20:90, 20:90]).values("aspect")
    assert np.nanmedian(facing) == pytest.approx(math.degrees(math.atan2(-0.3, -0.1)) % 360, abs=2)
    lit = evaluate(relief.hillshade(azimuth_deg=270), GRID[20:90, 20:90]).values("hillshade")
    dark = evaluate(relief.hillshade(azimuth_deg=90), GRID[20:90, 20:90]).values("hillshade")
    assert np.nanmedian(lit) > np.nanmedian(dark) + 80


def test_a_halo_leaves_no_seam(relief):
    register("spread", spread, inputs=("elevation",), halo_px=3)
    cube = relief.hillshade().apply("spread")
    assert cube.halo_px == 4
    whole = evaluate(cube, GRID[10:90, 10:100])
    for name in ("hillshade", "spread", "elevation"):
        parts = [evaluate(cube, GRID[10:90, a:b]).values(name) for a, b in ((10, 43), (43, 100))]
        np.testing.assert_array_equal(np.hstack(parts), whole.values(name))
        assert np.isfinite(whole.values(name)).all()


def spread(elevation):
    shifted = [np.roll(elevation, step, axis=1) for step in range(-3, 4)]
    return np.max(shifted, axis=0) - np.min(shifted, axis=0)


def outline(rows, columns):
    corners = [(columns[0], rows[0]), (columns[1], rows[0]), (columns[1], rows[1])]
    corners += [(columns[0], rows[1]), (columns[0], rows[0])]
    x = [TILE_X[0] + 10 * column for column, _ in corners]
    y = [TILE_Y - 10 * row for _, row in corners]
    return {
        "type": "Polygon",
        "coordinates": [
            list(map(list, zip(*transform_points(UTM, "EPSG:4326", x, y), strict=True)))
        ],
    }


def test_a_series_is_of_the_pixels_inside_on_the_files_own_grid(cube):
    # the corners lie in the middle of pixels that are left out
    rows, columns = (20.4, 50.4), (30.4, 70.4)
    series = evaluate_series(cube.index("ndvi"), outline(rows, columns), bands=("ndvi",))
    assert (series.pixels, series.coarsening) == (30 * 40, 1)
    inner = stack_of(cube.index("ndvi"), "ndvi")[:, 20:50, 30:70].astype(float)
    assert [one.time[:10] for one in series.observations] == list(DATES)
    for one, pixels in zip(series.observations, inner, strict=True):
        valid = pixels[~np.isnan(pixels)]
        assert one.count == valid.size
        assert one.valid_fraction == valid.size / 1200
        if not valid.size:
            assert (one.mean, one.sd) == (None, None)
            continue
        got = (one.mean, one.median, one.p10, one.p90, one.sd)
        expected = (valid.mean(), *np.percentile(valid, [50, 10, 90]), valid.std())
        assert got == pytest.approx(expected, abs=1e-9)
    shares = {one.valid_fraction for one in series.observations}
    assert len(shares) >= 3
    assert {0.0, 1.0} <= shares


def test_a_large_outline_is_looked_at_in_coarser_pixels(cube):
    fine = evaluate_series(cube, outline((4, 120), (8, 120)), bands=("red",))
    coarse = evaluate_series(cube, outline((4, 120), (8, 120)), bands=("red",), max_pixels=1000)
    assert (fine.coarsening, coarse.coarsening) == (1, 4)
    assert coarse.geobox.shape[0] * coarse.geobox.shape[1] <= 1000
    for one, other in zip(fine.observations, coarse.observations, strict=True):
        assert other.mean == pytest.approx(one.mean, rel=0.03)


def test_a_point_is_the_pixel_it_lies_in(cube):
    lon, lat = transform_points(UTM, "EPSG:4326", [TILE_X[0] + 1003], [TILE_Y - 1107])
    series = evaluate_series(cube, {"type": "Point", "coordinates": [lon[0], lat[0]]})
    assert series.pixels == 1
    expected = stack_of(cube, "red")[:, 110, 100]
    got = [one.mean for one in series.observations if one.band == "red"]
    assert got == pytest.approx(list(expected), abs=1e-9)
    with pytest.raises(ConfigurationError, match="LineString"):
        evaluate_series(cube, {"type": "LineString", "coordinates": [[25, 45], [26, 46]]})


def test_what_is_not_an_image_or_not_resolved_is_refused(cube):
    with pytest.raises(ConfigurationError, match="describes scenes, not an image"):
        evaluate(cube, GRID)
    with pytest.raises(ConfigurationError, match="has no times"):
        evaluate_times(cube.composite(), GRID)
    with pytest.raises(ConfigurationError, match="has not been looked up"):
        evaluate(VirtualCube.product("a/b/2023-01-01/geotiff", ("red",)), GRID)
