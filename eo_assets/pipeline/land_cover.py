"""Land cover: classes people have named, learned from their polygons; map, model and accuracy."""

from __future__ import annotations

import json

import geopandas

from eo_assets import __version__
from eo_assets.catalog.collections import get_collection
from eo_assets.cube.grid import Grid
from eo_assets.pipeline.class_products import rgba_of
from eo_assets.pipeline.land_cover_item import write_land_cover_item
from eo_assets.pipeline.land_cover_report import write_report
from eo_assets.pipeline.land_cover_tasks import (
    MEASURES,
    NO_PROBABILITY,
    RasterTask,
    remove_blocks,
    write_raster,
)
from eo_assets.pipeline.supervised_classification import (
    LandCover,
    LandCoverOptions,
    classify_mosaic,
)
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.pipeline.training_polygons import usable_polygons
from eo_assets.places import Place
from eo_assets.storage.partition import Partition
from eo_assets.storage.provenance import Origin, origin_of
from eo_assets.storage.region_grid import grid_of
from eo_assets.storage.store import Record, Store, digest_of, file_digest
from eo_assets.supervised.accuracy import Z_95
from eo_assets.supervised.method import NODATA
from eo_assets.supervised.model import DESCRIPTION, ESTIMATOR

__all__ = ["STEP", "LandCoverOptions", "materialise"]
from eo_assets.storage.tables import write_table

STEP = "land_cover"
NO_REFLECTANCE = "no_reflectance"
NO_TRAINING_PIXELS = "no_training_pixels"
TRAINING = "training.parquet"
ACCURACY = "accuracy.json"


def materialise(
    partition: Partition,
    *,
    store: Store,
    runner: TaskRunner,
    options: LandCoverOptions,
    polygons: geopandas.GeoDataFrame,
) -> Record:
    """Learn land cover from polygons and publish map, probabilities, model and accuracy.

    Args:
        partition: The partition.
        store: Where the mosaic is and the map goes.
        runner: Where the work is done.
        options: How to classify.
        polygons: Training polygons with a column ``class``.

    Returns:
        The record; empty when the mosaic is, with ``no_reflectance`` for collections that measure
        something else, or with ``no_training_pixels`` when clouds leave fewer than two classes.

    Raises:
        MissingArtifactError: ``mosaic`` has not been materialised.
        RejectedArtifactError: The mosaic failed a blocking check.
        ConfigurationError: An option is out of range, or the polygons cannot be used.
        UnknownNameError: There is no method of that name.
        StorageError: The products cannot be stored.
    """
    options.check()
    upstream = store.read_usable(partition, "mosaic")
    if upstream.empty:
        return store.publish_empty(partition, STEP, upstream=upstream)
    if get_collection(partition.region.collection).product != "reflectance":
        return store.publish_empty(partition, STEP, upstream=upstream, reason=NO_REFLECTANCE)
    grid = grid_of(partition, store)
    mosaic = str(store.folder(partition, "mosaic") / upstream.files["mosaic"])
    usable = usable_polygons(polygons, grid.geobox)
    needs = 20 * grid.shape[0] * grid.shape[1]
    with store.publish(partition, STEP, needs_bytes=needs) as folder:
        made = classify_mosaic(mosaic, grid, usable, options, folder=folder, runner=runner)
        if made is not None:
            write_table(folder / TRAINING, usable)
            # polygons drawn by people are beside the item, not in it
            origin = origin_of(partition, store, STEP, repeatable=False)
            record = _publish(folder, partition, made, grid, upstream, runner, origin)
            store.write_record(folder, record)
            return record
    return store.publish_empty(partition, STEP, upstream=upstream, reason=NO_TRAINING_PIXELS)


