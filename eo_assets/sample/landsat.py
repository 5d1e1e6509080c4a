"""Landsat 8 and 9 Collection 2 Level 2 scenes of the sample world."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

from eo_assets.sample import noise, stac_shapes
from eo_assets.sample.cog import write_cog
from eo_assets.sample.grid import EPSG, WORLD, Grid
from eo_assets.sample.landcover import Cover
from eo_assets.sample.quality import qa_pixel
from eo_assets.sample.sky import make_sky
from eo_assets.sample.sun import Sun, relative_irradiance, sun_at
from eo_assets.sample.surface import Surface

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from eo_assets.sample.schedule import LandsatPass
    from eo_assets.sample.world import World

COLLECTION = "landsat-c2-l2"
WRS_PATH, WRS_ROW = "183", "028"

GRID = Grid(left=370605, top=5042115, pixel_m=30, width=671, height=831)
"""Centre-aligned like Landsat's: the pixels' corners lie at 15 m modulo 30 m."""

_OVERLAP = (1 / 6, 1 / 3, 1 / 3, 1 / 6)
"""Share that each 10 m pixel of a row contributes to a 30 m pixel that starts half-way in it."""

SCALE, OFFSET = 2.75e-05, -0.2
KELVIN_SCALE, KELVIN_OFFSET = 0.00341802, 149.0
NOISE_FLOOR, NOISE_SLOPE = 0.0008, 0.003

LEVEL = 8
"""Digital numbers are multiples of this: finer than the sensor's noise, and less to store."""

SEA_LEVEL_K = {5: 298.0, 6: 302.0, 7: 306.0, 8: 305.0, 9: 300.0}
"""Temperature of level grassland at sea level under mid-morning sun, by month."""

WARMER_K = {
    Cover.BEECH: -3.5, Cover.SPRUCE: -3.0, Cover.MEADOW: 0.0, Cover.ALPINE_GRASSLAND: 1.5,
    Cover.ROCK: 4.0, Cover.SNOW: -14.0, Cover.SUMMER_CROP: 0.5, Cover.CEREAL: 5.0,
    Cover.BUILT_UP: 6.5, Cover.WATER: -6.0,
}  # fmt: skip
"""How much warmer than grassland each class is, kelvin."""


