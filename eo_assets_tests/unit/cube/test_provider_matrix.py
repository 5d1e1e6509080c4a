"""One surface written the way each provider publishes it, and read back the same.

The surface is known; each provider's digital numbers follow from the formulas of ESA and USGS,
written down here a second time. What ``evaluate`` makes of the files has to be the surface again.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox

from eo_assets.catalog.collections import get_collection
from eo_assets.cube.evaluate import evaluate
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.probing import probe_scene, with_grids
from eo_assets.cube.scene import Scene, scene_of
from eo_assets_tests.tiny_archive import (
    UTM,
    Granule,
    landsat_item,
    planetary_computer_item,
    write_tif,
)

CELLS = 12
"""The surface is 12 × 12 squares of 60 m: whole pixels at 10, 20, 30 and 60 m."""

CELL_M = 60
X, Y = 399_960.0, 5_000_040.0
DARK, BELOW_ZERO, SNOW, SATURATED, FILL = range(5)
"""Columns of the surface's first row that are special; the others are ordinary land."""

FINE_M, LANDSAT_M = 10.0, 30.0
STEP = 1e-4

ESA_FILES = {
    "coastal": ("B01", 60), "blue": ("B02", 10), "green": ("B03", 10), "red": ("B04", 10),
    "rededge1": ("B05", 20), "rededge2": ("B06", 20), "rededge3": ("B07", 20),
    "nir": ("B08", 10), "nir08": ("B8A", 20), "nir09": ("B09", 60),
    "swir16": ("B11", 20), "swir22": ("B12", 20),
}  # fmt: skip
OPTICAL = ("blue", "green", "red", "nir08", "swir16", "swir22")


def reflectance(band: str) -> np.ndarray:
    """What the ground reflects: land between 0.005 and 0.95, and the special cells."""
    rng = np.random.default_rng(sum(map(ord, band)))
    field = rng.uniform(0.005, 0.95, (CELLS, CELLS))
    field[0, DARK] = 0.0004
    field[0, BELOW_ZERO] = -0.0053
    field[0, SNOW] = 1.2345
    return field


KELVIN = np.random.default_rng(1).uniform(210, 345, (CELLS, CELLS))


def unshifted(values: np.ndarray) -> np.ndarray:
    """ESA before baseline 04.00, and Earth Search where it removed the shift: 0 is fill."""
    return np.maximum(np.rint(values * 10_000), 1)


def shifted(values: np.ndarray) -> np.ndarray:
    """ESA from baseline 04.00 on: (dn - 1000) / 10000."""
    return np.maximum(np.rint(values * 10_000 + 1000), 1)


def collection_2(values: np.ndarray) -> np.ndarray:
    """USGS surface reflectance: dn × 0.0000275 - 0.2."""
    return np.rint((values + 0.2) / 0.0000275)


def collection_2_kelvin(values: np.ndarray) -> np.ndarray:
    """USGS surface temperature: dn × 0.00341802 + 149."""
    return np.rint((values - 149) / 0.00341802)


@dataclass(frozen=True, kw_only=True)
class Sentinel2:
    """How one provider publishes one processing baseline of Sentinel-2.

    ``offset_stated`` is what the item's ``raster:bands`` claims, true or not; None without any.
    """

    collection: str = "sentinel-2-l2a"
    common_names: bool = True
    baseline: str
    dn: Callable[[np.ndarray], np.ndarray]
    offset_stated: float | None = None
    flag: bool | None = None
    doubtful: bool = False


SENTINEL_2 = {
    "planetary-computer 02.12": Sentinel2(common_names=False, baseline="02.12", dn=unshifted),
    "planetary-computer 04.00": Sentinel2(common_names=False, baseline="04.00", dn=shifted),
    "planetary-computer 05.11": Sentinel2(common_names=False, baseline="05.11", dn=shifted),
    "earth-search applied": Sentinel2(
        baseline="05.09", dn=unshifted, offset_stated=-0.1, flag=True
    ),
    "earth-search applied in 04.00": Sentinel2(
        baseline="04.00", dn=unshifted, offset_stated=-0.1, flag=True
    ),
    "earth-search before 04.00": Sentinel2(
        baseline="02.14", dn=unshifted, offset_stated=0, flag=False
    ),
    "earth-search before 04.00, no flag": Sentinel2(
        baseline="03.01", dn=unshifted, offset_stated=0
    ),
    "earth-search not applied": Sentinel2(
        baseline="05.09", dn=shifted, offset_stated=-0.1, flag=False, doubtful=True
    ),
    "earth-search no flag": Sentinel2(
        baseline="05.00", dn=shifted, offset_stated=-0.1, doubtful=True
    ),
    "earth-search collection 1": Sentinel2(
        collection="sentinel-2-c1-l2a", baseline="05.11", dn=shifted, offset_stated=-0.1
    ),
}


