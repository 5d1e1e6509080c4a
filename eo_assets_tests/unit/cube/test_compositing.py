"""The ``first`` rule by hand on scenes of a few pixels, and its independence of blocks."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from eo_assets.catalog.quality import SCL
from eo_assets.cube import compositing
from eo_assets.cube.compositing import Status
from eo_assets.cube.evaluate import evaluate
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.probing import probe_scene, with_grids
from eo_assets.cube.scene import Scene
from eo_assets.cube.scene_order import order_scenes
from eo_assets_tests.tiny_archive import CLEAR, CLOUD, FILL, UTM, lonlat_ring, make_scene

X, Y = 399_960.0, 5_000_040.0
PLAIN = dataclasses.replace(SCL, opening_m=0, dilation_m=0)
OUTSIDE, VALID, MASKED, NO_COVERAGE, FAILED = Status


def grid(rows, columns, *, x=X, y=Y, pixel_m=10.0, crs=UTM):
    return GeoBox((rows, columns), Affine(pixel_m, 0, x, 0, -pixel_m, y), crs)


def image(scenes, geobox, *, bands=("red",), order="least_cloudy", quality=PLAIN, outline=None):
    cube = VirtualCube.load("sentinel-2-l2a", tuple(scenes), bands)
    cube = cube.valid(quality).composite(order=order)
    return evaluate(cube.clip(outline) if outline else cube, geobox)


def scene(folder, name, red, scl, **more):
    """A scene of 16-pixel blocks, whose arrays may be given as nested lists."""
    red, scl = np.asarray(red, np.uint16), np.asarray(scl, np.uint8)
    return make_scene(folder, name, {"red": red}, scl, **more)


@pytest.fixture
def pair(tmp_path):
    """Two scenes of 2 × 2 pixels that overlap by one column: a covers 0-1, b covers 1-2."""
    a = scene(tmp_path, "a", [[11, 12], [13, 14]], [[CLEAR, CLEAR], [CLOUD, CLOUD]], cloud=1)
    b = scene(
        tmp_path, "b", [[21, 22], [23, 0]], [[CLEAR, CLEAR], [CLEAR, FILL]], cloud=2,
        origin=(X + 10, Y),
    )  # fmt: skip
    return a, b


def test_the_first_usable_scene_gives_the_pixel(pair):
    result = image(pair, grid(2, 4)).packed
    assert result["red"].values.tolist() == [[11, 12, 22, 0], [0, 23, 0, 0]]
    assert result["source"].values.tolist() == [[1, 1, 2, 0], [0, 2, 0, 0]]
    assert result["observations"].values.tolist() == [[1, 2, 1, 0], [0, 1, 0, 0]]
    assert result["status"].values.tolist() == [
        [VALID, VALID, VALID, NO_COVERAGE],
        [MASKED, VALID, NO_COVERAGE, NO_COVERAGE],
    ]


def test_scenes_of_one_pass_are_one_observation(tmp_path, pair):
    a, b = pair
    same = [a, b.model_copy(update={"pass_id": a.pass_id})]
    assert image(same, grid(2, 3)).packed["observations"].values.tolist() == [[1, 1, 1], [0, 1, 0]]


def test_more_passes_than_a_byte_counts_are_no_fewer(tmp_path):
    one = scene(tmp_path, "s", [[5]], [[CLEAR]])
    many = [one.model_copy(update={"id": f"s{n}", "pass_id": f"p{n}"}) for n in range(258)]
    assert image(many, grid(1, 1)).packed["observations"].values.tolist() == [[255]]


def test_the_order_decides(tmp_path, pair):
    early = scene(tmp_path, "early", [[1]], [[CLEAR]], cloud=9, acquired="2023-07-01T09:00+00:00")
    late = scene(tmp_path, "late", [[2]], [[CLEAR]], cloud=80, acquired="2023-07-03T09:00+00:00")
    for order, value in [("least_cloudy", 1), ("newest", 2), ("oldest", 1)]:
        assert image([early, late], grid(1, 1), order=order).packed["red"].item() == value


def test_ties_fall_to_the_newer_and_then_to_the_smaller_id(tmp_path):
    base = scene(tmp_path, "b", [[1]], [[CLEAR]])
    newer = base.model_copy(update={"id": "z", "acquired": base.acquired.replace(hour=10)})
    twin = base.model_copy(update={"id": "a"})
    unstated = base.model_copy(update={"id": "c", "cloud_cover_pct": None})
    scenes = [unstated, base, newer, twin]
    for arrangement in itertools.permutations(scenes):
        order = [arrangement[p].id for p in order_scenes(arrangement, "least_cloudy")]
        assert order == ["z", "a", "b", "c"]


def test_a_pixel_is_of_one_scene_in_all_its_bands(tmp_path):
    clear = np.full((2, 2), CLEAR, np.uint8)
    one = make_scene(
        tmp_path, "one", {"red": np.full((2, 2), 10, np.uint16),
                          "nir": np.array([[0, 11], [11, 11]], np.uint16)}, clear, cloud=1,
    )  # fmt: skip
    two = make_scene(
        tmp_path, "two", {k: np.full((2, 2), 20, np.uint16) for k in ("red", "nir")}, clear,
    )  # fmt: skip
    result = image([one, two], grid(2, 2), bands=("red", "nir")).packed
    assert result["red"].values.tolist() == [[10, 10], [10, 10]]
    assert result["nir"].values.tolist() == [[0, 11], [11, 11]]
    assert (result["source"].values == 1).all()


def broken(one: Scene, band="red") -> Scene:
    """Probed while it was whole, and cut short since."""
    one = with_grids(one, probe_scene(one))
    file = one.quality if band == "quality" else one.bands[band]
    path = file.href.replace(".tif", "-cut.tif")
    content = Path(file.href).read_bytes()
    Path(path).write_bytes(content[: len(content) // 2])
    cut_file = file.model_copy(update={"href": path})
    if band == "quality":
        return one.model_copy(update={"quality": cut_file})
    return one.model_copy(update={"bands": {**one.bands, band: cut_file}})


@pytest.mark.parametrize("band", ["red", "quality"])
def test_another_scene_fills_what_cannot_be_read(pair, band):
    a, b = pair
    result = image([broken(a, band), b], grid(2, 4))
    assert result.packed["red"].values.tolist() == [[0, 21, 22, 0], [0, 23, 0, 0]]
    [failure] = [read for read in result.reads if read.failure]
    assert (failure.scene, failure.band) == ("a", band)
    assert "cannot be read" in failure.failure
    status = result.packed["status"].values
    assert (status == VALID).sum() == 3
    assert status[0, 0] == FAILED
    assert status[0, 3] == NO_COVERAGE


def test_an_unreadable_quality_band_is_not_taken_for_cloud(tmp_path, pair):
    a, _ = pair
    cloudy = scene(tmp_path, "c", [[1, 1], [1, 1]], [[CLOUD, CLOUD], [CLEAR, FILL]], cloud=90)
    for scenes in ([broken(a, "quality"), cloudy], [cloudy, broken(a, "quality")]):
        status = image(scenes, grid(2, 3)).packed["status"].values.tolist()
        assert status == [[FAILED, FAILED, NO_COVERAGE], [VALID, FAILED, NO_COVERAGE]]


def test_a_file_nobody_could_ever_open_may_be_missing_anywhere(tmp_path, pair):
    a, b = pair
    gone = a.quality.model_copy(update={"href": str(tmp_path / "gone.tif")})
    result = image([a.model_copy(update={"quality": gone}), b], grid(2, 4)).packed
    assert result["status"].values.tolist() == [
        [FAILED, VALID, VALID, FAILED],
        [FAILED, VALID, FAILED, FAILED],
    ]


def test_no_scene_at_all_is_no_coverage():
    result = image([], grid(3, 2)).packed
    assert (result["status"].values == NO_COVERAGE).all()
    assert not result["red"].values.any()


def test_reflectance_is_read_only_where_it_is_needed(tmp_path):
    values = np.arange(1, 64 * 64 + 1).reshape(64, 64)
    half = np.where(np.arange(64) < 40, CLEAR, CLOUD) * np.ones((64, 1))
    first = scene(tmp_path, "first", values, half, cloud=1)
    second = scene(tmp_path, "second", values, np.full((64, 64), CLEAR), cloud=2)
    third = scene(tmp_path, "third", values, np.full((64, 64), CLEAR), cloud=3)
    reads = image([third, second, first], grid(64, 64)).reads
    windows = {(read.scene, read.band): read.window for read in reads}
    assert windows["first", "red"] == (0, 0, 64, 40)
    assert windows["second", "red"] == (0, 40, 64, 24)
    assert ("third", "red") not in windows
    assert {name for name, band in windows if band == "quality"} == {"first", "second", "third"}


@pytest.fixture
def far(monkeypatch):
    """Scenes count as remote: each is read while the one before fills the image."""
    monkeypatch.setattr(compositing, "is_remote", lambda _: True)


def test_reading_ahead_reads_the_same_windows(tmp_path, far):
    test_reflectance_is_read_only_where_it_is_needed(tmp_path)


def test_a_scene_read_ahead_is_read_again_if_the_one_before_lacks_what_it_promised(tmp_path, far):
    values = np.arange(1, 64 * 64 + 1).reshape(64, 64)
    clear = np.full((64, 64), CLEAR)
    half = np.where(np.arange(64) < 40, CLEAR, CLOUD) * np.ones((64, 1))
    holes = np.where(np.arange(64) < 8, 0, values)
    first = scene(tmp_path, "first", holes, half, cloud=1)
    second = scene(tmp_path, "second", values + 5000, clear, cloud=2)
    result = image([second, first], grid(64, 64))
    from_second = np.where((np.arange(64) >= 8) & (np.arange(64) < 40), values, values + 5000)
    assert np.array_equal(result.packed["red"].values, from_second)
    windows = {(read.scene, read.band): read.window for read in result.reads}
    assert windows["second", "red"] == (0, 0, 64, 64)
    gone = image([second, broken(first)], grid(64, 64)).packed
    assert np.array_equal(gone["red"].values, values + 5000)


OUTLINE = {"type": "Polygon",
           "coordinates": [lonlat_ring(X + 101, Y - 699, X + 899, Y - 91)]}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Clouded scenes of 10 m and 20 m, one of them in the next UTM zone, over 100 × 100 pixels."""
    folder = tmp_path_factory.mktemp("world")
    rng = np.random.default_rng(11)
    scenes = []
    for number in range(3):
        scl = np.full((60, 60), CLEAR, np.uint8)
        for top, left in rng.integers(0, 55, (5, 2)):
            scl[top : top + 7, left : left + 9] = CLOUD
        scl[: 10 * number] = FILL
        # the same place in all scenes
        scl[30:40, 30 - 2 * number : 40 - 2 * number] = CLOUD
        red = rng.integers(1, 5000, (120, 120)).astype(np.uint16)
        origin = (X - 100 + 40 * number, Y + 80)
        more = {"quality_m": 20, "cloud": number, "origin": origin}
        scenes.append(make_scene(folder, f"s{number}", {"red": red}, scl, **more))
    # (X, Y) of 35N is at about (872 000, 5 011 000) of 34N
    red = rng.integers(1, 5000, (160, 160)).astype(np.uint16)
    scl = rng.choice([CLEAR, CLEAR, CLOUD], (160, 160)).astype(np.uint8)
    scl[75:105, 75:105] = CLOUD
    scenes.append(
        make_scene(folder, "zone", {"red": red}, scl, cloud=5, crs="EPSG:32634",
                   origin=other_zone_origin())
    )  # fmt: skip
    return [with_grids(one, probe_scene(one)) for one in scenes]


