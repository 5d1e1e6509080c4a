"""Burnt areas of a year as a STAC item."""

from __future__ import annotations

import json

from odc.geo.geobox import GeoBox

from eo_assets.cube.graph import VirtualCube
from eo_assets.fires.severity import CLASSES, NODATA
from eo_assets.pipeline.burn_files import (
    INDEX_NODATA,
    INDEX_SCALE,
    PATCHES,
    SITES,
    TITLES,
    FilesTask,
)
from eo_assets.pipeline.class_products import CLASSIFICATION
from eo_assets.places import place
from eo_assets.storage.partition import Partition
from eo_assets.storage.product_item import file_asset, product_item, raster_asset, write_item
from eo_assets.storage.provenance import Origin
from eo_assets.storage.store import Record
from eo_assets.storage.vectors import GEOPARQUET_TYPE


def write_burn_item(
    partition: Partition,
    record: Record,
    task: FilesTask,
    seasons: tuple[VirtualCube, VirtualCube],
    geobox: GeoBox,
) -> None:
    """Write the STAC item of a year's burnt areas beside its files.

    Args:
        partition: Region and year.
        record: The product's record so far.
        task: The files.
        seasons: Cubes of the earlier and the later season.
        geobox: The grid.
    """
    nodata = {"value": NODATA, "name": "nodata", "title": "Not seen twice", "nodata": True}
    classes = [nodata] + [
        {
            "value": one.code,
            "name": one.key,
            "title": one.title,
            "color_hint": one.colour.lstrip("#"),
        }
        for one in CLASSES
    ]
    band = {"name": "severity", "data_type": "uint8", "nodata": NODATA}
    quantities = [
        {"name": name, "description": title, "data_type": "int16", "nodata": INDEX_NODATA,
         "unit": "1", "raster:scale": INDEX_SCALE, "raster:offset": 0}
        for name, title in TITLES.items()
    ]  # fmt: skip
    folder = place(task.severity).parent
    scenes = [scene for cube in seasons for scene in cube.scenes]
    item = product_item(
        partition,
        geobox,
        item_id=place(task.severity).stem,
        acquired=[scene.acquired for scene in scenes],
        stac_assets={
            "severity": raster_asset(
                place(task.severity),
                title="Burn severity",
                roles=("data", "classification"),
                bands=[{**band, "classification:classes": classes}],
            ),
            "indices": raster_asset(
                place(task.indices), title="Burn indices", roles=("data",), bands=quantities
            ),
            "patches": file_asset(
                folder / PATCHES, media_type=GEOPARQUET_TYPE, title="Burnt patches", roles=("data",)
            ),
            "sites": file_asset(
                folder / SITES,
                media_type=GEOPARQUET_TYPE,
                title="Burnt area by protected site",
                roles=("data",),
            ),
        },
        origin=Origin(sources=tuple(scene.id for scene in scenes), cubes=seasons),
        properties={
            f"eo_assets:{name}": record.summary[name]
            for name in ("season", "burnt_ha", "seen_pct", "dnbr_offset")
        }
        | {"eo_assets:cubes": json.dumps([cube.digest for cube in seasons])},
    )
    item["stac_extensions"] = [*item["stac_extensions"], CLASSIFICATION]
    write_item(place(task.severity).with_suffix(".json"), item)