def written(path: Path, dn: np.ndarray, *, pixel_m: int, origin: tuple[float, float]) -> str:
    """Write cells at a pixel size; 0 in the cell of fill."""
    dn = dn.copy()
    dn[0, FILL] = 0
    pixels = np.kron(dn, np.ones((CELL_M // pixel_m, CELL_M // pixel_m)))
    write_tif(path, pixels.astype(np.uint16), origin=origin, pixel_m=pixel_m)
    return str(path)


def sentinel_2_files(folder: Path, dn: Callable[[np.ndarray], np.ndarray]) -> dict[str, str]:
    """Write all bands and the scene classification; hrefs by ESA's names."""
    hrefs = {}
    for band, (name, pixel_m) in ESA_FILES.items():
        numbers = dn(reflectance(band))
        numbers[0, SATURATED] = 65_535
        hrefs[name] = written(folder / f"{name}.tif", numbers, pixel_m=pixel_m, origin=(X, Y))
    scl = np.full((CELLS, CELLS), 5)
    scl[0, FILL] = 0
    pixels = np.kron(scl, np.ones((3, 3))).astype(np.uint8)
    hrefs["SCL"] = str(write_tif(folder / "SCL.tif", pixels, origin=(X, Y), pixel_m=20))
    return hrefs


def sentinel_2_item(publisher: Sentinel2, hrefs: dict[str, str], **changes: Any) -> dict[str, Any]:
    item = planetary_computer_item(Granule(tile=0, day="2023-07-01"))
    properties = item["properties"] | {"s2:processing_baseline": publisher.baseline}
    if publisher.flag is not None:
        properties["earthsearch:boa_offset_applied"] = publisher.flag
    keys = {name: band for band, (name, _) in ESA_FILES.items()} | {"SCL": "scl"}
    # what lies beside the bands must not be taken for them
    assets: dict[str, Any] = {"visual": {"href": "nowhere.tif"}, "thumbnail": {"href": "no.jpg"}}
    for name, href in hrefs.items():
        key = keys[name] if publisher.common_names else name
        assets[key] = {"href": href}
        if publisher.offset_stated is not None and name != "SCL":
            stated = {"nodata": 0, "scale": 0.0001, "offset": publisher.offset_stated}
            assets[key]["raster:bands"] = [stated]
            assets[f"{key}-jp2"] = {"href": "nowhere.jp2", "raster:bands": [stated]}
    return item | {
        "collection": publisher.collection, "properties": properties, "assets": assets, **changes
    }  # fmt: skip


def probed(item: dict[str, Any], bands: tuple[str, ...]) -> Scene:
    scene = scene_of(item, get_collection(item["collection"]), bands)
    # whether the pixels of a doubtful item agree with it has tests of its own
    probes = probe_scene(scene.model_copy(update={"doubtful": False}))
    assert not [probe.fault for probe in probes if probe.fault]
    return with_grids(scene, probes)


def cells(values: np.ndarray) -> np.ndarray:
    """One value a cell, after checking that a cell has no other."""
    size = values.shape[0] // CELLS
    squares = values.reshape(CELLS, size, CELLS, size)
    first = squares[:, :1, :, :1]
    assert np.array_equal(squares, np.broadcast_to(first, squares.shape), equal_nan=True)
    return first[:, 0, :, 0]


def evaluated(scenes: list[Scene], collection_id: str, bands: tuple[str, ...], pixel_m: float):
    collection = get_collection(collection_id)
    n = int(CELLS * CELL_M / pixel_m)
    # Landsat's pixel centres lie where Sentinel-2's edges do
    half = pixel_m / 2 if collection.grid_anchor == "center" else 0
    geobox = GeoBox((n, n), Affine(pixel_m, 0, X - half, 0, -pixel_m, Y + half), UTM)
    cube = VirtualCube.load(collection_id, tuple(scenes), bands).valid(collection.quality)
    return evaluate(cube.composite(), geobox).decoded


def expected_sentinel_2(band: str) -> np.ndarray:
    # at or below zero is the darkest there is, snow may be brighter than white
    truth = np.maximum(reflectance(band), STEP)
    truth[0, [SATURATED, FILL]] = np.nan
    return truth


@pytest.mark.parametrize("name", SENTINEL_2)
def test_sentinel_2_is_the_same_surface_from_every_provider(tmp_path, name):
    publisher, bands = SENTINEL_2[name], tuple(ESA_FILES)
    scene = probed(sentinel_2_item(publisher, sentinel_2_files(tmp_path, publisher.dn)), bands)
    assert scene.doubtful == publisher.doubtful
    result = evaluated([scene], publisher.collection, bands, FINE_M)
    for band in bands:
        found, truth = cells(result[band].to_numpy()), expected_sentinel_2(band)
        assert np.array_equal(np.isnan(found), np.isnan(truth)), band
        # half a step of the provider's quantisation: the packing adds nothing to it
        assert np.nanmax(np.abs(found - truth)) <= STEP / 2 + 1e-7, band


def test_all_of_sentinel_2_agree_to_the_last_bit(tmp_path):
    results = {}
    for name, publisher in SENTINEL_2.items():
        item = sentinel_2_item(publisher, sentinel_2_files(tmp_path / name, publisher.dn))
        scene = probed(item, ("blue", "nir", "swir16", "coastal"))
        bands = tuple(scene.bands)
        results[name] = evaluated([scene], publisher.collection, bands, FINE_M)
    first, *others = results.values()
    for other in others:
        for band in first.data_vars:
            assert np.array_equal(first[band], other[band], equal_nan=True), band


def test_a_mosaic_of_two_baselines_has_no_step(tmp_path):
    """Of a scene before and one after 04.00, each cloudy where the other is clear."""
    scenes = []
    for name, side in (("planetary-computer 02.12", 0), ("planetary-computer 05.11", 1)):
        publisher = SENTINEL_2[name]
        hrefs = sentinel_2_files(tmp_path / name, publisher.dn)
        scl = np.full((CELLS * 3, CELLS * 3), 5, np.uint8)
        columns = np.arange(CELLS * 3) < CELLS * 3 // 2
        scl[:, columns == bool(side)] = 9
        write_tif(Path(hrefs["SCL"]), scl, origin=(X, Y), pixel_m=20)
        item = sentinel_2_item(publisher, hrefs, id=name.replace(" ", "_"))
        scenes.append(probed(item, ("red",)))
    collection = get_collection("sentinel-2-l2a")
    cut = dataclasses.replace(collection.quality, opening_m=0, dilation_m=0)
    n = CELLS * CELL_M // 10
    geobox = GeoBox((n, n), Affine(10, 0, X, 0, -10, Y), UTM)
    cube = VirtualCube.load(collection.id, tuple(scenes), ("red",)).valid(cut).composite()
    result = evaluate(cube, geobox)
    assert set(np.unique(result.packed["source"])) == {0, 1, 2}
    found, truth = cells(result.decoded["red"].to_numpy()), expected_sentinel_2("red")
    # fill is not in these quality bands, but in the numbers
    assert np.array_equal(np.isnan(found), np.isnan(truth))
    assert np.nanmax(np.abs(found - truth)) <= STEP / 2 + 1e-7


@dataclass(frozen=True, kw_only=True)
class Landsat:
    """The bands one sensor, or one correction, comes with, by asset key."""

    platform: str
    optical: tuple[str, ...] = OPTICAL
    thermal: str | None
    extra: dict[str, Any] = field(default_factory=dict)


LANDSAT = {
    "planetary-computer OLI/TIRS": Landsat(
        platform="landsat-9", optical=("coastal", *OPTICAL), thermal="lwir11"
    ),
    "planetary-computer ETM+": Landsat(platform="landsat-7", thermal="lwir"),
    "planetary-computer TM": Landsat(platform="landsat-5", thermal="lwir"),
    "planetary-computer L2SR": Landsat(
        platform="landsat-8",
        optical=("coastal", *OPTICAL),
        thermal=None,
        extra={"landsat:correction": "L2SR"},
    ),
    "earth-search OLI/TIRS": Landsat(
        platform="landsat-8",
        optical=("coastal", *OPTICAL),
        thermal="lwir11",
        extra={"grid:code": "WRS2-183028", "proj:code": "EPSG:32635"},
    ),
}
LANDSAT_BANDS = ("coastal", *OPTICAL, "lwir11")


def landsat_item_of(folder: Path, sensor: Landsat, *, item_id: str) -> dict[str, Any]:
    at = {"pixel_m": 30, "origin": (X - 15, Y + 15)}
    assets: dict[str, Any] = {"ang": {"href": "no.txt"}, "qa_radsat": {"href": "nowhere.tif"}}
    for band in sensor.optical:
        numbers = collection_2(reflectance(band))
        numbers[0, SATURATED] = 65_535
        assets[band] = {"href": written(folder / f"{band}.tif", numbers, **at)}
    if sensor.thermal:
        numbers = collection_2_kelvin(KELVIN)
        assets[sensor.thermal] = {"href": written(folder / "st.tif", numbers, **at)}
        # intermediate products of the temperature, which no rule may take for it
        assets |= {"trad": {"href": "nowhere.tif"}, "emis": {"href": "nowhere.tif"}}
    clear, fill = 1 << 6, 1 << 0
    qa = np.full((CELLS, CELLS), clear)
    qa[0, FILL] = fill
    qa = np.kron(qa, np.ones((2, 2))).astype(np.uint16)
    path = write_tif(folder / "qa.tif", qa, origin=at["origin"], pixel_m=30)
    assets["qa_pixel"] = {"href": str(path)}
    item = landsat_item("2023-07-01")
    properties = item["properties"] | {"platform": sensor.platform} | sensor.extra
    return item | {"id": item_id, "properties": properties, "assets": assets}


def expected_landsat(band: str) -> np.ndarray:
    truth = reflectance(band)
    # USGS's valid range is that of reflectance between 0 and 1
    truth[0, [BELOW_ZERO, SNOW, SATURATED, FILL]] = np.nan
    return truth


@pytest.mark.parametrize("name", LANDSAT)
def test_landsat_is_the_same_surface_from_every_sensor_and_provider(tmp_path, name):
    sensor = LANDSAT[name]
    scene = probed(landsat_item_of(tmp_path, sensor, item_id="one"), LANDSAT_BANDS)
    result = evaluated([scene], "landsat-c2-l2", LANDSAT_BANDS, LANDSAT_M)
    for band in sensor.optical:
        found, truth = cells(result[band].to_numpy()), expected_landsat(band)
        assert np.array_equal(np.isnan(found), np.isnan(truth)), band
        # half a step of Landsat's and half a step of the product's
        assert np.nanmax(np.abs(found - truth)) <= (2.75e-5 + STEP) / 2 + 1e-7, band
    for band in {"coastal", *OPTICAL} - set(sensor.optical):
        assert np.isnan(result[band].to_numpy()).all(), band
    kelvin = cells(result["lwir11"].to_numpy())
    if sensor.thermal is None:
        assert np.isnan(kelvin).all()
        return
    assert np.flatnonzero(np.isnan(kelvin)).tolist() == [FILL]
    assert np.nanmax(np.abs(kelvin - KELVIN)) <= 0.01


def test_landsat_and_sentinel_2_show_the_same_reflectance(tmp_path):
    publisher = SENTINEL_2["planetary-computer 05.11"]
    item = sentinel_2_item(publisher, sentinel_2_files(tmp_path / "s2", publisher.dn))
    s2 = evaluated([probed(item, ("red",))], item["collection"], ("red",), FINE_M)
    sensor = LANDSAT["planetary-computer TM"]
    item = landsat_item_of(tmp_path / "tm", sensor, item_id="tm")
    tm = evaluated([probed(item, ("red",))], item["collection"], ("red",), LANDSAT_M)
    difference = cells(s2["red"].to_numpy()) - cells(tm["red"].to_numpy())
    assert np.isfinite(difference).sum() == CELLS * CELLS - 4
    assert np.nanmax(np.abs(difference)) <= STEP + 2.75e-5


@pytest.mark.parametrize("method", ["first", "median", "medoid", "geomedian", "max_ndvi"])
def test_scenes_with_and_without_temperature_go_together(tmp_path, method):
    """L2SR items have none, and those of a region and month are a mixture."""
    bands = ("red", "nir08", "lwir11")
    scenes = []
    for day, name in enumerate(("planetary-computer L2SR", "planetary-computer ETM+"), start=1):
        item = landsat_item_of(tmp_path / name, LANDSAT[name], item_id=f"scene{day}")
        item["properties"]["datetime"] = f"2023-07-0{day}T09:05:20Z"
        scenes.append(probed(item, bands))
    collection = get_collection("landsat-c2-l2")
    n = CELLS * 2
    geobox = GeoBox((n, n), Affine(30, 0, X - 15, 0, -30, Y + 15), UTM)
    cube = VirtualCube.load(collection.id, tuple(scenes), bands).valid(collection.quality)
    result = evaluate(cube.composite(method, order="newest"), geobox)
    found = cells(result.decoded["red"].to_numpy())
    assert np.nanmax(np.abs(found - expected_landsat("red"))) <= (2.75e-5 + STEP) / 2 + 1e-7
    kelvin = cells(result.decoded["lwir11"].to_numpy())
    if method in {"first", "median", "geomedian"}:
        # the newest has one, or it is the only one there is
        assert np.isfinite(kelvin[1:]).all()
        assert np.nanmax(np.abs(kelvin - KELVIN)) <= 0.01


TRUTH_OF_REAL_ITEMS = {
    "mpc_sentinel-2-l2a__N02.12__S2B_T06VVN_20190629": unshifted,
    "mpc_sentinel-2-l2a__N04.00__S2B_T24XWR_20220612": shifted,
    "mpc_sentinel-2-l2a__N05.10__S2B_T47XML_20240419": shifted,
    "mpc_sentinel-2-l2a__N05.11__S2B_T53NKG_20250312": shifted,
    "earthsearch_sentinel-2-l2a__boa-false__S2A_28QCH_20200714": unshifted,
    "earthsearch_sentinel-2-l2a__boa-true__S2A_13TDE_20231008": unshifted,
    "earthsearch_sentinel-2-l2a__boa-true__S2B_20EPT_20250731": unshifted,
    "earthsearch_sentinel-2-c1-l2a__S2B_T20EPT_20250731": shifted,
}


@pytest.mark.real_data
@pytest.mark.parametrize("name", TRUTH_OF_REAL_ITEMS)
def test_real_items_of_sentinel_2_over_files_as_their_provider_writes_them(
    real_data, tmp_path, name
):
    item = json.loads((real_data / "stac-items" / f"{name}.json").read_text())
    hrefs = sentinel_2_files(tmp_path, TRUTH_OF_REAL_ITEMS[name])
    names = {band: name for band, (name, _) in ESA_FILES.items()} | {"scl": "SCL"}
    for key, asset in item["assets"].items():
        asset["href"] = hrefs.get(names.get(key, key), "nowhere.tif")
    bands = tuple(ESA_FILES)
    result = evaluated([probed(item, bands)], item["collection"], bands, FINE_M)
    for band in bands:
        found, truth = cells(result[band].to_numpy()), expected_sentinel_2(band)
        assert np.array_equal(np.isnan(found), np.isnan(truth)), band
        assert np.nanmax(np.abs(found - truth)) <= STEP / 2 + 1e-7, band


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "sensor"),
    [
        ("mpc_landsat-c2-l2__L2SP__LC09_089090_20240417", "planetary-computer OLI/TIRS"),
        ("mpc_landsat-c2-l2__L2SR__LC09_084082_20250722_02_T1", "planetary-computer L2SR"),
        ("earthsearch_landsat-c2-l2__L2SP__LC08_033032_20231008", "earth-search OLI/TIRS"),
    ],
)
def test_real_items_of_landsat_over_files_as_usgs_writes_them(real_data, tmp_path, name, sensor):
    item = json.loads((real_data / "stac-items" / f"{name}.json").read_text())
    written_item = landsat_item_of(tmp_path, LANDSAT[sensor], item_id="files")
    for key, asset in item["assets"].items():
        asset["href"] = written_item["assets"].get(key, {"href": "nowhere.tif"})["href"]
    result = evaluated([probed(item, LANDSAT_BANDS)], "landsat-c2-l2", LANDSAT_BANDS, LANDSAT_M)
    for band in ("coastal", *OPTICAL):
        found, truth = cells(result[band].to_numpy()), expected_landsat(band)
        assert np.array_equal(np.isnan(found), np.isnan(truth)), band
        assert np.nanmax(np.abs(found - truth)) <= (2.75e-5 + STEP) / 2 + 1e-7, band
    kelvin = cells(result["lwir11"].to_numpy())
    if LANDSAT[sensor].thermal:
        assert np.nanmax(np.abs(kelvin - KELVIN)) <= 0.01
    else:
        assert np.isnan(kelvin).all()