def other_zone_origin():
    from pyproj import Transformer

    x, y = Transformer.from_crs(UTM, "EPSG:32634", always_xy=True).transform(X + 500, Y - 500)
    return float(np.floor(x / 10) * 10 - 800), float(np.floor(y / 10) * 10 + 800)


WHOLE = grid(100, 100, x=X + 5, y=Y - 5)
"""Half a pixel aside of the scenes: everything is interpolated."""

ALIGNED = grid(100, 100)
VARIABLES = ("red", "status", "observations", "source")


@pytest.fixture(scope="module")
def whole(world):
    return {
        (one is WHOLE): image(world, one, quality=SCL, outline=OUTLINE).packed
        for one in (WHOLE, ALIGNED)
    }


@given(
    st.booleans(), st.integers(0, 99), st.integers(0, 99), st.integers(1, 60), st.integers(1, 60)
)
def test_any_block_is_cut_out_of_the_whole(world, whole, aside, top, left, height, width):
    window = (slice(top, min(top + height, 100)), slice(left, min(left + width, 100)))
    geobox = WHOLE if aside else ALIGNED
    part = image(world, geobox[window], quality=SCL, outline=OUTLINE).packed
    for name in VARIABLES:
        assert np.array_equal(part[name].values, whole[aside][name].values[window]), name


