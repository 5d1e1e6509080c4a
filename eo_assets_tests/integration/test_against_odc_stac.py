"""Mosaics of real scenes compared with odc-stac, which reads them through GDAL's warper.

Tiles 33TWL and 33TWM on 2023-08-15 (clear) and 2023-08-18 (half clouded), at 120 m. Every pixel
that differs is explained by one of a few rules, and the rules are checked pixel by pixel; what is
counted here is told in ``docs/pixels.md``. Run with ``-s`` to see the numbers.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import odc.stac
import pystac
import pytest
import rasterio
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from scipy.ndimage import binary_dilation, map_coordinates

from eo_assets.catalog.collections import get_collection
from eo_assets.catalog.regions import Region
from eo_assets.cube.evaluate import evaluate
from eo_assets.cube.graph import ValidPixels
from eo_assets.cube.grid import blocks, region_geobox
from eo_assets.cube.probing import probe_scene, with_grids
from eo_assets.cube.reading import read_band, read_usability
from eo_assets.cube.scene import Scene, scene_of
from eo_assets.cube.warp import source_coordinates
from eo_assets.pipeline.band_stack import describe
from eo_assets.storage.partition import Partition

pytestmark = [pytest.mark.integration, pytest.mark.real_data]

BANDS = ("blue", "green", "red", "nir")
TILES = ("33TWL", "33TWM")
DAYS = ("20230815", "20230818")
PIXEL_M = 120.0
BLOCK_PX = 400
REGION = Region(
    id="styria",
    title="Styria",
    geometry=shapely.geometry.mapping(shapely.box(15.3, 45.6, 16.2, 46.6)),
    bands=BANDS,
    resolution_m=PIXEL_M,
)
AS_IT_IS = ValidPixels(
    data="scenes", kind="classes", fill=(0,), invalid=(1, 3, 8, 9, 10), cloud=(), opening_m=0,
    dilation_m=0,
)  # fmt: skip


@dataclass(frozen=True)
class Real:
    """A real scene, for both readers, and its files' pixels."""

    item: pystac.Item
    scene: Scene
    dn: dict[str, np.ndarray]
    scl: np.ndarray
    transform: Affine


@pytest.fixture(scope="module")
def real(real_data) -> dict[str, Real]:
    """The scenes by tile and day: ``33TWL 20230815``."""
    found = {}
    for day in DAYS:
        for tile in TILES:
            [folder] = (real_data / "sentinel-2-l2a-120m").glob(f"S2?_{tile}_{day}_0_L2A")
            found[f"{tile} {day}"] = read_real(folder)
    return found


def read_real(folder: Path) -> Real:
    document = json.loads((folder / f"{folder.name}.json").read_text())
    for asset in document["assets"].values():
        asset["href"] = str((folder / asset["href"]).resolve())
    scene = scene_of(document, get_collection("sentinel-2-l2a"), BANDS)
    pixels = {}
    for band in (*BANDS, "scl"):
        with rasterio.open(document["assets"][band]["href"]) as file:
            pixels[band], transform = file.read(1), file.transform
    scl = pixels.pop("scl")
    item = pystac.Item.from_dict(document)
    return Real(item, with_grids(scene, probe_scene(scene)), pixels, scl, transform)


def tile_grid() -> GeoBox:
    """The region on the pixels of tile 33TWL; those of 33TWM lie half a pixel further north."""
    return GeoBox((940, 600), Affine(120, 0, 522_780, 0, -120, 5_160_000), "EPSG:32633")


GRIDS = {"tile": tile_grid, "region": lambda: region_geobox(REGION)}
ASIDE = {
    # by how much of a pixel a grid is aside of a tile's, down and right
    ("tile", "33TWL"): (0, 0),
    ("tile", "33TWM"): (0.5, 0),
    ("region", "33TWL"): (0, 0.5),
    ("region", "33TWM"): (0.5, 0.5),
}
SCENES = [f"{tile} {day}" for day in DAYS for tile in TILES]


def by_odc(one: Real, geobox: GeoBox, resampling: str, bands=BANDS) -> dict[str, np.ndarray]:
    loaded = odc.stac.load([one.item], bands=list(bands), geobox=geobox, resampling=resampling)
    return {band: loaded[band].to_numpy()[0] for band in bands}


