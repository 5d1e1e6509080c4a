"""The Copernicus GLO-30 elevation model of the sample world: one tile, cropped to the region."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
from affine import Affine
from pyproj import Transformer
from scipy import ndimage
from shapely.geometry import box

from eo_assets.sample import stac_shapes
from eo_assets.sample.cog import write_cog
from eo_assets.sample.grid import EPSG, WORLD

if TYPE_CHECKING:
    from pathlib import Path

    from eo_assets.sample.world import World

COLLECTION = "cop-dem-glo-30"
ITEM_ID = "Copernicus_DSM_COG_10_N45_00_E025_00_DEM"

WEST, NORTH = 25.345, 45.525
WIDTH, HEIGHT = 936, 828
SHIFT = 0.5 / 3600
"""Values belong to whole arc seconds: stored as areas, pixels begin half a second earlier."""

TRANSFORM = Affine(1 / 3600, 0, WEST - SHIFT, 0, -1 / 3600, NORTH + SHIFT)


def write_dem(world: World, directory: Path) -> None:
    """Sample the world's elevation at whole arc seconds and write item and pixels."""
    longitude = WEST + np.arange(WIDTH) / 3600
    latitude = NORTH - np.arange(HEIGHT) / 3600
    project = Transformer.from_crs(4326, EPSG, always_xy=True)
    x, y = project.transform(*np.meshgrid(longitude, latitude))
    position = (
        (WORLD.top - np.asarray(y)) / WORLD.pixel_m - 0.5,
        (np.asarray(x) - WORLD.left) / WORLD.pixel_m - 0.5,
    )
    ground = ndimage.gaussian_filter(world.elevation_m, 1.2)
    heights = ndimage.map_coordinates(ground, position, order=1).astype(np.float32)
    west, south = WEST - SHIFT, NORTH + SHIFT - HEIGHT / 3600
    footprint = box(west, south, west + WIDTH / 3600, NORTH + SHIFT)
    document = stac_shapes.item(
        COLLECTION,
        ITEM_ID,
        footprint=footprint,
        properties={
            "gsd": 30,
            "datetime": "2021-04-22T00:00:00Z",
            "platform": "TanDEM-X",
            "proj:epsg": 4326,
            "proj:shape": [HEIGHT, WIDTH],
            "proj:transform": list(TRANSFORM)[:6],
        },
        assets={
            "data": {
                "href": "./data.tif",
                "title": "N45_00_E025_00",
                "type": stac_shapes.COG_TYPE,
                "roles": ["data"],
            }
        },
        extensions=["projection/v1.0.0"],
    )
    place = directory / ITEM_ID
    place.mkdir(parents=True)
    write_cog(place / "data.tif", heights, TRANSFORM, epsg=4326, nodata=None)
    (place / f"{ITEM_ID}.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
