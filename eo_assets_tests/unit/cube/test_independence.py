"""A pixel is the same however the work is cut, spread and ordered - and it is the right one.

Five scenes of three passes, their bands at 10, 20 and 60 m, clouds across the edges of blocks. Two
tiles of one pass overlap and differ there, so that counting a moment twice would show. One scene
lies in the next UTM zone. What the reducers make of it is computed a second time here, with NumPy
and SciPy on whole arrays.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from distributed import Client, LocalCluster
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from scipy.ndimage import binary_dilation, binary_erosion
from scipy.optimize import minimize

from eo_assets.catalog.quality import SCL
from eo_assets.cube.evaluate import evaluate
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.grid import Grid, blocks
from eo_assets.cube.probing import probe_scene, with_grids
from eo_assets.cube.reducers import REDUCERS
from eo_assets.cube.scene import Scene, SourceFile
from eo_assets.pipeline.mosaic import BlockTask, compute_block
from eo_assets.storage.mosaic_zarr import create_mosaic
from eo_assets_tests.tiny_archive import UTM, band_at, lonlat_ring, write_tif

X, Y = 399_960.0, 5_000_040.0
BAND_M = {"coastal": 60, "red": 10, "nir": 10, "swir16": 20}
BANDS = tuple(BAND_M)
METHODS = ("first", *REDUCERS)
VARIABLES = (*BANDS, "status", "observations", "source")
VEGETATION, WATER, SHADOW, CLOUD, CIRRUS, FILL = 4, 6, 3, 9, 10, 0


def grid(rows: int, columns: int, *, top: int = 0, left: int = 0) -> GeoBox:
    """A window of the 10 m grid all tiles of zone 35 share."""
    return GeoBox((rows, columns), Affine(10, 0, X + 10 * left, 0, -10, Y - 10 * top), UTM)


LARGE = grid(1060, 1040)
SMALL = grid(290, 300, top=230, left=480)
"""Holds the overlap of the two tiles, columns 540 to 660 of the large grid."""

ALIGNED = ("early_west", "early_east", "middle", "late")
OUTLINE = {
    "type": "Polygon",
    "coordinates": [lonlat_ring(X + 133, Y - 10_537, X + 10_271, Y - 77)],
}


def quality_pixels(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    """Classes at 20 m: clouds of all sizes, many across the edges of blocks."""
    scl = rng.choice([VEGETATION, 5, WATER, 7], (rows, columns)).astype(np.uint8)
    speckle = rng.random((rows, columns)) < 0.002
    scl[speckle] = CLOUD
    edges = [at for at in (48, 128, 256, 384, 512) if at < rows]
    for row, column in itertools.product(edges, repeat=2):
        height, width = rng.integers(4, 24, 2)
        top, left = row - rng.integers(0, height), column - rng.integers(0, width)
        scl[max(top, 0) : top + height, max(left, 0) : left + width] = rng.choice(
            [SHADOW, CLOUD, CIRRUS]
        )
    for top, left in rng.integers(0, rows, (25, 2)):
        scl[top : top + 17, left : left + 11] = CLOUD
    return scl


def write_scene(
    folder: Path,
    name: str,
    *,
    seed: int,
    cells: tuple[int, int],
    origin: tuple[float, float],
    crs: str = UTM,
    **described: Any,
) -> tuple[Scene, dict[str, np.ndarray]]:
    """Write a scene of so many cells of 60 m; give it and its pixels."""
    rng = np.random.default_rng(seed)
    arrays, bands = {}, {}
    for band, pixel_m in BAND_M.items():
        rows, columns = (n * 60 // pixel_m for n in cells)
        dn = rng.integers(900, 5000, (rows, columns)).astype(np.uint16)
        dn[rng.random(dn.shape) < 0.004] = 65_535
        dn[: rows // 60] = 0
        arrays[band] = dn
        path = write_tif(folder / name / f"{band}.tif", dn, origin=origin, pixel_m=pixel_m,
                         crs=crs, block=256)  # fmt: skip
        bands[band] = band_at(path)
    arrays["scl"] = quality_pixels(rng, cells[0] * 3, cells[1] * 3)
    arrays["scl"][:, : max(cells[1] // 20, 8)] = FILL
    path = write_tif(folder / name / "scl.tif", arrays["scl"], origin=origin, pixel_m=20, crs=crs)
    scene = Scene(
        id=name,
        platform="sentinel-2a",
        baseline="05.09",
        bbox_4326=(25.0, 45.0, 26.0, 46.0),
        bands=bands,
        quality=SourceFile(href=str(path)),
        **described,
    )
    return with_grids(scene, probe_scene(scene)), arrays


def at(day: int, second: int = 0) -> dt.datetime:
    return dt.datetime(2023, 7, day, 9, 20, second, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Scenes by name, and their pixels by name."""
    folder = tmp_path_factory.mktemp("world")
    x, y = Transformer.from_crs(UTM, "EPSG:32634", always_xy=True).transform(X + 6000, Y - 4000)
    turned = (float(np.floor(x / 20) * 20 - 3000), float(np.floor(y / 20) * 20 + 3000))
    early, late = {"pass_id": "early"}, {"pass_id": "late"}
    made = [
        write_scene(folder, "early_west", seed=1, cells=(180, 110), origin=(X, Y),
                    acquired=at(1, 4), cloud_cover_pct=8.0, **early),
        write_scene(folder, "early_east", seed=2, cells=(180, 90), origin=(X + 5400, Y),
                    acquired=at(1), cloud_cover_pct=9.0, **early),
        write_scene(folder, "middle", seed=3, cells=(180, 180), origin=(X, Y),
                    acquired=at(3), cloud_cover_pct=3.0, pass_id="middle"),
        write_scene(folder, "late", seed=4, cells=(180, 180), origin=(X, Y),
                    acquired=at(6), cloud_cover_pct=5.0, **late),
        write_scene(folder, "turned", seed=5, cells=(100, 100), origin=turned, crs="EPSG:32634",
                    acquired=at(6, 9), cloud_cover_pct=1.0, **late),
    ]  # fmt: skip
    scenes = {scene.id: scene for scene, _ in made}
    return scenes, {scene.id: arrays for scene, arrays in made}


