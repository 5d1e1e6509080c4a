"""Sentinel-2 L2A scenes of the sample world: pixels and items of both tiles of one datatake."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from shapely.geometry import Polygon

from eo_assets.sample import noise, stac_shapes
from eo_assets.sample.cog import write_cog
from eo_assets.sample.grid import EPSG, REGION, TILES, WORLD
from eo_assets.sample.quality import SCL_NAMES, scene_classification
from eo_assets.sample.schedule import HALF_SWATH_ORBIT, SentinelPass
from eo_assets.sample.sky import Sky, make_sky
from eo_assets.sample.sun import Sun, sun_at
from eo_assets.sample.surface import Surface

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from eo_assets.sample.grid import Grid
    from eo_assets.sample.world import World

_Metres = TypeVar("_Metres", float, "NDArray[np.float64]")

COLLECTION = "sentinel-2-l2a"
OFFSET_BASELINE = 4.0
"""From this processing baseline on, digital numbers carry +1000."""

NOISE_FLOOR, NOISE_SLOPE = 0.0004, 0.002
"""Sensor noise: standard deviation of reflectance = floor + slope × reflectance."""

LEVEL = 5
"""Digital numbers are multiples of this: finer than the sensor's noise, and less to store."""

TRACK_TILT = 0.25
"""Metres that a descending swath's edge runs east for each metre north, at this latitude."""


def swath_edge_m(northing_m: _Metres) -> _Metres:
    """Easting where the half swath begins, at a northing or an array of them, metres."""
    west, south, east, north = REGION.bounds
    return (west + east) / 2 + TRACK_TILT * (northing_m - (south + north) / 2)