@pytest.mark.parametrize("size", [1, 17, 64])
@pytest.mark.parametrize("aside", [True, False])
def test_blocks_put_together_are_the_whole(world, whole, aside, size):
    geobox = WHOLE if aside else ALIGNED
    span = 100 if size > 1 else 6
    for top, left in itertools.product(range(0, span, size), repeat=2):
        window = (slice(top + 40, top + 40 + size), slice(left + 30, left + 30 + size))
        window = tuple(slice(s.start, min(s.stop, 100)) for s in window)
        if window[0].start < 100 and window[1].start < 100:
            part = image(world, geobox[window], quality=SCL, outline=OUTLINE).packed
            for name in VARIABLES:
                assert np.array_equal(part[name].values, whole[aside][name].values[window]), name


@given(st.permutations(range(4)))
def test_the_order_in_which_scenes_come_does_not_matter(world, whole, order):
    shuffled = image([world[p] for p in order], ALIGNED, quality=SCL, outline=OUTLINE).packed
    for name in VARIABLES:
        assert np.array_equal(shuffled[name].values, whole[False][name].values), name


def test_the_world_shows_everything_that_is_claimed(whole):
    for result in whole.values():
        assert set(np.unique(result["status"].values)) >= {OUTSIDE, VALID, MASKED}
        assert set(np.unique(result["source"].values)) == {0, 1, 2, 3, 4}


def test_the_clip_keeps_the_pixels_whose_centre_is_inside(whole):
    # from 101 to 899 m there are 80 centres, from 91 to 699 m 61
    inside = whole[False]["status"].values != OUTSIDE
    assert inside.sum() == 80 * 61
    rows, columns = np.nonzero(inside)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (9, 69, 10, 89)
    assert not whole[False]["red"].values[~inside].any()
    assert not whole[False]["observations"].values[~inside].any()