def positions(one: Real, geobox: GeoBox) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a file in which pixel centres of a grid in its CRS lie, exactly."""
    x = geobox.transform.c + PIXEL_M * (np.arange(geobox.shape[1]) + 0.5)
    y = geobox.transform.f - PIXEL_M * (np.arange(geobox.shape[0]) + 0.5)
    rows, columns = (one.transform.f - y) / PIXEL_M, (x - one.transform.c) / PIXEL_M
    return rows[:, np.newaxis], columns[np.newaxis, :]


def taken(values: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Pixels by whole-numbered rows and columns; 0 beyond the file."""
    padded = np.pad(values, 1)
    rows = np.clip(rows, -1, values.shape[0]).astype(int) + 1
    columns = np.clip(columns, -1, values.shape[1]).astype(int) + 1
    return padded[rows, columns]


def after(position: np.ndarray) -> np.ndarray:
    """The pixel a centre lies in; of two it lies between, the one below or right."""
    return np.floor(position)


def before(position: np.ndarray) -> np.ndarray:
    """The pixel a centre lies in; of two it lies between, the one above or left."""
    return np.ceil(position) - 1


def mean_of_neighbours(values: np.ndarray, rows: np.ndarray, columns: np.ndarray):
    """Sum and number of the observed pixels a centre lies in or between: 1, 2 or 4."""
    total, n = 0, 0
    for row in (rows - 0.25, rows + 0.25):
        for column in (columns - 0.25, columns + 0.25):
            one = taken(values, np.floor(row), np.floor(column)).astype(np.int64)
            total, n = total + one, n + (one != 0)
    return total, n


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("grid", GRIDS)
def test_reflectance_of_a_scene(real, grid, name):
    one, geobox = real[name], GRIDS[grid]()
    rows, columns = positions(one, geobox)
    # an aligned centre lies in the middle of a pixel, the others on an edge
    assert ((rows[0, 0] + 0.5) % 1, (columns[0, 0] + 0.5) % 1) == ASIDE[grid, name[:5]]
    count = {"pixels": 0, "near unobserved ones": 0, "differ": 0}
    for block in blocks(geobox, size=BLOCK_PX, chunk=BLOCK_PX):
        part = block.of(geobox)
        rows, columns = positions(one, part)
        odc_bilinear = by_odc(one, part, "bilinear")
        for band in BANDS:
            ours, _ = read_band(one.scene.bands[band], part)
            assert np.array_equal(ours, odc_bilinear[band])
            # and both are right: the mean of the observed, rounded half up, none where the pixel
            # a centre lies in is unobserved
            total, n = mean_of_neighbours(one.dn[band], rows, columns)
            observed = taken(one.dn[band], after(rows), after(columns)) != 0
            expected = (2 * total + n) // np.maximum(2 * n, 1)
            assert np.array_equal(ours, np.where(observed, expected, 0))
            count["pixels"] += int(observed.sum())
            count["near unobserved ones"] += int((observed & (n < n.max())).sum())
            count["differ"] += int((ours != odc_bilinear[band]).sum())
    print(f"\n{name} on the {grid} grid, bilinear, four bands: {count}")
    if ASIDE[grid, name[:5]] == (0, 0):
        nearest = by_odc(one, geobox, "nearest")
        for band in BANDS:
            assert np.array_equal(read_band(one.scene.bands[band], geobox)[0], nearest[band])