def cube_of(scenes, method: str, *, outline: dict[str, Any] | None = OUTLINE) -> VirtualCube:
    cube = VirtualCube.load("sentinel-2-l2a", tuple(scenes), BANDS).valid(SCL).composite(method)
    return cube.clip(outline) if outline else cube


def pixels(cube: VirtualCube, geobox: GeoBox) -> dict[str, np.ndarray]:
    packed = evaluate(cube, geobox).packed
    return {name: packed[name].to_numpy() for name in VARIABLES}


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray], window=...) -> None:
    for name in VARIABLES:
        assert found[name].dtype == expected[name].dtype
        assert np.array_equal(found[name], expected[name][window]), name


@pytest.fixture(scope="module")
def large(world):
    return pixels(cube_of(world[0].values(), "first"), LARGE)


@pytest.fixture(scope="module")
def small(world):
    return {method: pixels(cube_of(world[0].values(), method), SMALL) for method in METHODS}


def test_the_world_shows_what_is_claimed(large, small):
    assert set(np.unique(large["source"])) == {0, 1, 2, 3, 4, 5}
    assert set(np.unique(large["status"])) == {0, 1, 2, 3}
    assert set(np.unique(large["observations"])) == {0, 1, 2, 3}
    for method, result in small.items():
        assert (result["status"] == 1).mean() > 0.9, method
    # five rules, five images
    reds = [result["red"] for result in small.values()]
    for one, other in itertools.combinations(reds, 2):
        assert (one != other).mean() > 0.2


@pytest.mark.parametrize("size", [256, 512, 1024, 333])
def test_blocks_of_any_size_make_the_same_mosaic(world, large, size):
    cube = cube_of(world[0].values(), "first")
    for block in blocks(LARGE, size=size, chunk=size):
        assert_same(pixels(cube, block.of(LARGE)), large, block.slices)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("size", [256, 97])
def test_blocks_of_any_rule_make_the_same_mosaic(world, small, method, size):
    cube = cube_of(world[0].values(), method)
    for block in blocks(SMALL, size=size, chunk=size):
        assert_same(pixels(cube, block.of(SMALL)), small[method], block.slices)


@settings(max_examples=12)
@given(data=st.data())
@pytest.mark.parametrize("method", METHODS)
def test_any_window_of_scenes_in_any_order_is_cut_out_of_the_whole(world, small, method, data):
    top, left = data.draw(st.integers(0, 289)), data.draw(st.integers(0, 299))
    height, width = data.draw(st.integers(1, 80)), data.draw(st.integers(1, 80))
    window = slice(top, min(top + height, 290)), slice(left, min(left + width, 300))
    cube = cube_of(world[0].values(), method)
    order = data.draw(st.permutations(cube.scenes))
    found = pixels(cube.with_scenes(tuple(order)), SMALL[window])
    # which scene a pixel is from is a position in the list: the same scene, listed elsewhere
    position = np.array([0, *(cube.scenes.index(scene) + 1 for scene in order)], np.uint16)
    found["source"] = position[found["source"]]
    assert_same(found, small[method], window)


