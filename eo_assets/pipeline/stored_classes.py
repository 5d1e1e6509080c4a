"""Stored classes read back: for reports, for comparing dates, for replaying a stored model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import rasterio

from eo_assets.clustering.code_book import CodeBook
from eo_assets.clustering.model import ClusterModel, Labels
from eo_assets.cube.grid import Grid
from eo_assets.pipeline.class_products import write_labels
from eo_assets.pipeline.cluster_tasks import LabelTask, label_only
from eo_assets.pipeline.mosaic_blocks import bands_of, blocks_of, open_mosaic
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import place, reading
from eo_assets.storage.code_books import read_code_book
from eo_assets.storage.partition import Partition
from eo_assets.storage.region_grid import grid_of
from eo_assets.storage.store import Record, Store
from eo_assets.storage.tables import read_table

STEP = "clusters"


@dataclass(frozen=True, kw_only=True)
class StoredClasses:
    """A stored classification.

    Attributes:
        record: What it says of itself.
        labels: Path of the class map, a GeoTIFF.
        model: The model that labelled it.
        classes: One row a class, see ``tables.class_table``.
        signatures: One row a class and band, see ``tables.signature_table``.
        k_scan: One row a number of classes, see ``quality.scan_k``.
        sample: Sampled pixels: reflectance by band, ``class_id`` and ``silhouette``.
        suggested: Number of classes the scan suggests, if any.
        suggestion: Why.
        warnings: What people should know before they trust it.
    """

    record: Record
    labels: str
    model: ClusterModel
    classes: pd.DataFrame
    signatures: pd.DataFrame
    k_scan: pd.DataFrame
    sample: pd.DataFrame
    suggested: int | None = None
    suggestion: str = ""
    warnings: tuple[str, ...] = ()

    def read_labels(self) -> Labels:
        """Read the class ids, uint8 ``(y, x)``; 0 where there is no class."""
        with reading(place(self.labels)) as path, rasterio.open(path) as file:
            labels: Labels = file.read(1)
        return labels


def read_classes(partition: Partition, store: Store) -> StoredClasses | None:
    """Read a partition's classes.

    Args:
        partition: The partition.
        store: The product store.

    Returns:
        The classes; None when they are empty.

    Raises:
        MissingArtifactError: ``clusters`` has not been materialised.
        StaleArtifactError: It was written by an incompatible version.
    """
    record = store.read_record(partition, STEP)
    if record.empty:
        return None
    folder = store.folder(partition, STEP)

    def table(name: str) -> pd.DataFrame:
        return read_table(folder / record.files[f"{name}_table"])

    suggested = record.summary.get("suggested_classes")
    warnings = str(record.summary.get("warnings", ""))
    return StoredClasses(
        record=record,
        labels=str(folder / record.files["classes"]),
        model=ClusterModel.from_json((folder / record.files["model"]).read_text(encoding="utf-8")),
        classes=table("classes"),
        signatures=table("signatures"),
        k_scan=table("k_scan"),
        sample=table("sample"),
        suggested=None if suggested is None else int(suggested),
        suggestion=str(record.summary.get("suggestion", "")),
        warnings=(warnings,) if warnings else (),
    )


def read_partition_code_book(partition: Partition, store: Store) -> CodeBook | None:
    """Read the code book a partition's classes belong to; None when they are empty.

    Raises:
        MissingArtifactError: ``clusters`` has not been materialised.
        StaleArtifactError: It was written by an incompatible version.
    """
    record = store.read_record(partition, STEP)
    if record.empty:
        return None
    return read_code_book(store, partition.region, str(record.summary["code_book"]))


def classify_stored(
    mosaic: str, grid: Grid, model: ClusterModel, *, runner: TaskRunner, block_px: int = 1024
) -> Labels:
    """Label a stored mosaic with a stored model.

    Args:
        mosaic: Path or URL of the mosaic.
        grid: Its grid.
        model: The model.
        runner: Runs the tasks.
        block_px: Side of the blocks; no result depends on it.

    Returns:
        Class ids, uint8 ``(y, x)``; 0 where there is no observation.

    Raises:
        MissingArtifactError: There is no mosaic.
        ConfigurationError: The mosaic lacks a band of the model.
    """
    with open_mosaic(mosaic) as dataset:
        bands = bands_of(dataset)
    blocks = blocks_of(grid.geobox, block_px)
    tasks = [LabelTask(mosaic, block, bands, model) for block in blocks]
    labels = np.zeros(grid.shape, np.uint8)
    parts = runner.map(label_only, tasks, label="label pixels")
    for block, part in zip(blocks, parts, strict=True):
        labels[block.slices] = part
    return labels


def replay(partition: Partition, target: Path, *, store: Store, runner: TaskRunner) -> None:
    """Make a partition's class map again from its stored model and mosaic.

    Args:
        partition: The partition; its classes are not empty.
        target: File to write: byte for byte the published class map.
        store: The product store.
        runner: Runs the tasks.

    Raises:
        MissingArtifactError: ``mosaic`` or ``clusters`` has not been materialised.
        StaleArtifactError: One was written by an incompatible version.
    """
    clusters, mosaic = (store.read_record(partition, step) for step in (STEP, "mosaic"))
    model = ClusterModel.from_json(
        (store.folder(partition, STEP) / clusters.files["model"]).read_text(encoding="utf-8")
    )
    grid = grid_of(partition, store)
    path = store.folder(partition, "mosaic") / mosaic.files["mosaic"]
    labels = classify_stored(str(path), grid, model, runner=runner)
    with TemporaryDirectory(dir=target.parent) as folder:
        write_labels(
            Path(folder), target, labels, grid, model, clusters.upstream["mosaic"], runner=runner
        )
