"""Places where grids meet: UTM zones, the antimeridian, the far north, the far side of the equator.

The ground is a smooth field of longitude and latitude, so that the right value of every pixel is
known from its coordinates alone. Tiles sample it at their pixel centres; a mosaic may differ from
it by what interpolation and rounding cost, and by nothing at a seam. GDAL's warper is the second
judge.
"""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from rasterio.warp import Resampling, reproject

from eo_assets.catalog.collections import get_collection
from eo_assets.catalog.regions import Region
from eo_assets.cube.compositing import Status
from eo_assets.cube.evaluate import evaluate
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.grid import region_geobox
from eo_assets.cube.probing import probe_scene, with_grids
from eo_assets.cube.scene import Scene, pass_id, scene_of
from eo_assets.cube.warp import source_coordinates
from eo_assets.pipeline.band_stack import describe
from eo_assets.pipeline.stac_items import Search, find_items
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.storage.partition import Partition
from eo_assets_tests.tiny_archive import (
    Granule,
    landsat_item,
    planetary_computer_item,
    write_tif,
)

ROUNDING = 0.5
"""Packed steps, once in the source and once in the product."""

WAVE_M = (1600.0, 1300.0)
AMPLITUDE = 1000.0
HALF_A_PIXEL = AMPLITUDE * math.hypot(*(2 * math.pi / wave for wave in WAVE_M)) * 5
"""What the field changes by within half a pixel of 10 m, at the most."""


@dataclass(frozen=True)
class Ground:
    """A smooth field around a point."""

    longitude: float
    latitude: float

    def at(self, longitude: np.ndarray, latitude: np.ndarray) -> np.ndarray:
        """Packed reflectance at places; the antimeridian is no edge."""
        east = (longitude - self.longitude + 180) % 360 - 180
        east = east * 111_320 * math.cos(math.radians(self.latitude))
        north = (latitude - self.latitude) * 111_320
        wave = np.sin(2 * np.pi * east / WAVE_M[0]) * np.cos(2 * np.pi * north / WAVE_M[1])
        return 3000 + AMPLITUDE * wave

    def on(self, geobox: GeoBox) -> np.ndarray:
        """Packed reflectance at the pixel centres of a grid."""
        return self.at(*lonlat(geobox))


def interpolation_error(pixel_m: float) -> float:
    """The most linear interpolation may miss of a wave: h² / 8 times its curvature."""
    curvature = sum((2 * np.pi / wave) ** 2 for wave in WAVE_M)
    return AMPLITUDE * curvature * pixel_m**2 / 8


def lonlat(geobox: GeoBox) -> tuple[np.ndarray, np.ndarray]:
    column, row = np.meshgrid(np.arange(geobox.shape[1]) + 0.5, np.arange(geobox.shape[0]) + 0.5)
    x, y = geobox.transform @ (column, row)
    return Transformer.from_crs(geobox.crs, "EPSG:4326", always_xy=True).transform(x, y)


@dataclass(frozen=True, kw_only=True)
class Tile:
    """A tile of 20 m multiples around a place, its pixel edges on multiples of 20 m."""

    name: str
    crs: str
    centre: tuple[float, float]
    size_m: int = 5000
    acquired: str = "2023-07-01T09:20:31Z"
    cloud: float = 5.0

    @property
    def origin(self) -> tuple[float, float]:
        to_crs = Transformer.from_crs("EPSG:4326", self.crs, always_xy=True)
        x, y = to_crs.transform(*self.centre)
        half = self.size_m / 2
        return math.floor((x - half) / 20) * 20.0, math.floor((y + half) / 20) * 20.0

    def geobox(self, pixel_m: float) -> GeoBox:
        n, (x, y) = int(self.size_m / pixel_m), self.origin
        return GeoBox((n, n), Affine(pixel_m, 0, x, 0, -pixel_m, y), self.crs)

    @property
    def footprint(self) -> dict[str, Any]:
        """Geometry and bounding box of its item, cut at the antimeridian."""
        column, row = np.array([0, 1, 1, 0, 0]), np.array([0, 0, 1, 1, 0])
        x, y = self.geobox(self.size_m).transform @ (column, row)
        to_lonlat = Transformer.from_crs(self.crs, "EPSG:4326", always_xy=True)
        longitude, latitude = (np.array(values) for values in to_lonlat.transform(x, y))
        if np.ptp(longitude) < 180:
            ring = shapely.Polygon(np.column_stack([longitude, latitude]))
            return {"geometry": shapely.geometry.mapping(ring), "bbox": list(ring.bounds)}
        ring = shapely.Polygon(np.column_stack([longitude % 360, latitude]))
        parts = [ring & shapely.box(0, -90, 180, 90), ring & shapely.box(180, -90, 360, 90)]
        parts[1] = shapely.affinity.translate(parts[1], xoff=-360)
        box = [parts[0].bounds[0], ring.bounds[1], parts[1].bounds[2], ring.bounds[3]]
        return {"geometry": shapely.geometry.mapping(shapely.MultiPolygon(parts)), "bbox": box}


