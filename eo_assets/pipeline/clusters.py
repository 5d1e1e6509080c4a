"""Clusters: classes of similar reflectance, published as map, model and tables."""

from __future__ import annotations

import math
from typing import Any

from eo_assets.catalog.collections import get_collection
from eo_assets.clustering.model import NODATA
from eo_assets.cube.grid import Grid
from eo_assets.pipeline.class_identity import Identified, continuity, identify, sample_partition
from eo_assets.pipeline.class_products import (
    CLASSIFICATION,
    MODEL,
    TABLES,
    classification,
    legend,
    write_labels,
    write_tables,
)
from eo_assets.pipeline.classification import Clusters, label_mosaic, scan_numbers
from eo_assets.pipeline.cluster_options import ClusterOptions, date_named, scaling_named
from eo_assets.pipeline.clusters_checks import judge_stability
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import Place
from eo_assets.storage.companions import companions
from eo_assets.storage.partition import Partition
from eo_assets.storage.product_item import product_item, raster_asset, write_item
from eo_assets.storage.provenance import Origin, origin_of
from eo_assets.storage.store import Record, Store, acquisition_times, digest_of

__all__ = ["STEP", "ClusterOptions", "date_named", "materialise", "scaling_named"]

STEP = "clusters"
NO_REFLECTANCE = "no_reflectance"
TOO_FEW_PIXELS = "too_few_pixels"


def materialise(
    partition: Partition, *, store: Store, runner: TaskRunner, options: ClusterOptions
) -> Record:
    """Group the mosaic's pixels into classes and publish map, model and tables.

    Class ids are those of the region's code book, which the first date founds.

    Args:
        partition: The partition.
        store: Where the mosaic is and the classes go.
        runner: Where the work is done.
        options: How to group.

    Returns:
        The record; empty when the mosaic is, with ``too_few_pixels``, or with
        ``no_reflectance`` for collections that measure something else.

    Raises:
        MissingArtifactError: ``mosaic``, or that of the reference date, has not been materialised.
        RejectedArtifactError: The mosaic failed a blocking check.
        ConfigurationError: An option is out of range.
        StorageError: The products cannot be stored.
    """
    upstream = store.read_usable(partition, "mosaic")
    if upstream.empty:
        return store.publish_empty(partition, STEP, upstream=upstream)
    if get_collection(partition.region.collection).product != "reflectance":
        return store.publish_empty(partition, STEP, upstream=upstream, reason=NO_REFLECTANCE)
    sampled = sample_partition(partition, store=store, options=options, runner=runner)
    if not len(sampled.sample.pixels):
        return store.publish_empty(partition, STEP, upstream=upstream, reason=TOO_FEW_PIXELS)
    k_scan = scan_numbers(sampled, options, runner=runner)
    identified = identify(partition, sampled, k_scan, store=store, options=options, runner=runner)
    if identified is None:
        return store.publish_empty(partition, STEP, upstream=upstream, reason=TOO_FEW_PIXELS)
    result = label_mosaic(sampled, identified.model, k_scan, runner=runner)
    grid = Grid.of(sampled.geobox)
    with store.publish(partition, STEP) as folder:
        origin = origin_of(partition, store, STEP, options=options)
        record = _publish(folder, partition, result, identified, grid, upstream, runner, origin)
        store.write_record(folder, record)
    return record


def _publish(
    folder: Place,
    partition: Partition,
    result: Clusters,
    identified: Identified,
    grid: Grid,
    upstream: Record,
    runner: TaskRunner,
    origin: Origin,
) -> Record:
    name = partition.product_name("classes", crs=grid.crs, resolution_m=abs(grid.transform[0]))
    model = identified.model
    target = folder / f"{name}.tif"
    write_labels(folder, target, result.labels, grid, model, upstream.digest, runner=runner)
    (folder / MODEL).write_text(model.to_json(), encoding="utf-8")
    tables = write_tables(folder, {title: getattr(result, title) for title in TABLES})
    band: dict[str, Any] = {"name": "class", "data_type": "uint8", "nodata": NODATA}
    band["classification:classes"] = classification(legend(model))
    stac_asset = raster_asset(
        target,
        title="Classes of similar reflectance",
        roles=("data", "classification"),
        bands=[band],
    )
    described = companions(
        folder,
        {
            "model": (MODEL, "The fitted model"),
            **{f"{table}_table": (file, TABLES[table]) for table, file in tables.items()},
        },
    )
    item = product_item(
        partition,
        grid.geobox,
        item_id=name,
        acquired=acquisition_times(upstream),
        stac_assets={"classes": stac_asset, **described},
        origin=origin,
        properties={
            "processing:lineage": f"{model.method} on {', '.join(model.features)}",
            # which date founded the classes, and how much of the region it shows
            "eo_assets:reference_date": identified.book.reference,
            "eo_assets:reference_valid_pct": identified.book.valid_pct,
        },
    )
    item["stac_extensions"] = [*item["stac_extensions"], CLASSIFICATION]
    write_item(folder / f"{name}.json", item)
    summary = _summary(result, identified, partition)
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
            **{f"{title}_table": file for title, file in tables.items()},
        },
        digest=digest_of(STEP, upstream.digest, stac_asset["file:checksum"]),
        verdicts=(judge_stability(summary),),
    )


def _summary(
    result: Clusters, identified: Identified, partition: Partition
) -> dict[str, float | int | str]:
    model, classes = result.model, result.classes
    summary: dict[str, float | int | str] = {
        "classes": model.n_clusters,
        "smallest_class_pct": round(float(classes["share_pct"].min()), 3),
        "method": model.method,
        "warnings": " ".join((*result.warnings, *identified.warnings)),
        **continuity(identified, result, partition.date),
    }
    silhouette = float(result.sample["silhouette"].mean())
    if math.isfinite(silhouette):
        summary["silhouette"] = round(silhouette, 4)
    if len(model.space.explained):
        summary["pca_components"] = len(model.space.explained)
        summary["pca_explained_pct"] = round(100 * float(model.space.explained.sum()), 2)
    if result.suggestion:
        summary["suggested_classes"] = result.suggestion.n_clusters
        summary["suggestion"] = result.suggestion.reason
    return summary