def mosaic_digest(path: Path) -> str:
    """One digest of all files of a stored mosaic and their names."""
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        digest.update(str(file.relative_to(path)).encode())
        digest.update(file.read_bytes())
    return digest.hexdigest()


@pytest.fixture(scope="module")
def cluster():
    with (
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            memory_limit="2GiB",
            host="127.0.0.1",
            dashboard_address=None,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@pytest.mark.integration
def test_worker_processes_store_the_same_bytes(world, cluster, tmp_path):
    workers = sorted(cluster.scheduler_info()["workers"])
    assert len(workers) == 2
    cube, geobox = cube_of(world[0].values(), "medoid"), grid(600, 560, top=230, left=200)
    (tmp_path / "cube.json").write_text(cube.model_dump_json())
    (tmp_path / "grid.json").write_text(Grid.of(geobox).model_dump_json())
    template = evaluate(cube.with_scenes(()), geobox[0:1, 0:1]).packed
    digests, ran_on = {}, {}
    for name, size, use in [
        ("one worker", 512, workers[:1]),
        ("two workers", 512, workers),
        ("two workers, large blocks", 1024, workers),
    ]:
        mosaic = tmp_path / f"{name}.zarr"
        create_mosaic(mosaic, template, geobox)
        tasks = [
            BlockTask(
                cube=str(tmp_path / "cube.json"),
                digest=cube.digest,
                grid=str(tmp_path / "grid.json"),
                mosaic=str(mosaic),
                block=block,
            )
            for block in blocks(geobox, size=size, chunk=512)
        ]
        futures = [
            cluster.submit(compute_block, task, workers=[use[number % len(use)]], pure=False)
            for number, task in enumerate(tasks)
        ]
        cluster.gather(futures)
        ran_on[name] = {worker for held in cluster.who_has(futures).values() for worker in held}
        digests[name] = mosaic_digest(mosaic)
    assert len(ran_on["one worker"]) == 1
    assert len(ran_on["two workers"]) == 2
    assert len(set(digests.values())) == 1


# The same once more, on whole arrays and without the project's code.


def disk(radius: int) -> np.ndarray:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return np.hypot(x, y) <= radius


def usable_pixels(scl: np.ndarray) -> np.ndarray:
    """ESA's classes 1, 3, 8, 9, 10 and 0 are not; clouds opened by 40 m and grown by 100 m."""
    cloud = np.isin(scl, [3, 8, 9, 10])
    cloud = binary_dilation(binary_erosion(cloud, disk(2), border_value=1), disk(2))
    return ~np.isin(scl, [0, 1]) & ~binary_dilation(cloud, disk(5))


def on_small(values: np.ndarray, pixel_m: int, *, left: int = 0) -> np.ndarray:
    """Repeat pixels to 10 m and cut the small grid out; NaN beyond the tile."""
    fine = np.kron(values.astype(float), np.ones((pixel_m // 10, pixel_m // 10)))
    canvas = np.full((1080, 1080), np.nan)
    canvas[: fine.shape[0], left : left + fine.shape[1]] = fine
    return canvas[230:520, 480:780]


@pytest.fixture(scope="module")
def layers(world):
    """Spectra a pass, dims pass, band, y, x; NaN where there is no observation; usable passes."""
    of_pass: dict[str, list[np.ndarray]] = {}
    usable: dict[str, np.ndarray] = {}
    # within a pass the less cloudy tile comes first, as the names are listed
    for name in ALIGNED:
        scene, arrays = world[0][name], world[1][name]
        left = 540 if name == "early_east" else 0
        valid = on_small(usable_pixels(arrays["scl"]), 20, left=left) == 1
        spectra = []
        for band, pixel_m in BAND_M.items():
            dn = on_small(arrays[band], pixel_m, left=left)
            spectra.append(np.where(valid & (dn > 0) & (dn < 65_535), dn, np.nan))
        of_pass.setdefault(scene.pass_id, []).append(np.array(spectra))
        usable[scene.pass_id] = usable.get(scene.pass_id, False) | valid
    merged = []
    for stack in of_pass.values():
        layer = stack[0]
        for other in stack[1:]:
            nothing = np.isnan(layer).all(axis=0)
            layer = np.where(nothing, other, layer)
        merged.append(layer)
    return np.array(merged), np.sum([*usable.values()], axis=0)


@pytest.fixture(scope="module")
def reduced(world):
    """The small grid from the scenes that need no warping, by each rule."""
    scenes = [world[0][name] for name in ALIGNED]
    return {method: pixels(cube_of(scenes, method, outline=None), SMALL) for method in METHODS}


def stack_of(result: dict[str, np.ndarray]) -> np.ndarray:
    return np.array([result[band] for band in BANDS]).astype(float)


def complete(stack: np.ndarray) -> np.ndarray:
    return np.isfinite(stack).all(axis=1)


def test_passes_are_counted_and_tiles_are_not(world, reduced, layers):
    _, usable = layers
    for method in METHODS:
        assert np.array_equal(reduced[method]["observations"], usable), method
    # in the overlap three passes are four scenes
    names = ["early_west", "early_east"]
    both = [world[1][name]["scl"] for name in names]
    seen = [on_small(usable_pixels(scl), 20, left=left) == 1
            for scl, left in zip(both, (0, 540), strict=True)]  # fmt: skip
    assert (seen[0] & seen[1]).sum() > 10_000
    assert usable.max() == 3


@pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning")
def test_the_median_is_that_of_passes(reduced, layers):
    stack, _ = layers
    expected = np.nan_to_num(np.floor(np.nanmedian(stack, axis=0) + 0.5))
    assert np.array_equal(stack_of(reduced["median"]), expected)


def test_the_medoid_has_the_smallest_sum_of_distances(reduced, layers):
    stack, _ = layers
    spectra = np.where(complete(stack)[:, np.newaxis], stack, np.nan)
    distance = np.linalg.norm(spectra[:, np.newaxis] - spectra[np.newaxis], axis=2)
    total = np.where(complete(stack), np.nansum(distance, axis=1), np.inf)
    # of equals, as any two are, the earlier
    best = np.take_along_axis(spectra, total.argmin(axis=0)[np.newaxis, np.newaxis], axis=0)[0]
    assert np.array_equal(stack_of(reduced["medoid"]), np.nan_to_num(best))


def test_the_greenest_pass_is_taken(reduced, layers):
    stack, _ = layers
    red, nir = stack[:, BANDS.index("red")], stack[:, BANDS.index("nir")]
    ndvi = np.nan_to_num((nir - red) / (nir + red), nan=-np.inf)
    best = np.take_along_axis(stack, ndvi.argmax(axis=0)[np.newaxis, np.newaxis], axis=0)[0]
    expected = np.where(np.isfinite(ndvi).any(axis=0), np.nan_to_num(best), 0)
    assert np.array_equal(stack_of(reduced["max_ndvi"]), expected)


def test_the_first_rule_takes_the_least_cloudy_usable_scene(world, reduced):
    expected = np.zeros((len(BANDS), *SMALL.shape))
    for name in ("middle", "late", "early_west", "early_east"):
        arrays = world[1][name]
        left = 540 if name == "early_east" else 0
        valid = on_small(usable_pixels(arrays["scl"]), 20, left=left) == 1
        dn = np.array([on_small(arrays[band], m, left=left) for band, m in BAND_M.items()])
        dn = np.where(np.isfinite(dn) & (dn < 65_535), dn, 0)
        take = valid & (expected == 0).all(axis=0)
        expected[:, take] = dn[:, take]
    assert np.array_equal(stack_of(reduced["first"]), expected)


def total_distance(centre: np.ndarray, points: np.ndarray) -> float:
    return float(np.sqrt(((points - centre) ** 2).sum(axis=1)).sum())


def judged_geomedian(points: np.ndarray) -> np.ndarray:
    """The minimum by SciPy from every point, and the points themselves: the sum has kinks there."""
    ends = list(points)
    for start in points:
        found = minimize(total_distance, start + 1e-3, args=(points,), method="BFGS")
        ends.append(found.x)
    return min(ends, key=lambda end: total_distance(end, points))


def test_no_point_is_closer_to_all_passes_than_the_geomedian(reduced, layers):
    stack, _ = layers
    found = stack_of(reduced["geomedian"])
    n = complete(stack).sum(axis=0)
    assert np.array_equal((found == 0).all(axis=0), n == 0)
    rng = np.random.default_rng(2)
    for passes in (2, 3):
        rows, columns = np.nonzero(n == passes)
        assert rows.size > 1000
        for at_pixel in rng.choice(rows.size, 16, replace=False):
            row, column = rows[at_pixel], columns[at_pixel]
            points = stack[complete(stack)[:, row, column], :, row, column]
            best = judged_geomedian(points)
            mine = found[:, row, column]
            # whole packed steps: half a step off in each of four bands, at the most
            excess = total_distance(mine, points) - total_distance(best, points)
            assert excess <= 0.5 * np.sqrt(len(BANDS))
    one = n == 1
    expected = np.nan_to_num(np.where(complete(stack)[:, np.newaxis], stack, np.nan)).sum(axis=0)
    assert np.array_equal(found[:, one], expected[:, one])


def longdouble_geomedian(points: np.ndarray) -> np.ndarray:
    """Weiszfeld in extended precision from the point with the smallest sum, a little aside."""
    points = points.astype(np.longdouble)
    sums = [total_distance(point, points) for point in points]
    centre = points[int(np.argmin(sums))] + np.longdouble(0.3)
    for _ in range(1500):
        distance = np.maximum(np.sqrt(((points - centre) ** 2).sum(axis=1)), 1e-12)
        centre = (points / distance[:, np.newaxis]).sum(axis=0) / (1 / distance).sum()
    return min([*points, centre], key=lambda end: total_distance(end, points))


@pytest.mark.parametrize("kind", ["anywhere", "close together", "one far away", "on a line"])
def test_the_geomedian_is_weiszfelds_in_extended_precision(kind):
    rng = np.random.default_rng(5)
    for times in (3, 4, 7):
        n = 8
        values = rng.integers(1, 9000, (times, len(BANDS), n))
        if kind == "close together":
            values = 900 + values // 45
        elif kind == "one far away":
            values = 500 + values // 45
            values[0] += 6000
        elif kind == "on a line":
            values = 1000 + np.repeat(rng.integers(0, 50, (times, 1, n)) * 100, len(BANDS), axis=1)
        values = values.astype(np.uint16)
        found = REDUCERS["geomedian"](values, np.ones((times, n), bool), BANDS).values
        for pixel in range(n):
            points = values[:, :, pixel].astype(float)
            best = longdouble_geomedian(points).astype(float)
            excess = total_distance(found[:, pixel].astype(float), points) - total_distance(
                best, points
            )
            assert excess <= 0.5 * np.sqrt(len(BANDS)) + 1e-6


def test_a_mean_that_is_an_observation_does_not_hold_the_geomedian():
    # the mean of these is 600, which was measured; the median is 100
    brightness = np.array([100, 100, 100, 100, 1100, 2100, 600], np.uint16)
    values = np.repeat(brightness[:, np.newaxis, np.newaxis], len(BANDS), axis=1)
    result = REDUCERS["geomedian"](values, np.ones((7, 1), bool), BANDS)
    assert result.values[:, 0].tolist() == [100] * len(BANDS)


@pytest.mark.parametrize("method", ["median", "medoid", "geomedian", "max_ndvi"])
def test_the_overlap_of_one_datatake_is_one_observation(tmp_path, method):
    """Two tiles of a pass and one other pass: the pass does not outvote the other."""
    origin = {"origin": (X, Y), "cells": (4, 4)}
    values = {"early_west": 1000, "early_east": 1200, "late": 3000}
    scenes = []
    for name, value in values.items():
        day = 6 if name == "late" else 1
        scene, _ = write_scene(tmp_path, name, seed=1, acquired=at(day), pass_id=name[:5],
                               cloud_cover_pct=float(day), **origin)  # fmt: skip
        for band, pixel_m in BAND_M.items():
            n = 4 * 60 // pixel_m
            # the later pass is the greener one
            dn = np.full((n, n), value + (2000 if band == "nir" and name == "late" else 0))
            write_tif(Path(scene.bands[band].href), dn.astype(np.uint16), origin=(X, Y),
                      pixel_m=pixel_m)  # fmt: skip
        write_tif(Path(scene.quality.href), np.full((12, 12), VEGETATION, np.uint8),
                  origin=(X, Y), pixel_m=20)  # fmt: skip
        scenes.append(scene)
    result = pixels(cube_of(scenes, method, outline=None), grid(24, 24))
    assert (result["observations"] == 2).all()
    # of the tiles with equal cloud and time the smaller id: early_east, 1200
    expected = {"median": 2100, "geomedian": 2100, "medoid": 1200, "max_ndvi": 3000}
    assert (result["red"] == expected[method]).all()
