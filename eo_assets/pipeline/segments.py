"""Segments: pieces of ground whose pixels resemble one another, as polygons with measures."""

from __future__ import annotations

from eo_assets import __version__
from eo_assets.catalog.collections import get_collection
from eo_assets.cube.grid import Grid
from eo_assets.pipeline.segment_picture import PictureTask, write_picture
from eo_assets.pipeline.segment_tasks import NUMBERS, LabelMapTask, write_label_map
from eo_assets.pipeline.segmentation import SegmentOptions, Segments, segment_mosaic
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import Place
from eo_assets.segmentation.methods import get_method
from eo_assets.storage.companions import companions
from eo_assets.storage.partition import Partition
from eo_assets.storage.product_item import product_item, raster_asset, write_item
from eo_assets.storage.provenance import Origin, origin_of
from eo_assets.storage.region_grid import grid_of
from eo_assets.storage.store import Record, Store, acquisition_times, digest_of, file_digest
from eo_assets.storage.tables import write_table

__all__ = ["STEP", "SegmentOptions", "materialise"]

STEP = "segments"
NO_REFLECTANCE = "no_reflectance"
NO_COMPLETE_PIXEL = "no_complete_pixel"
PREVIEW = "preview.png"


def materialise(
    partition: Partition, *, store: Store, runner: TaskRunner, options: SegmentOptions
) -> Record:
    """Segment the mosaic and publish polygons with measures, label map and preview.

    Args:
        partition: The partition.
        store: Where the mosaic is and the segments go.
        runner: Where the work is done.
        options: How to segment.

    Returns:
        The record; empty when the mosaic is, with ``no_reflectance`` for collections that measure
        something else, or with ``no_complete_pixel`` when no pixel has all bands.

    Raises:
        MissingArtifactError: ``mosaic`` has not been materialised.
        RejectedArtifactError: The mosaic failed a blocking check.
        ConfigurationError: An option is out of range, or a band is not in the mosaic.
        UnknownNameError: There is no method of that name.
        StorageError: The products cannot be stored.
    """
    get_method(options.method)
    upstream = store.read_usable(partition, "mosaic")
    if upstream.empty:
        return store.publish_empty(partition, STEP, upstream=upstream)
    if get_collection(partition.region.collection).product != "reflectance":
        return store.publish_empty(partition, STEP, upstream=upstream, reason=NO_REFLECTANCE)
    grid = grid_of(partition, store)
    mosaic = str(store.folder(partition, "mosaic") / upstream.files["mosaic"])
    size = options.size_on(grid.geobox)
    needs = 5 * 4 * grid.shape[0] * grid.shape[1]
    with store.publish(partition, STEP, needs_bytes=needs) as folder:
        made = segment_mosaic(mosaic, grid, options, size=size, scratch=folder, runner=runner)
        if made is not None:
            origin = origin_of(partition, store, STEP, options=options)
            record = _publish(
                folder, partition, made, options, grid, upstream, runner, mosaic, origin
            )
            store.write_record(folder, record)
            return record
    return store.publish_empty(partition, STEP, upstream=upstream, reason=NO_COMPLETE_PIXEL)


def _publish(
    folder: Place,
    partition: Partition,
    made: Segments,
    options: SegmentOptions,
    grid: Grid,
    upstream: Record,
    runner: TaskRunner,
    mosaic: str,
    origin: Origin,
) -> Record:
    name = partition.product_name("segments", crs=grid.crs, resolution_m=abs(grid.transform[0]))
    target, polygons = folder / f"{name}.tif", folder / f"{name}.parquet"
    method = get_method(options.method)
    tags = {
        "TIFFTAG_SOFTWARE": f"eo_assets {__version__}",
        "METHOD": method.name,
        "PARAMETERS": " ".join(f"{key}={value:g}" for key, value in method.parameters.items()),
        "SIZE_HA": f"{options.size_ha:g}",
        "BANDS": " ".join(band.name for band in made.bands),
        "MOSAIC": upstream.digest,
    }
    task = LabelMapTask(
        scratch=str(folder),
        tiles=made.tiles,
        firsts=made.firsts,
        target=str(target),
        grid=grid,
        tags=tags,
    )
    runner.map(write_label_map, [task], label="label map")
    picture = PictureTask(mosaic=mosaic, labels=str(target), target=str(folder / PREVIEW))
    runner.map(write_picture, [picture], label="preview")
    for left in (*folder.glob("tile_*"), folder / NUMBERS):
        left.unlink()
    write_table(polygons, made.table, compression="zstd")
    item = product_item(
        partition,
        grid.geobox,
        item_id=name,
        acquired=acquisition_times(upstream),
        stac_assets={
            "segments": raster_asset(
                target,
                title="Number of each pixel's segment",
                roles=("data",),
                bands=[{"name": "segment", "data_type": "uint32", "nodata": 0}],
            ),
            **companions(
                folder,
                {
                    "polygons": (polygons.name, "Outlines and measures of the segments"),
                    "preview": (PREVIEW, "The outlines on the picture of the day"),
                },
            ),
        },
        origin=origin,
        properties={"processing:lineage": f"{method.title} on {tags['BANDS']}"},
    )
    write_item(folder / f"{name}.json", item)
    areas = made.table["area_ha"]
    return Record(
        step=STEP,
        region=partition.region.id,
        collection=partition.region.collection,
        date=str(partition.date),
        summary={
            "segments": len(made.table),
            "mean_area_ha": round(float(areas.mean()), 3),
            "median_area_ha": round(float(areas.median()), 3),
            "largest_area_ha": round(float(areas.max()), 2),
            "method": method.name,
            "tiles": len(made.tiles),
        },
        upstream={"mosaic": upstream.digest},
        files={
            "preview": PREVIEW,
            "segments": target.name,
            "polygons": polygons.name,
            "stac_item": f"{name}.json",
        },
        digest=digest_of(STEP, upstream.digest, file_digest(target), file_digest(polygons)),
    )
