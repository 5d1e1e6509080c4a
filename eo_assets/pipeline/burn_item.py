"""Burnt areas of a year, and of several, as STAC items."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd
from odc.geo.geobox import GeoBox

from eo_assets.catalog.collections import get_collection
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
from eo_assets.pipeline.burn_history import History
from eo_assets.pipeline.class_products import CLASSIFICATION
from eo_assets.places import Place, place
from eo_assets.storage.companions import companions
from eo_assets.storage.partition import Partition, WholeRegion
from eo_assets.storage.product_item import product_item, raster_asset, write_item
from eo_assets.storage.provenance import Origin
from eo_assets.storage.store import Record


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
            **companions(
                folder,
                {
                    "patches": (PATCHES, "Burnt patches"),
                    "sites": (SITES, "Burnt area by protected site"),
                },
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


def write_years_item(
    subject: WholeRegion,
    years: Mapping[int, Record],
    history: History,
    path: Place,
    described: Mapping[str, Mapping[str, Any]],
) -> str:
    """Write the STAC item of burnt areas over the years beside its files.

    Args:
        subject: The region.
        years: Record of each year's burnt areas.
        history: What was counted over them.
        path: The map of how many years burnt.
        described: The other files, STAC assets by key.

    Returns:
        Name of the item's file.
    """
    turns = [
        pd.Timestamp(f"{year}-01-01", tz="UTC").to_pydatetime()
        for year in (min(years), max(years) + 1)
    ]
    years_burnt = raster_asset(
        path,
        title=f"Years burnt, {get_collection(subject.region.collection).title}",
        roles=("data", "classification"),
        bands=[{"name": "years_burnt", "data_type": "uint8", "nodata": 255}],
    )
    item = product_item(
        subject,
        history.grid.geobox,
        item_id=path.stem,
        acquired=turns,
        stac_assets={"years_burnt": years_burnt, **described},
        origin=Origin(products=tuple(_item_of(years[year]) for year in years)),
        properties={
            "eo_assets:burnt_ha": history.burnt_ha,
            "eo_assets:repeat_ha": history.repeat_ha,
        },
    )
    target = path.with_suffix(".json")
    write_item(target, item)
    return target.name


def _item_of(record: Record) -> str:
    """The item of a year, as seen from that of several."""
    return f"../../{record.date}/{record.step}/{record.files['stac_item']}"