def to_30m(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Area-weighted mean of 10 m pixels of the world grid on Landsat's 30 m grid.

    Landsat's edges lie half-way through 10 m pixels, so that a 30 m pixel covers two whole and
    two half pixels in each direction.
    """
    row = (WORLD.top - GRID.top) // 10
    column = (GRID.left - WORLD.left) // 10
    total = np.zeros(GRID.shape, np.float32)
    for i, down in enumerate(_OVERLAP):
        for j, across in enumerate(_OVERLAP):
            part = values[row + i :: 3, column + j :: 3][: GRID.height, : GRID.width]
            total += np.float32(down * across) * part
    return total


def _temperature(
    world: World, scene: LandsatPass, sun: Sun, opacity: NDArray[np.float32]
) -> NDArray[np.uint16]:
    """Surface temperature as encoded kelvin at 30 m, blurred to the sensor's 100 m."""
    warmer = np.array([0.0, *(WARMER_K[cover] for cover in Cover)], np.float32)
    light = relative_irradiance(ndimage.gaussian_filter(world.elevation_m, 2), sun)
    ground = np.take(warmer, world.cover) - np.float32(0.0062) * world.elevation_m
    ground += 7 * (np.clip(light, 0, 2) - 1) + np.float32(SEA_LEVEL_K[scene.start.month])
    kelvin = to_30m(ndimage.gaussian_filter(ground, 4.2))
    kelvin += opacity * (263 - kelvin)
    kelvin += 0.3 * noise.white(f"landsat/{scene.date}/kelvin", GRID.shape)
    return np.clip(np.rint((kelvin - KELVIN_OFFSET) / KELVIN_SCALE), 293, 65535).astype(np.uint16)


def make_item(scene: LandsatPass, qa: NDArray[np.uint16], sun: Sun) -> dict[str, Any]:
    """The STAC item of a scene; ``qa`` is its QA_PIXEL."""
    day = scene.start.strftime("%Y%m%d")
    cloud = round(100 * float(np.mean((qa & 0b1100) != 0)), 2)
    whole = stac_shapes.projection(GRID)
    properties = {
        "gsd": 30,
        "created": (scene.start + timedelta(days=3, hours=5)).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "sci:doi": "10.5066/P9OGBGM6",
        "datetime": scene.start.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "platform": f"landsat-{scene.platform}",
        "proj:epsg": EPSG,
        "proj:shape": whole["proj:shape"],
        "description": "Landsat Collection 2 Level-2",
        "instruments": ["oli", "tirs"],
        "eo:cloud_cover": cloud,
        "proj:transform": whole["proj:transform"],
        "view:off_nadir": 0,
        "landsat:wrs_row": WRS_ROW,
        "landsat:scene_id": f"LC{scene.platform}{WRS_PATH}{WRS_ROW}{scene.start:%Y%j}LGN00",
        "landsat:wrs_path": WRS_PATH,
        "landsat:wrs_type": "2",
        "view:sun_azimuth": round(sun.azimuth_deg, 8),
        "landsat:correction": "L2SP",
        "view:sun_elevation": round(90 - sun.zenith_deg, 8),
        "landsat:cloud_cover_land": cloud,
        "landsat:collection_number": "02",
        "landsat:collection_category": "T1",
    }
    keys = (*stac_shapes.LANDSAT_BANDS, "lwir11", "qa_pixel")
    extensions = ["raster/v1.1.0", "eo/v1.0.0", "view/v1.0.0", "projection/v1.1.0"]
    return stac_shapes.item(
        COLLECTION,
        f"LC0{scene.platform}_L2SP_{WRS_PATH}{WRS_ROW}_{day}_02_T1",
        footprint=stac_shapes.lon_lat(stac_shapes.grid_footprint(GRID)),
        properties=properties,
        assets={key: {"href": f"./{key}.tif", **stac_shapes.landsat_asset(key)} for key in keys},
        extensions=[
            *extensions,
            "https://landsat.usgs.gov/stac/landsat-extension/v1.1.1/schema.json",
            "classification/v1.0.0",
            "scientific/v1.0.0",
        ],
    )


def write_scene(world: World, scene: LandsatPass, directory: Path) -> None:
    """Simulate one scene and write it below the collection's directory."""
    sun = sun_at(scene.start)
    surface = Surface(world, scene.start)
    sky = make_sky(f"landsat/{scene.date}", scene.weather, world.elevation_m, sun)
    observed = {}
    for band in ("B08", *(band for *_, band in stac_shapes.LANDSAT_BANDS.values())):
        seen = to_30m(sky.observe(surface.reflectance(band), band))
        spread = np.float32(NOISE_FLOOR) + np.float32(NOISE_SLOPE) * np.clip(seen, 0, None)
        observed[band] = seen + spread * noise.white(f"landsat/{scene.date}/{band}", GRID.shape)
    cloud, cirrus, shadow = (to_30m(part) for part in (sky.cloud, sky.cirrus, sky.shadow))
    qa = qa_pixel(observed, cloud=cloud, cirrus=cirrus, shadow=shadow)
    document = make_item(scene, qa, sun)
    place = directory / document["id"]
    place.mkdir(parents=True)
    rasters = {"qa_pixel": qa, "lwir11": _temperature(world, scene, sun, cloud)}
    for key, (*_, band) in stac_shapes.LANDSAT_BANDS.items():
        numbers = LEVEL * np.rint((observed[band] - OFFSET) / (SCALE * LEVEL))
        rasters[key] = np.clip(numbers, 1, 65535).astype(np.uint16)
    for key, pixels in rasters.items():
        is_quality = key == "qa_pixel"
        write_cog(
            place / f"{key}.tif",
            pixels,
            GRID.transform,
            epsg=EPSG,
            nodata=1 if is_quality else 0,
            categorical=is_quality,
        )
    text = json.dumps(document, indent=1)
    (place / f"{document['id']}.json").write_text(text, encoding="utf-8")