CLASSES = {
    # pixels between two of another class, those of them that are usable for one reader only
    ("tile", "33TWL 20230815"): (0, 0),
    ("tile", "33TWM 20230815"): (11_308, 1_782),
    ("tile", "33TWL 20230818"): (0, 0),
    ("tile", "33TWM 20230818"): (99_536, 46_895),
    ("region", "33TWL 20230815"): (10_084, 1_812),
    ("region", "33TWM 20230815"): (13_493, 1_883),
    ("region", "33TWL 20230818"): (73_193, 34_170),
    ("region", "33TWM 20230818"): (114_082, 54_643),
}
"""As told in docs/pixels.md."""


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("grid", GRIDS)
def test_quality_of_a_scene(real, grid, name):
    one, geobox = real[name], GRIDS[grid]()
    differ = {"pixels": 0, "beyond the file": 0, "another class": 0, "of it usable or not": 0}
    for block in blocks(geobox, size=BLOCK_PX, chunk=BLOCK_PX):
        part = block.of(geobox)
        rows, columns = positions(one, part)
        ours, _ = read_usability(one.scene.quality, AS_IT_IS, part)
        odcs = by_odc(one, part, "nearest", bands=("scl",))["scl"]
        # between two pixels this project takes the one below or right, odc-stac the other
        below = taken(one.scl, after(rows), after(columns))
        above = taken(one.scl, before(rows), before(columns))
        assert np.array_equal(odcs, above)
        assert np.array_equal(ours.observed, below != 0)
        assert np.array_equal(ours.valid, ~np.isin(below, [0, 1, 3, 8, 9, 10]))
        edge = (rows >= one.scl.shape[0]) | (columns >= one.scl.shape[1])
        differ["pixels"] += int((below != 0).sum())
        differ["beyond the file"] += int((edge & (odcs != 0)).sum())
        differ["another class"] += int(((odcs != below) & ~edge).sum())
        usable = ~np.isin(odcs, [0, 1, 3, 8, 9, 10])
        differ["of it usable or not"] += int(((usable != ours.valid) & ~edge).sum())
    print(f"\n{name} on the {grid} grid, classes: {differ}")
    assert (differ["another class"], differ["of it usable or not"]) == CLASSES[grid, name]
    # a row of centres lies on the lower edge of 33TWM, beyond which odc-stac repeats the last row
    assert differ["beyond the file"] == {"33TWM": geobox.shape[1]}.get(name[:5], 0)


def usable_after_growing(one: Real) -> np.ndarray:
    """Clouds grown by one pixel, as 100 m come to at 120 m; opening by 40 m comes to nothing."""
    cloud = np.isin(one.scl, [3, 8, 9, 10])
    return ~np.isin(one.scl, [0, 1]) & ~binary_dilation(cloud)