def inside_swath(sentinel_pass: SentinelPass) -> NDArray[np.bool_]:
    """Whether the satellite saw each pixel of the world grid, dims ``(y, x)``."""
    if sentinel_pass.relative_orbit != HALF_SWATH_ORBIT:
        return np.ones(WORLD.shape, bool)
    # edges are cut on the 60 m grid, so that all bands end alike
    row, column = np.ogrid[: WORLD.height, : WORLD.width]
    northing = WORLD.top - (row // 6 * 6 + 3) * WORLD.pixel_m
    easting = WORLD.left + (column // 6 * 6 + 3) * WORLD.pixel_m
    edge: NDArray[np.bool_] = easting > swath_edge_m(northing)
    return edge


def _footprint(sentinel_pass: SentinelPass, tile: Grid) -> BaseGeometry:
    outline = stac_shapes.grid_footprint(tile)
    if sentinel_pass.relative_orbit == HALF_SWATH_ORBIT:
        _, south, _, north = WORLD.bounds
        far = WORLD.bounds[2] + 10_000
        seen = [
            (swath_edge_m(south), south),
            (far, south),
            (far, north),
            (swath_edge_m(north), north),
        ]
        return stac_shapes.lon_lat(outline.intersection(Polygon(seen)))
    return stac_shapes.lon_lat(outline)


def _mean_2x2(values: NDArray[np.float32]) -> NDArray[np.float32]:
    rows, columns = values.shape
    return values.reshape(rows // 2, 2, columns // 2, 2).mean(axis=(1, 3), dtype=np.float32)


def digital_numbers(
    rho: NDArray[np.float32], *, baseline: str, inside: NDArray[np.bool_]
) -> NDArray[np.uint16]:
    """Encode reflectance: ``10000 ρ``, from baseline 04.00 on ``+ 1000``; 0 outside the swath."""
    offset = 1000 if float(baseline) >= OFFSET_BASELINE else 0
    numbers = np.clip(np.rint(rho * (10000 / LEVEL)) * LEVEL + offset, 1, 32767)
    return np.where(inside, numbers, 0).astype(np.uint16)


def _names(sentinel_pass: SentinelPass, tile_name: str) -> dict[str, str]:
    """Identifiers of one granule, in the manner of ESA and the Planetary Computer."""
    start = sentinel_pass.start.strftime("%Y%m%dT%H%M%S")
    made = sentinel_pass.start + timedelta(hours=9, minutes=17, seconds=31)
    made_at = made.strftime("%Y%m%dT%H%M%S")
    satellite = f"S2{sentinel_pass.platform}"
    number, orbit = sentinel_pass.baseline, f"A{sentinel_pass.absolute_orbit:06d}"
    relative = f"R{sentinel_pass.relative_orbit:03d}"
    return {
        "id": f"{satellite}_MSIL2A_{start}_{relative}_T{tile_name}_{made_at}",
        "s2:granule_id": (
            f"{satellite}_OPER_MSI_L2A_TL_MSFT_{made_at}_{orbit}_T{tile_name}_N{number}"
        ),
        "s2:datatake_id": f"G{satellite}_{start}_{orbit[1:]}_N{number}",
        "s2:product_uri": (
            f"{satellite}_MSIL2A_{start}_N{number.replace('.', '')}_{relative}"
            f"_T{tile_name}_{made_at}.SAFE"
        ),
        "s2:datastrip_id": f"{satellite}_OPER_MSI_L2A_DS_MSFT_{made_at}_S{start}_N{number}",
        "s2:generation_time": made.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }


def _percentages(scl: NDArray[np.uint8]) -> dict[str, float]:
    """The ``s2:…_percentage`` properties and the cloud cover; classes relative to valid pixels."""
    counts = np.bincount(scl.ravel(), minlength=12)
    valid = max(int(counts[1:].sum()), 1)
    share = {code: 100 * counts[code] / valid for code in SCL_NAMES}
    share[0] = 100 * counts[0] / scl.size
    percentages = {f"s2:{name}_percentage": round(share[k], 6) for k, name in SCL_NAMES.items()}
    cloud = round(share[8] + share[9] + share[10], 6)
    return {"eo:cloud_cover": cloud, **percentages, "s2:degraded_msi_data_percentage": 0.0}


def make_item(
    sentinel_pass: SentinelPass, tile_name: str, scl: NDArray[np.uint8], sun: Sun
) -> dict[str, Any]:
    """The STAC item of one tile; ``scl`` is that tile's classification."""
    tile = TILES[tile_name]
    names = _names(sentinel_pass, tile_name)
    item_id = names.pop("id")
    day = sentinel_pass.start.timetuple().tm_yday
    properties = {
        "datetime": sentinel_pass.start.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "platform": f"Sentinel-2{sentinel_pass.platform}",
        "proj:epsg": EPSG,
        "instruments": ["msi"],
        "s2:mgrs_tile": tile_name,
        "constellation": "Sentinel 2",
        **names,
        "s2:product_type": "S2MSI2A",
        "sat:orbit_state": "descending",
        "s2:datatake_type": "INS-NOBS",
        "sat:relative_orbit": sentinel_pass.relative_orbit,
        "s2:mean_solar_zenith": sun.zenith_deg,
        "s2:mean_solar_azimuth": sun.azimuth_deg,
        "s2:processing_baseline": sentinel_pass.baseline,
        "s2:reflectance_conversion_factor": float(1 + 0.0342 * np.cos(2 * np.pi * (day - 3) / 365)),
        **_percentages(scl),
    }
    assets = {}
    for key in (*stac_shapes.SENTINEL_BANDS, "SCL"):
        asset = stac_shapes.sentinel_asset(key)
        grid = tile.coarser(int(asset["gsd"]) // 10)
        assets[key] = {"href": f"./{key}.tif", **stac_shapes.projection(grid), **asset}
    return stac_shapes.item(
        COLLECTION,
        item_id,
        footprint=_footprint(sentinel_pass, tile),
        properties=properties,
        assets=assets,
        extensions=["eo/v1.0.0", "sat/v1.0.0", "projection/v1.1.0"],
    )


class Scene:
    """One datatake over the world grid."""

    def __init__(self, world: World, sentinel_pass: SentinelPass) -> None:
        self.sentinel_pass = sentinel_pass
        self.sun = sun_at(sentinel_pass.start)
        self.surface = Surface(world, sentinel_pass.start)
        self.sky: Sky = make_sky(
            f"s2/{sentinel_pass.date}", sentinel_pass.weather, world.elevation_m, self.sun
        )
        self.inside = inside_swath(sentinel_pass)

    def truth(self) -> NDArray[np.uint8]:
        """0 clear, 1 cloud, 2 shadow, 3 outside the swath, uint8, world grid."""
        return np.where(self.inside, self.sky.truth(), np.uint8(3))

    def observed(self, band: str, true: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the sensor sees of a band's true reflectance, noise included, world grid."""
        seen = self.sky.observe(true, band)
        spread = np.float32(NOISE_FLOOR) + np.float32(NOISE_SLOPE) * np.clip(seen, 0, None)
        seen += spread * noise.white(f"sensor/{self.sentinel_pass.date}/{band}", WORLD.shape)
        return seen

    def classification(self, observed_20m: dict[str, NDArray[np.float32]]) -> NDArray[np.uint8]:
        """The SCL of the world grid at 20 m."""
        return scene_classification(
            observed_20m,
            cloud=_mean_2x2(self.sky.cloud),
            cirrus=_mean_2x2(self.sky.cirrus),
            shadow=_mean_2x2(self.sky.shadow),
            inside=self.inside[::2, ::2],
        )


def write_scene(
    scene: Scene, directory: Path, *, keep: Collection[str]
) -> dict[str, NDArray[np.float32]]:
    """Write both tiles of a datatake below the collection's directory.

    Args:
        scene: The datatake.
        directory: Directory of the collection.
        keep: Bands whose true reflectance is wanted.

    Returns:
        True reflectance of those bands, 0-1, float32, dims ``(y, x)`` of the world grid.
    """
    sentinel_pass = scene.sentinel_pass
    places = {name: directory / _names(sentinel_pass, name)["id"] for name in TILES}
    for place in places.values():
        place.mkdir(parents=True)
    kept, coarse_bands = {}, {}
    for band, (gsd, *_) in stac_shapes.SENTINEL_BANDS.items():
        true = scene.surface.reflectance(band)
        if band in keep:
            kept[band] = true
        rho = scene.observed(band, true)
        coarse_bands[band] = _mean_2x2(rho)
        factor = gsd // 10
        numbers = digital_numbers(
            rho if factor == 1 else coarse_bands[band],
            baseline=sentinel_pass.baseline,
            inside=scene.inside[::factor, ::factor],
        )
        for name, place in places.items():
            tile = TILES[name].coarser(factor)
            pixels = numbers[tile.window_in(WORLD.coarser(factor))]
            write_cog(place / f"{band}.tif", pixels, tile.transform, epsg=EPSG)
    scl = scene.classification(coarse_bands)
    for name, place in places.items():
        tile = TILES[name].coarser(2)
        tile_scl = scl[tile.window_in(WORLD.coarser(2))]
        write_cog(place / "SCL.tif", tile_scl, tile.transform, epsg=EPSG, categorical=True)
        document = make_item(sentinel_pass, name, tile_scl, scene.sun)
        text = json.dumps(document, indent=1)
        (place / f"{document['id']}.json").write_text(text, encoding="utf-8")
    return kept
