"""Classes as files: a GeoTIFF with colours and names, the model, the tables, a STAC item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from eo_assets import __version__
from eo_assets.clustering.model import NODATA, ClusterModel, Labels
from eo_assets.cube.grid import Grid
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import Place, place
from eo_assets.storage.cog import CogBand, write_cog
from eo_assets.storage.tables import mapped_array, write_array, write_table

CLASSIFICATION = "https://stac-extensions.github.io/classification/v2.0.0/schema.json"

MODEL = "model.json"
TABLES = {
    "classes": "The classes: area, name, colour, silhouette",
    "signatures": "Mean, spread and number of pixels of each class and band",
    "k_scan": "How well other numbers of classes fit",
    "sample": "Sampled pixels with class and silhouette",
}
"""What each table beside a class map holds, by name."""


@dataclass(frozen=True, kw_only=True)
class ClassMapTask:
    """A class map to write.

    Attributes:
        labels: Path of the labels, a ``.npy`` file; uint8 ``(y, x)``.
        target: File to write.
        grid: Its grid.
        classes: Name and colour (``#RRGGBB``) of each class by id.
        tags: About the file.
    """

    labels: str
    target: str
    grid: Grid
    classes: Mapping[int, tuple[str, str]]
    tags: Mapping[str, str]


def write_class_map(task: ClassMapTask) -> None:
    """Write the class map as a Cloud Optimized GeoTIFF; runs on a worker.

    Args:
        task: What to write.
    """
    names = {f"CLASS_{class_id}": name for class_id, (name, _) in task.classes.items()}
    colours = {class_id: rgba_of(colour) for class_id, (_, colour) in task.classes.items()}
    with mapped_array(place(task.labels)) as labels:

        def read(_band: str, window: tuple[slice, slice]) -> npt.NDArray[Any]:
            return np.asarray(labels[window])

        write_cog(
            place(task.target),
            task.grid.geobox,
            [CogBand(name="class", tags=names)],
            read,
            dtype="uint8",
            nodata=NODATA,
            tags=task.tags,
            overview_resampling="mode",
            colours={NODATA: (0, 0, 0, 0), **colours},
        )


def rgba_of(colour: str) -> tuple[int, int, int, int]:
    """Read ``#RRGGBB`` as red, green, blue, alpha, 0-255."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue, 255


def write_tables(folder: Place, tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Write tables as Parquet.

    Args:
        folder: Where.
        tables: Tables by name.

    Returns:
        File names by table name.
    """
    for name, table in tables.items():
        write_table(folder / f"{name}.parquet", table)
    return {name: f"{name}.parquet" for name in tables}


def legend(model: ClusterModel) -> dict[int, tuple[str, str]]:
    """Name and colour (``#RRGGBB``) of each class of a model by id."""
    return {c.class_id: (c.name, c.colour) for c in model.classes}


def write_labels(
    folder: Place,
    target: Place,
    labels: Labels,
    grid: Grid,
    model: ClusterModel,
    mosaic_digest: str,
    *,
    runner: TaskRunner,
) -> None:
    """Write the class map that belongs to a model; nothing but the arguments decides its bytes.

    Args:
        folder: For a file between this process and the worker, removed at the end.
        target: File to write.
        labels: Class ids, uint8 ``(y, x)``.
        grid: Their grid.
        model: The model they were made with.
        mosaic_digest: Digest of the mosaic they were made from.
        runner: Runs the task.
    """
    between = folder / "labels.npy"
    write_array(between, labels)
    task = ClassMapTask(
        labels=str(between),
        target=str(target),
        grid=grid,
        classes=legend(model),
        tags=class_tags(model, mosaic_digest),
    )
    runner.map(write_class_map, [task], label="class map")
    between.unlink()


def class_tags(model: ClusterModel, mosaic_digest: str) -> dict[str, str]:
    """Describe a class map in its file.

    Args:
        model: The model it was made with.
        mosaic_digest: Digest of the mosaic it was made from.

    Returns:
        Tags.
    """
    return {
        "TIFFTAG_SOFTWARE": f"eo_assets {__version__}",
        "METHOD": model.method,
        "FEATURES": " ".join(model.features),
        "MOSAIC": mosaic_digest,
        "NOTE": "Classes are groups of similar reflectance; their names are hints, not land cover.",
    }


def classification(classes: Mapping[int, tuple[str, str]]) -> list[dict[str, Any]]:
    """Describe classes as STAC's classification extension does.

    Args:
        classes: Name and colour (``#RRGGBB``) of each class by id.

    Returns:
        ``classification:classes``.
    """
    nodata = {"value": NODATA, "name": "nodata", "title": "No observation", "nodata": True}
    return [nodata] + [
        {
            "value": class_id,
            "name": f"class-{class_id}",
            "title": name,
            "color_hint": colour.lstrip("#").upper(),
        }
        for class_id, (name, colour) in classes.items()
    ]
