"""Clusters: classes of similar reflectance, published as map, model and tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eo_assets.catalog.collections import get_collection
from eo_assets.clustering.model import NODATA, ClusterModel
from eo_assets.cube.grid import Grid
from eo_assets.pipeline.class_products import (
    CLASSIFICATION,
    MODEL,
    TABLES,
    ClassMapTask,
    class_tags,
    classification,
    write_class_map,
    write_tables,
)
from eo_assets.pipeline.classification import ClusterOptions, Clusters, make_clusters
from eo_assets.pipeline.clusters_checks import judge_stability
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.storage.partition import Partition
from eo_assets.storage.product_item import product_item, raster_asset, write_item
from eo_assets.storage.store import Record, Store, acquisition_times, digest_of

__all__ = ["STEP", "ClusterOptions", "materialise"]

STEP = "clusters"
NO_REFLECTANCE = "no_reflectance"


def materialise(
    partition: Partition, *, store: Store, runner: TaskRunner, options: ClusterOptions
) -> Record:
    """Group the mosaic's pixels into classes and publish map, model and tables.

    Args:
        partition: The partition.
        store: Where the mosaic is and the classes go.
        runner: Where the work is done.
        options: How to group.

    Returns:
        The record; empty when the mosaic is, with ``too_few_pixels``, or with
        ``no_reflectance`` for collections that measure something else.

    Raises:
        MissingArtifactError: ``mosaic`` has not been materialised.
        RejectedArtifactError: The mosaic failed a blocking check.
        ConfigurationError: An option is out of range.
        StorageError: The products cannot be stored.
    """
    upstream = store.read_usable(partition, "mosaic")
    if upstream.empty:
        return store.publish_empty(partition, STEP, upstream=upstream)
    if get_collection(partition.region.collection).product != "reflectance":
        return store.publish_empty(partition, STEP, upstream=upstream, reason=NO_REFLECTANCE)
    grid = Grid.model_validate_json(
        (store.folder(partition, "band_stack") / "grid.json").read_text(encoding="utf-8")
    )
    mosaic = store.folder(partition, "mosaic") / upstream.files["mosaic"]
    result = make_clusters(str(mosaic), grid.geobox, options, runner=runner)
    if result.model is None:
        reason = result.empty_reason
        return store.publish_empty(partition, STEP, upstream=upstream, reason=reason)
    with store.publish(partition, STEP) as folder:
        record = _publish(folder, partition, result, result.model, grid, upstream, runner)
        store.write_record(folder, record)
    return record


def _publish(
    folder: Path,
    partition: Partition,
    result: Clusters,
    model: ClusterModel,
    grid: Grid,
    upstream: Record,
    runner: TaskRunner,
) -> Record:
    name = partition.product_name("classes", crs=grid.crs, resolution_m=abs(grid.transform[0]))
    table = result.classes
    classes = {
        int(class_id): (str(hint), str(colour))
        for class_id, hint, colour in zip(
            table["class_id"], table["name"], table["colour"], strict=True
        )
    }
    labels = folder / "labels.npy"
    np.save(labels, result.labels)
    target = folder / f"{name}.tif"
    task = ClassMapTask(
        labels=str(labels),
        target=str(target),
        grid=grid,
        classes=classes,
        tags=class_tags(model, upstream.digest),
    )
    runner.map(write_class_map, [task], label="class map")
    labels.unlink()
    (folder / MODEL).write_text(model.to_json(), encoding="utf-8")
    tables = {table_name: getattr(result, table_name) for table_name in TABLES}
    band: dict[str, Any] = {"name": "class", "data_type": "uint8", "nodata": NODATA}
    band["classification:classes"] = classification(classes)
    stac_asset = raster_asset(
        target,
        title="Classes of similar reflectance",
        roles=("data", "classification"),
        bands=[band],
    )
    item = product_item(
        partition,
        grid.geobox,
        item_id=name,
        acquired=acquisition_times(upstream),
        stac_assets={"classes": stac_asset},
        sources=[],
        properties={"processing:lineage": f"{model.method} on {', '.join(model.features)}"},
    )
    item["stac_extensions"] = [*item["stac_extensions"], CLASSIFICATION]
    write_item(folder / f"{name}.json", item)
    summary = _summary(result, model)
    return Record(
        step=STEP,
        region=partition.region.id,
        collection=partition.region.collection,
        date=str(partition.date),
        summary=summary,
        upstream={"mosaic": upstream.digest},
        files={
            "classes": target.name,
            "stac_item": f"{name}.json",
            "model": MODEL,
            **{f"{n}_table": file for n, file in write_tables(folder, tables).items()},
        },
        digest=digest_of(STEP, upstream.digest, stac_asset["file:checksum"]),
        verdicts=(judge_stability(summary),),
    )


def _summary(result: Clusters, model: ClusterModel) -> dict[str, float | int | str]:
    summary: dict[str, float | int | str] = {
        "classes": model.n_clusters,
        "silhouette": round(float(result.sample["silhouette"].mean()), 4),
        "smallest_class_pct": round(float(result.classes["share_pct"].min()), 3),
        "method": model.method,
        "warnings": " ".join(result.warnings),
    }
    if result.suggestion:
        summary["suggested_classes"] = result.suggestion.n_clusters
        summary["suggestion"] = result.suggestion.reason
    return summary