def _publish(
    folder: Place,
    partition: Partition,
    made: LandCover,
    grid: Grid,
    upstream: Record,
    runner: TaskRunner,
    origin: Origin,
) -> Record:
    resolution_m = abs(grid.transform[0])
    name = partition.product_name("land-cover", crs=grid.crs, resolution_m=resolution_m)
    target, certainty = folder / f"{name}.tif", folder / f"{name}_probability.tif"
    _write_rasters(folder, made, grid, upstream, (target, certainty), runner)
    remove_blocks(folder, made.blocks)
    (folder / ACCURACY).write_text(json.dumps(_numbers(made), indent=1), encoding="utf-8")
    files = write_report(
        folder, made, title=partition.region.title, date=str(partition.date), runner=runner,
        labels=target, pixel_m=resolution_m, shape=grid.shape,
    )  # fmt: skip
    files |= {
        "model": ESTIMATOR,
        "model_description": DESCRIPTION,
        "accuracy": ACCURACY,
        "training": TRAINING,
    }
    item = write_land_cover_item(
        target, certainty, files,
        partition=partition, made=made, grid=grid, upstream=upstream, origin=origin,
    )  # fmt: skip
    return Record(
        step=STEP,
        region=partition.region.id,
        collection=partition.region.collection,
        date=str(partition.date),
        summary=_summary(made),
        upstream={"mosaic": upstream.digest},
        files={
            **files,
            "land_cover": target.name,
            "probability": certainty.name,
            "stac_item": item,
        },
        digest=digest_of(STEP, upstream.digest, file_digest(target), file_digest(certainty)),
    )


def _write_rasters(
    folder: Place,
    made: LandCover,
    grid: Grid,
    upstream: Record,
    targets: tuple[Place, Place],
    runner: TaskRunner,
) -> None:
    model = made.model
    tags = {
        "TIFFTAG_SOFTWARE": f"eo_assets {__version__}",
        "METHOD": model.method,
        "FEATURES": " ".join(model.features),
        "MOSAIC": upstream.digest,
    }
    names = {f"CLASS_{one.code}": one.name for one in model.classes}
    shares = (*MEASURES, *(f"p_{one.name}" for one in model.classes))

    def task(target: Place, bands: dict[str, int], nodata: int, **more: dict) -> RasterTask:  # type: ignore[type-arg]
        return RasterTask(
            folder=str(folder), blocks=made.blocks, target=str(target), grid=grid, bands=bands,
            nodata=nodata, tags=tags, **more,
        )  # fmt: skip

    colours = {NODATA: (0, 0, 0, 0), **{one.code: rgba_of(one.colour) for one in model.classes}}
    tasks = [
        task(targets[0], {"class": 0}, NODATA, band_tags=names, colours=colours),
        task(
            targets[1],
            {share: layer for layer, share in enumerate(shares, start=1)},
            NO_PROBABILITY,
            band_tags={},
            colours={},
        ),
    ]
    runner.map(write_raster, tasks, label="land-cover maps")


def _summary(made: LandCover) -> dict[str, float | int | str]:
    return {
        "classes": len(made.model.classes),
        "overall_accuracy": round(made.accuracy.overall, 4),
        "overall_accuracy_ci95": round(Z_95 * made.accuracy.overall_se, 4),
        "held_out_pixel_accuracy": round(made.pixel_accuracy, 4),
        "polygons": made.model.n_polygons,
        "training_pixels": made.model.n_pixels,
        "method": made.model.method,
        "warnings": " ".join(made.warnings),
    }


def _numbers(made: LandCover) -> dict[str, object]:
    table = made.table.astype(object).where(made.table.notna(), None)
    return {
        "method": made.model.method,
        "overall_accuracy": made.accuracy.overall,
        "overall_accuracy_ci95": Z_95 * made.accuracy.overall_se,
        "held_out_pixel_accuracy": made.pixel_accuracy,
        "map_share_not_judged": made.accuracy.left_out,
        "confusion_polygons_map_by_truth": made.counts.tolist(),
        "classes": table.to_dict("records"),
        "feature_importance": made.importance.to_dict("records"),
        "warnings": list(made.warnings),
    }
