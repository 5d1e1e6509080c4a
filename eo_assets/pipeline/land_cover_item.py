"""Land cover as a STAC item: map, probabilities, and everything they can be judged by."""

from __future__ import annotations

from collections.abc import Mapping

from eo_assets.cube.grid import Grid
from eo_assets.pipeline.class_products import CLASSIFICATION, classification
from eo_assets.pipeline.land_cover_tasks import MEASURES, NO_PROBABILITY, STEPS_OF_PROBABILITY
from eo_assets.pipeline.supervised_classification import LandCover
from eo_assets.places import Place
from eo_assets.storage.companions import companions, pictures
from eo_assets.storage.partition import Partition
from eo_assets.storage.product_item import product_item, raster_asset, write_item
from eo_assets.storage.provenance import Origin
from eo_assets.storage.store import Record, acquisition_times
from eo_assets.supervised.method import NODATA

_TITLES = {
    "report": "The report",
    "model": "The fitted model",
    "model_description": "Features, classes and checksum of the model",
    "accuracy": "Accuracy and its intervals, confusion of classes",
    "training": "The training polygons",
}
"""What each file beside the rasters holds, by its role in the record."""


def write_land_cover_item(
    target: Place,
    certainty: Place,
    files: Mapping[str, str],
    *,
    partition: Partition,
    made: LandCover,
    grid: Grid,
    upstream: Record,
    origin: Origin,
) -> str:
    """Write the STAC item of land cover beside its files.

    Args:
        target: The map.
        certainty: The probabilities.
        files: Name of each other file by its role.
        partition: What it is about.
        made: What was learned.
        grid: The grid.
        upstream: Record of the mosaic.
        origin: What it was made from, and how.

    Returns:
        Name of the item's file.
    """
    classes = {one.code: (one.name, one.colour) for one in made.model.classes}
    band = {"name": "class", "data_type": "uint8", "nodata": NODATA}
    shares = (*MEASURES, *(f"p_{one.name}" for one in made.model.classes))
    scaled = {"data_type": "uint8", "nodata": NO_PROBABILITY}
    scaled |= {"raster:scale": 1 / STEPS_OF_PROBABILITY}
    beside = {role: (files[role], title) for role, title in _TITLES.items()}
    drawn = [name for name in files.values() if name.endswith(".png")]
    item = product_item(
        partition,
        grid.geobox,
        item_id=target.stem,
        acquired=acquisition_times(upstream),
        stac_assets={
            "land_cover": raster_asset(
                target,
                title="Land cover",
                roles=("data", "classification"),
                bands=[{**band, "classification:classes": classification(classes)}],
            ),
            "probability": raster_asset(
                certainty,
                title="Probabilities of the classes, and how certain the map is",
                roles=("data",),
                bands=[{"name": share, **scaled} for share in shares],
            ),
            **companions(target.parent, beside | pictures(drawn, ending="_picture")),
        },
        origin=origin,
        properties={
            "processing:lineage": f"{made.model.method} on {', '.join(made.model.features)}"
        },
    )
    item["stac_extensions"] = [*item["stac_extensions"], CLASSIFICATION]
    path = target.with_suffix(".json")
    write_item(path, item)
    return path.name