def first_mosaic(layers: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Fill bands from the first layer that is usable and observed; and which that was."""
    bands = np.zeros_like(layers[0][1])
    source = np.zeros(bands.shape[1:], int)
    for number, (usable, values) in enumerate(layers, start=1):
        take = usable & (source == 0) & (values != 0).any(axis=0)
        bands[:, take] = values[:, take]
        source[take] = number
    return bands, source


MOSAICS = {
    # pixels of another scene, those of them that are valid for one reader only
    ("tile", DAYS[:1]): (2_880, 2_880),
    ("tile", DAYS[1:]): (27_183, 25_195),
    ("tile", DAYS): (3_054, 2_524),
    ("region", DAYS[:1]): (6_078, 5_935),
    ("region", DAYS[1:]): (46_134, 44_397),
    ("region", DAYS): (6_455, 5_371),
}
"""As told in docs/pixels.md."""


@pytest.mark.parametrize(("grid", "days"), MOSAICS)
def test_a_mosaic_of_scenes(real, grid, days):
    geobox = GRIDS[grid]()
    scenes = [one for name, one in real.items() if name[6:] in days]
    cube = describe(Partition(REGION, dt.date(2023, 8, 15)), [one.scene for one in scenes],
                    composite="first")  # fmt: skip
    by_cloud = sorted(scenes, key=lambda one: one.scene.cloud_cover_pct)
    order = [cube.scenes.index(one.scene) + 1 for one in by_cloud]
    count = {"pixels": 0, "another scene": 0, "of it valid or not": 0}
    for block in blocks(geobox, size=BLOCK_PX, chunk=BLOCK_PX):
        part = block.of(geobox)
        ours = evaluate(cube, part).packed
        inside = ours["status"].to_numpy() != 0
        mine = np.array([ours[band].to_numpy() for band in BANDS])
        of_odc, disagree = [], np.zeros(part.shape, bool)
        for one in by_cloud:
            rows, columns = positions(one, part)
            grown = usable_after_growing(one)
            usable = taken(grown, before(rows), before(columns))
            # what is usable beyond the last row or column of a file is not observed in its bands
            disagree |= usable != taken(grown, after(rows), after(columns))
            loaded = by_odc(one, part, "bilinear")
            of_odc.append((usable, np.array([loaded[band] for band in BANDS])))
        theirs, position = first_mosaic(of_odc)
        source = np.array([0, *order])[position]
        other = (ours["source"].to_numpy() != source) & inside
        # no scene is taken instead of another but where the two readers see another class
        assert not (other & ~disagree).any()
        same = inside & ~other
        assert np.array_equal(mine[:, same], theirs[:, same])
        count["pixels"] += int(inside.sum())
        count["another scene"] += int(other.sum())
        valid = ours["source"].to_numpy() != 0
        count["of it valid or not"] += int((other & (valid != (source != 0))).sum())
    print(f"\n{' and '.join(days)} on the {grid} grid, mosaic: {count}")
    assert (count["another scene"], count["of it valid or not"]) == MOSAICS[grid, days]


def test_another_crs_where_the_warper_approximates(real):
    """On a grid in EPSG:3035 both readers interpolate; the exact value is SciPy's."""
    one = real["33TWL 20230815"]
    geobox = region_geobox(REGION.model_copy(update={"crs": "EPSG:3035"}))
    column, row = np.meshgrid(np.arange(geobox.shape[1]) + 0.5, np.arange(geobox.shape[0]) + 0.5)
    to_file = Transformer.from_crs("EPSG:3035", "EPSG:32633", always_xy=True)
    columns, rows = ~one.transform @ to_file.transform(*(geobox.transform @ (column, row)))
    loaded = by_odc(one, geobox, "bilinear")
    found = source_coordinates(geobox, "EPSG:32633", one.transform)
    assert max(np.abs(found.rows - rows).max(), np.abs(found.columns - columns).max()) < 1e-3
    for band in BANDS:
        values = one.dn[band].astype(float)
        exact = map_coordinates(values, [rows - 0.5, columns - 0.5], order=1, cval=np.nan)
        hole = map_coordinates((values == 0).astype(float), [rows - 0.5, columns - 0.5], order=1)
        whole = np.isfinite(exact) & (hole == 0)
        ours, _ = read_band(one.scene.bands[band], geobox)
        mine = np.abs(ours - exact)[whole]
        theirs = np.abs(loaded[band] - exact)[whole]
        assert whole.sum() > 200_000
        # half a step is rounding; the rest, where neighbours differ by thousands of steps, a
        # position off by less than a thousandth of a pixel
        assert np.percentile(mine, 99.9) <= 0.6
        assert mine.max() <= 1.5
        print(f"\nEPSG:3035, {band}, {whole.sum()} pixels, off the exact value by at most "
              f"{mine.max():.2f} here; odc-stac: median {np.median(theirs):.2f}, "
              f"99 % {np.percentile(theirs, 99):.1f}, at most {theirs.max():.0f}")  # fmt: skip
        assert np.median(theirs) < 20
        assert theirs.max() > 1


def test_blocks_in_another_crs(real):
    """Why this project computes positions itself: a block must be cut out of the whole."""
    one = real["33TWL 20230815"]
    geobox = region_geobox(REGION.model_copy(update={"crs": "EPSG:3035"}))
    ours, _ = read_band(one.scene.bands["nir"], geobox)
    theirs = by_odc(one, geobox, "bilinear", bands=("nir",))["nir"]
    differ = 0
    for block in blocks(geobox, size=BLOCK_PX, chunk=BLOCK_PX):
        part = block.of(geobox)
        assert np.array_equal(read_band(one.scene.bands["nir"], part)[0], ours[block.slices])
        read = by_odc(one, part, "bilinear", bands=("nir",))["nir"]
        differ += int((read != theirs[block.slices]).sum())
    print(f"\nEPSG:3035, nir, blocks of {BLOCK_PX}: {differ} of {np.count_nonzero(theirs)} pixels "
          "differ from the whole with odc-stac, none here")  # fmt: skip
    assert differ > 0
