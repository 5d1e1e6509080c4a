"""Terrain as a STAC item."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eo_assets.cube.graph import VirtualCube
from eo_assets.pipeline.terrain_blocks import LAYERS, TITLES
from eo_assets.pipeline.terrain_files import NUMBERS, PAGE, QUANTITIES, ExportTask
from eo_assets.places import Place, place
from eo_assets.storage.companions import companions, pictures
from eo_assets.storage.partition import WholeRegion
from eo_assets.storage.product_item import product_item, raster_asset, write_item
from eo_assets.storage.provenance import Origin
from eo_assets.storage.store import Record


def write_terrain_item(
    subject: WholeRegion,
    task: ExportTask,
    contours: Place,
    drawn: Iterable[str],
    cube: VirtualCube,
    record: Record,
) -> None:
    """Write the STAC item of the terrain beside its files.

    Args:
        subject: The region.
        task: The files.
        contours: File of the contours.
        drawn: Names of the picture files.
        cube: What the heights were computed from.
        record: The product's record so far.
    """

    def raster(path: Place, names: tuple[str, ...], title: str) -> dict[str, Any]:
        bands = [
            {
                "name": name,
                "description": TITLES[name],
                "data_type": "uint16",
                "nodata": 0,
                "unit": LAYERS[name].units,
                "raster:scale": LAYERS[name].scale,
                "raster:offset": LAYERS[name].offset,
            }
            for name in names
        ]
        return raster_asset(path, title=title, roles=("data",), bands=bands)

    name = place(task.target).stem
    beside = {
        "contours": (contours.name, f"Contours every {record.summary['contour_interval_m']:g} m"),
        "report": (PAGE, "The report"),
        "numbers": (NUMBERS, "Every number of the report"),
    }
    item = product_item(
        subject,
        task.grid.geobox,
        item_id=name,
        acquired=[scene.acquired for scene in cube.scenes],
        stac_assets={
            "terrain": raster(place(task.target), QUANTITIES, "Elevation, slope and hillshade"),
            "aspect": raster(task.aspect, ("aspect",), "Aspect"),
            **companions(contours.parent, beside | pictures(drawn)),
        },
        origin=Origin(sources=tuple(scene.id for scene in cube.scenes), cubes=(cube,)),
        properties={
            "eo_assets:known_pct": record.summary["known_pct"],
            "eo_assets:missing_tiles": record.summary["missing_tiles"],
            "eo_assets:cube": cube.digest,
        },
    )
    write_item(place(task.target).with_suffix(".json"), item)