def write_tile(root: Path, tile: Tile, ground: Ground) -> dict[str, Any]:
    """Write a Planetary Computer scene of red and its classes; give its item."""
    folder = root / tile.name
    at = {"origin": tile.origin, "crs": tile.crs}
    # baseline 05.09: 1000 is added
    dn = np.rint(ground.on(tile.geobox(10)) + 1000).astype(np.uint16)
    scl = np.full((tile.size_m // 20,) * 2, 4, np.uint8)
    assets = {
        "B04": write_tif(folder / "B04.tif", dn, pixel_m=10, **at),
        "SCL": write_tif(folder / "SCL.tif", scl, pixel_m=20, **at),
    }
    item = planetary_computer_item(Granule(tile=0, day="2023-07-01", cloud=tile.cloud))
    properties = item["properties"] | {
        "s2:mgrs_tile": tile.name,
        "datetime": tile.acquired,
        "proj:epsg": int(tile.crs.rpartition(":")[2]),
    }
    item |= {"id": f"S2A_{tile.name}", "properties": properties, **tile.footprint}
    item["assets"] = {key: {"href": str(path)} for key, path in assets.items()}
    (folder / "item.json").write_text(json.dumps(item))
    return item


def probed(items: Sequence[dict[str, Any]], region: Region) -> list[Scene]:
    collection = get_collection(region.collection)
    scenes = [scene_of(item, collection, region.bands) for item in items]
    return [with_grids(scene, probe_scene(scene)) for scene in scenes]


def box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    return shapely.geometry.mapping(shapely.box(west, south, east, north))


def region(geometry: dict[str, Any], **changes: Any) -> Region:
    plain = {"id": "seam", "title": "Seam", "bands": ("red",), "geometry": geometry}
    return Region(**(plain | changes))


def mosaic(one: Region, items: Sequence[dict[str, Any]]) -> tuple[GeoBox, dict[str, np.ndarray]]:
    scenes = probed(items, one)
    cube = describe(Partition(one, dt.date(2023, 7, 1)), scenes, composite="first")
    geobox = region_geobox(one)
    packed = evaluate(cube, geobox).packed
    return geobox, {str(name): packed[name].to_numpy() for name in packed.data_vars}


def by_gdal(href: str, geobox: GeoBox, resampling=Resampling.bilinear) -> np.ndarray:
    scale = {"XSCALE": 1, "YSCALE": 1} if resampling == Resampling.bilinear else {}
    with rasterio.open(href) as file:
        target = np.zeros(geobox.shape, np.float64)
        reproject(
            file.read(1).astype(np.float64),
            target,
            src_transform=file.transform,
            src_crs=file.crs,
            src_nodata=0,
            dst_transform=geobox.transform,
            dst_crs=str(geobox.crs),
            dst_nodata=0,
            resampling=resampling,
            tolerance=0,
            **scale,
        )
    return target


def check(
    geobox: GeoBox, found: dict[str, np.ndarray], items: Sequence[dict[str, Any]], ground: Ground
) -> np.ndarray:
    """Judge a mosaic by the ground and by GDAL; give which scene each pixel is from."""
    status, source = found["status"], found["source"]
    inside = status != Status.OUTSIDE_REGION
    assert inside.sum() > 20_000
    # no gap anywhere, no sliver along a seam
    assert (status[inside] == Status.VALID).all()
    error = np.abs(found["red"] - ground.on(geobox))
    rims = np.zeros(geobox.shape, bool)
    ordered = sorted(items, key=lambda item: item["id"])
    for number, item in enumerate(ordered, start=1):
        here = inside & (source == number)
        href = item["assets"]["B04"]["href"]
        rim = here & on_rim(href, geobox)
        assert error[here & ~rim].max() <= 2 * ROUNDING + interpolation_error(10), item["id"]
        # within half a pixel of a file's edge there is nothing to interpolate with
        assert error[rim].max(initial=0) <= 2 * ROUNDING + HALF_A_PIXEL, item["id"]
        assert rim.sum() <= 1.5 * max(geobox.shape), item["id"]
        warped = by_gdal(href, geobox) - 1000
        assert np.abs(found["red"] - warped)[here].max() <= 1, item["id"]
        rims |= rim
    seam = (source[:, 1:] != source[:, :-1]) & inside[:, 1:] & inside[:, :-1]
    assert seam.sum() > 100
    # the seam is one pixel wide: a pixel further everything is as good as anywhere
    columns = np.nonzero(rims)[1]
    assert np.unique(columns).size <= np.ptp(np.nonzero(seam)[1]) + 3
    return np.where(inside, source, 0)


def file_position(href: str, geobox: GeoBox) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of a file in which the pixel centres of a grid lie; 0.5 is the first's."""
    with rasterio.open(href) as file:
        to_file = Transformer.from_crs(geobox.crs, file.crs, always_xy=True)
        inverse = ~file.transform
    column, row = np.meshgrid(np.arange(geobox.shape[1]) + 0.5, np.arange(geobox.shape[0]) + 0.5)
    column, row = inverse @ to_file.transform(*(geobox.transform @ (column, row)))
    return row, column


def on_rim(href: str, geobox: GeoBox) -> np.ndarray:
    """Which pixels have their centre within half a pixel of a file's edge."""
    row, column = file_position(href, geobox)
    with rasterio.open(href) as file:
        height, width = file.shape
    return np.minimum.reduce([column, width - column, row, height - row]) < 0.5


@pytest.fixture(scope="module")
def two_zones(tmp_path_factory):
    """Tiles of zones 35 and 36 that meet at 30° E, and a region over both."""
    root, ground = tmp_path_factory.mktemp("zones"), Ground(30.0, 45.0)
    tiles = [
        Tile(name="35TQK", crs="EPSG:32635", centre=(29.985, 45.0), cloud=2.0),
        Tile(name="36TTQ", crs="EPSG:32636", centre=(30.025, 45.0), cloud=4.0),
    ]
    one = region(box(29.962, 44.985, 30.045, 45.015))
    return one, [write_tile(root, tile, ground) for tile in tiles], ground


def test_two_utm_zones_meet_without_a_step(two_zones):
    one, items, ground = two_zones
    geobox, found = mosaic(one, items)
    assert str(geobox.crs) == "EPSG:32636"
    source = check(geobox, found, items, ground)
    assert set(np.unique(source)) == {0, 1, 2}
    # its own zone is not resampled
    own = source == 2
    assert np.array_equal(found["red"][own], np.rint(ground.on(geobox)).astype(int)[own])


def test_quality_of_another_zone_is_that_of_the_pixel_a_centre_lies_in(two_zones):
    one, items, _ = two_zones
    tile = Tile(name="35TQK", crs="EPSG:32635", centre=(29.985, 45.0))
    classes = np.full((250, 250), 4, np.uint8)
    classes[np.random.default_rng(4).random(classes.shape) < 0.3] = 1
    folder = Path(items[0]["assets"]["SCL"]["href"]).parent
    path = write_tif(
        folder / "chequered.tif", classes, pixel_m=20, origin=tile.origin, crs=tile.crs
    )
    assets = items[0]["assets"] | {"SCL": {"href": str(path)}}
    geobox, found = mosaic(one, [items[0] | {"assets": assets}])
    inside = found["status"] != Status.OUTSIDE_REGION
    row, column = file_position(str(path), geobox)
    on_file = (row >= 0) & (row < 250) & (column >= 0) & (column < 250)
    expected = np.zeros(geobox.shape, np.uint8)
    expected[on_file] = classes[row[on_file].astype(int), column[on_file].astype(int)]
    assert np.array_equal((found["status"] == Status.VALID)[inside], (expected == 4)[inside])
    assert np.array_equal((found["status"] == Status.MASKED)[inside], (expected == 1)[inside])
    # GDAL approximates coordinates: it differs where a centre all but lies on an edge
    differ = inside & (by_gdal(str(path), geobox, Resampling.nearest) != expected)
    from_edge = np.minimum(np.abs(row - np.rint(row)), np.abs(column - np.rint(column)))
    assert differ.sum() < 300
    assert from_edge[differ].max() < 0.01


ANTIMERIDIAN = {
    "type": "MultiPolygon",
    "coordinates": [
        box(179.98, -16.83, 180, -16.80)["coordinates"],
        box(-180, -16.83, -179.975, -16.80)["coordinates"],
    ],
}


@pytest.mark.integration
def test_a_region_across_the_antimeridian_is_found_and_whole(tmp_path):
    ground = Ground(180.0, -16.815)
    morning = "2023-06-30T22:20:{}Z"
    tiles = [
        Tile(name="60KZF", crs="EPSG:32760", centre=(179.985, -16.815),
             acquired=morning.format(10)),
        Tile(name="01KAB", crs="EPSG:32701", centre=(-179.98, -16.815),
             acquired=morning.format(11)),
        # not asked for: the region does not go round the other side of the Earth
        Tile(name="31PAB", crs="EPSG:32731", centre=(0.0, -16.815), acquired=morning.format(12)),
        Tile(name="60KXF", crs="EPSG:32760", centre=(179.80, -16.815),
             acquired=morning.format(13)),
    ]  # fmt: skip
    for tile in tiles:
        write_tile(tmp_path, tile, ground)
    one = region(ANTIMERIDIAN)
    assert one.crosses_antimeridian
    found_on = {}
    with EmbeddedCatalog(tmp_path) as catalog:
        for day in (dt.date(2023, 6, 29), dt.date(2023, 6, 30), dt.date(2023, 7, 1)):
            search = Search(catalog="here", url=catalog.url, partition=Partition(one, day))
            found_on[day] = find_items(search).items
    # the region's centre is just beyond the line: there it is the morning of the day before
    items = found_on.pop(dt.date(2023, 6, 30))
    assert [item["id"] for item in items] == ["S2A_01KAB", "S2A_60KZF"]
    assert not any(found_on.values())
    geobox, found = mosaic(one, items)
    assert str(geobox.crs) in {"EPSG:32760", "EPSG:32701"}
    # 0.045° are 4.8 km, not the way round
    assert geobox.shape[1] < 520
    source = check(geobox, found, items, ground)
    assert set(np.unique(source)) == {0, 1, 2}


def test_spitsbergen_lies_in_zones_twice_as_wide(tmp_path):
    """33X goes on to 21° E, where the region's zone is 34: every file is warped."""
    ground = Ground(21.0, 78.3)
    tiles = [
        Tile(name="33XXG", crs="EPSG:32633", centre=(20.96, 78.3)),
        Tile(name="35XMG", crs="EPSG:32635", centre=(21.06, 78.3)),
    ]
    items = [write_tile(tmp_path, tile, ground) for tile in tiles]
    one = region(box(20.93, 78.291, 21.09, 78.309))
    geobox, found = mosaic(one, items)
    assert str(geobox.crs) == "EPSG:32634"
    source = check(geobox, found, items, ground)
    assert set(np.unique(source)) == {0, 1, 2}


@pytest.mark.parametrize(("crs", "resolution_m"), [("EPSG:3035", 10.0), ("EPSG:3035", 16.7)])
def test_a_region_may_have_a_grid_of_its_own(two_zones, crs, resolution_m):
    one, items, ground = two_zones
    one = one.model_copy(update={"crs": crs, "resolution_m": resolution_m})
    geobox, found = mosaic(one, items)
    assert str(geobox.crs) == crs
    assert float(geobox.resolution.x) == resolution_m
    source = check(geobox, found, items, ground)
    assert set(np.unique(source)) == {0, 1, 2}


@pytest.fixture(scope="module")
def cube(two_zones):
    one, items, _ = two_zones
    scenes = VirtualCube.load(one.collection, tuple(probed(items, one)), ("red",))
    return scenes.valid(get_collection(one.collection).quality).composite()


@settings(max_examples=25)
@given(
    st.sampled_from([33.3, 12.34, 7.7, 0.1, 10.0]), st.integers(0, 59), st.integers(0, 59),
    st.integers(1, 60), st.integers(1, 60), st.floats(0, 1),
)  # fmt: skip
def test_grids_of_any_resolution_may_be_cut(cube, resolution_m, top, left, height, width, aside):
    middle = Transformer.from_crs(4326, 3035, always_xy=True).transform(29.99, 45.0)
    n = 60
    x, y = (round(at / resolution_m + aside) * resolution_m for at in middle)
    x, y = x - n / 2 * resolution_m, y + n / 2 * resolution_m
    if aside > 0.5:  # a grid that keeps to nothing
        x, y = x + aside, y - aside
    whole = GeoBox((n, n), Affine(resolution_m, 0, x, 0, -resolution_m, y), "EPSG:3035")
    window = slice(top, min(top + height, n)), slice(left, min(left + width, n))
    expected, part = evaluate(cube, whole).packed, evaluate(cube, whole[window]).packed
    assert (expected["status"] == Status.VALID).all()
    for name in ("red", "status"):
        assert np.array_equal(part[name].to_numpy(), expected[name].to_numpy()[window])
    # not nearly but exactly the same places
    at = [source_coordinates(grid, "EPSG:3035", Affine.scale(20, -20))
          for grid in (whole, whole[window])]  # fmt: skip
    assert np.array_equal(at[1].columns, at[0].columns[:, window[1]])
    assert np.array_equal(at[1].rows, at[0].rows[window[0]])


def landsat_scene(folder: Path, crs: str, origin: tuple[float, float], code: np.ndarray):
    """A Landsat scene whose corner is half a pixel off multiples of 30 m."""
    at = {"origin": origin, "pixel_m": 30.0, "crs": crs}
    item = landsat_item("2023-07-01")
    qa = np.full(code.shape, 1 << 6, np.uint16)
    item["assets"] = {
        "red": {"href": str(write_tif(folder / "red.tif", code, **at))},
        "qa_pixel": {"href": str(write_tif(folder / "qa.tif", qa, **at))},
    }
    return item


@pytest.mark.parametrize(
    ("crs", "origin", "expected_crs"),
    [
        # south of the equator Landsat counts northings down from it, below zero
        ("EPSG:32655", (399_585.0, -4_663_485.0), "EPSG:32655"),
        ("EPSG:32635", (399_585.0, 5_000_085.0), "EPSG:32635"),
    ],
)
def test_landsat_is_never_resampled_on_a_regions_own_grid(tmp_path, crs, origin, expected_crs):
    rng = np.random.default_rng(8)
    dn = rng.integers(7273, 43_636, (200, 200)).astype(np.uint16)
    item = landsat_scene(tmp_path, crs, origin, dn)
    to_lonlat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    west, south = to_lonlat.transform(origin[0] + 1000, origin[1] - 5000)
    east, north = to_lonlat.transform(origin[0] + 5000, origin[1] - 1000)
    one = region(box(west, south, east, north), collection="landsat-c2-l2")
    geobox, found = mosaic(one, [item])
    assert str(geobox.crs) == expected_crs
    column, row = ~Affine(30, 0, origin[0], 0, -30, origin[1]) @ (
        geobox.transform.c, geobox.transform.f
    )  # fmt: skip
    assert (column, row) == (round(column), round(row))
    rows = slice(int(row), int(row) + geobox.shape[0])
    columns = slice(int(column), int(column) + geobox.shape[1])
    inside = found["status"] == Status.VALID
    # the one there is: USGS's formula, to the hundredth of a per cent it is stored in
    packed = np.rint((dn[rows, columns].astype(np.float64) * 2.75e-5 - 0.2) / 1e-4)
    assert inside.sum() > 15_000
    assert np.array_equal(found["red"][inside], np.maximum(packed, 1)[inside])


def test_landsat_below_the_equator_on_a_grid_of_positive_northings(tmp_path):
    """Ten million metres are no multiple of 30: a grid asked for in 327xx is interpolated."""
    crs, origin = "EPSG:32655", (399_585.0, -4_663_485.0)
    row, column = np.mgrid[:200, :200]
    dn = (15_000 + 40 * column + 60 * row).astype(np.uint16)
    item = landsat_scene(tmp_path, crs, origin, dn)
    to_lonlat = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    west, south = to_lonlat.transform(origin[0] + 1000, origin[1] - 5000)
    east, north = to_lonlat.transform(origin[0] + 5000, origin[1] - 1000)
    one = region(box(west, south, east, north), collection="landsat-c2-l2", crs="EPSG:32755")
    geobox, found = mosaic(one, [item])
    inside = found["status"] == Status.VALID
    assert inside.sum() > 15_000
    warped = by_gdal(item["assets"]["red"]["href"], geobox) * 2.75e-5 - 0.2
    # a plane is interpolated exactly; both roundings remain
    assert np.abs(found["red"] * 1e-4 - warped)[inside].max() <= 1.1e-4


@given(st.integers(1, 233))
def test_midnight_does_not_divide_a_pass_of_landsat(path):
    """Descending at 10:11 local time; path 1 crosses the equator at 64.6° W."""
    west_deg = 64.6 + (path - 1) * 360 / 233
    crossing = dt.datetime(2023, 7, 1, 10, 11, tzinfo=dt.UTC) + dt.timedelta(hours=west_deg / 15)
    passes = set()
    for minutes in (-20, -4, 0, 4, 20):
        item = landsat_item("2023-07-01")
        moment = crossing + dt.timedelta(minutes=minutes)
        item["properties"] |= {"landsat:wrs_path": f"{path:03}", "datetime": moment.isoformat()}
        passes.add(pass_id(item))
    assert len(passes) == 1
    item["properties"]["datetime"] = (crossing + dt.timedelta(days=16)).isoformat()
    assert pass_id(item) not in passes


ODD = {
    "type": "Polygon",
    "coordinates": [
        [[29.975, 44.987], [30.03, 44.989], [30.041, 45.004], [30.012, 45.001], [30.003, 45.013],
         [29.9721, 45.0123], [29.975, 44.987]],
        [[29.985, 44.995], [29.985, 45.005], [29.998, 45.0], [29.985, 44.995]],
    ],
}  # fmt: skip


@pytest.mark.parametrize("crs", [None, "EPSG:3035"])
def test_the_clip_is_shapelys_pixel_by_pixel(two_zones, crs):
    _, items, _ = two_zones
    one = region(ODD, crs=crs)
    geobox, found = mosaic(one, items)
    inside = found["status"] != Status.OUTSIDE_REGION
    # in longitude and latitude, where the outline's edges are straight
    outline = shapely.geometry.shape(ODD)
    longitude, latitude = lonlat(geobox)
    expected = shapely.contains_xy(outline, longitude, latitude)
    differ = inside != expected
    metres = shapely.distance(outline.boundary, shapely.points(longitude, latitude)) * 111_320
    assert expected.sum() > 20_000
    # an outline is projected at points a hundredth of a degree apart: centimetres
    assert differ.sum() <= 2
    assert (metres[differ] < 0.1).all()
    assert not found["red"][~inside].any()
    assert not found["observations"][~inside].any()
    # the hole is cut out
    hole = shapely.contains_xy(shapely.Polygon(ODD["coordinates"][1]), longitude, latitude)
    assert hole.sum() > 1000
    assert not inside[hole & ~differ].any()
