"""The mosaic as a multi-band Cloud Optimized GeoTIFF with its STAC item."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr

from eo_assets import __version__
from eo_assets.catalog.bands import Band
from eo_assets.catalog.collections import get_collection
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.grid import Grid, region_geobox
from eo_assets.pipeline.geotiff_checks import GeotiffTask, check_geotiff
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import place
from eo_assets.places.zarrs import zarr_at
from eo_assets.storage.cog import CogBand, write_cog
from eo_assets.storage.partition import Partition
from eo_assets.storage.product_item import (
    band_of,
    product_item,
    raster_asset,
    write_item,
)
from eo_assets.storage.provenance import origin_of
from eo_assets.storage.region_grid import grid_of
from eo_assets.storage.store import Record, Store, acquisition_times, digest_of

STEP = "geotiff"


@dataclass(frozen=True, kw_only=True)
class ExportTask:
    """A mosaic to export.

    Attributes:
        mosaic: Path of the Zarr.
        grid: Its grid.
        target: File to write.
        bands: Bands to export.
        tags: About the file.
    """

    mosaic: str
    grid: Grid
    target: str
    bands: tuple[Band, ...]
    tags: dict[str, str]


def materialise(partition: Partition, *, store: Store, runner: TaskRunner) -> Record:
    """Export the mosaic on a worker and describe it as a STAC item, written last.

    Args:
        partition: The partition.
        store: Where the mosaic is and the GeoTIFF goes.
        runner: Where the file is written.

    Returns:
        The record; empty when the mosaic is.

    Raises:
        MissingArtifactError: ``mosaic`` has not been materialised.
        RejectedArtifactError: The mosaic failed a blocking check.
        StorageError: The file cannot be stored.
    """
    upstream = store.read_usable(partition, "mosaic")
    if upstream.empty:
        return store.publish_empty(partition, STEP, upstream=upstream)
    stack = store.folder(partition, "band_stack")
    cube = VirtualCube.model_validate_json((stack / "cube.json").read_text(encoding="utf-8"))
    grid = grid_of(partition, store)
    geobox = grid.geobox
    collection = get_collection(partition.region.collection)
    bands = tuple(collection.band(name) for name in cube.bands)
    name = partition.product_name(
        collection.product, crs=grid.crs, resolution_m=float(geobox.resolution.x)
    )
    needs = 3 * geobox.shape[0] * geobox.shape[1] * 2 * len(bands)
    with store.publish(partition, STEP, needs_bytes=needs) as folder:
        target = folder / f"{name}.tif"
        task = ExportTask(
            mosaic=str(store.folder(partition, "mosaic") / upstream.files["mosaic"]),
            grid=grid,
            target=str(target),
            bands=bands,
            tags=_tags(partition, cube),
        )
        runner.map(export, [task], label="GeoTIFF")
        wanted = Grid.of(region_geobox(partition.region))
        check = GeotiffTask(path=str(target), grid=wanted, bands=bands)
        [verdicts] = runner.map(check_geotiff, [check], label="GeoTIFF's checks")
        asset = raster_asset(
            target,
            title=f"{collection.title}: {collection.product}",
            roles=("data", collection.product),
            bands=[band_of(band, nodata=band.quantity.nodata) for band in bands],
        )
        item = product_item(
            partition,
            geobox,
            item_id=name,
            acquired=acquisition_times(upstream),
            stac_assets={"data": asset},
            origin=origin_of(partition, store, STEP),
            properties={
                "eo:cloud_cover": upstream.summary["masked_pct"],
                "eo_assets:valid_pct": upstream.summary["valid_pct"],
                "eo_assets:cube": cube.digest,
            },
        )
        write_item(folder / f"{name}.json", item)
        record = Record(
            step=STEP,
            region=partition.region.id,
            collection=partition.region.collection,
            date=str(partition.date),
            summary={
                "bytes": target.stat().st_size,
                "bands": len(bands),
                "width_px": int(geobox.shape[1]),
                "height_px": int(geobox.shape[0]),
            },
            upstream={"mosaic": upstream.digest},
            files={"geotiff": target.name, "stac_item": f"{name}.json"},
            digest=digest_of(STEP, upstream.digest, asset["file:checksum"]),
            verdicts=verdicts,
        )
        store.write_record(folder, record)
    return record


def export(task: ExportTask) -> None:
    """Write a GeoTIFF from a mosaic; runs on a worker.

    Args:
        task: What to export.
    """
    group = zarr.open_group(**zarr_at(task.mosaic), mode="r")

    def read(name: str, window: tuple[slice, slice]) -> npt.NDArray[Any]:
        array = group[name]
        assert isinstance(array, zarr.Array)
        return np.asarray(array[window])

    write_cog(
        place(task.target),
        task.grid.geobox,
        [_cog_band(band) for band in task.bands],
        read,
        dtype="uint16",
        nodata=0,
        tags=task.tags,
        overview_resampling="average",
    )


def _cog_band(band: Band) -> CogBand:
    return CogBand(
        name=band.name,
        units=band.quantity.units,
        scale=band.quantity.scale,
        offset=band.quantity.offset,
        tags={
            "common_name": band.stac_common_name,
            "long_name": band.title,
            "center_wavelength_um": f"{band.center_wavelength_um:g}",
            "full_width_half_max_um": f"{band.full_width_half_max_um:g}",
        },
    )


def _tags(partition: Partition, cube: VirtualCube) -> dict[str, str]:
    return {
        "TIFFTAG_SOFTWARE": f"eo_assets {__version__}",
        "TIFFTAG_DATETIME": min(s.acquired for s in cube.scenes).strftime("%Y:%m:%d %H:%M:%S"),
        "REGION": partition.region.id,
        "COLLECTION": partition.region.collection,
        "SOLAR_DAY": str(partition.date),
        "SOURCE_ITEMS": " ".join(scene.id for scene in cube.scenes),
        "VIRTUAL_CUBE": cube.digest,
    }
