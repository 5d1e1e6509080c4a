"""NDVI of each parcel on one date, from the stored mosaic."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from eo_assets.catalog.indices import get_index
from eo_assets.cube.grid import Grid, project_outline
from eo_assets.parcels.checking import ID, checked_parcels
from eo_assets.parcels.statistics import parcel_statistics, windows_of
from eo_assets.pipeline.mosaic_blocks import open_mosaic
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import place, writing
from eo_assets.storage.partition import Partition
from eo_assets.storage.region_grid import grid_of
from eo_assets.storage.store import Record, Store, digest_of, file_digest
from eo_assets.storage.vectors import parcels_file, read_polygons

STEP = "parcel_stats"
TABLE = "parcel_stats.parquet"
NO_MOSAIC_PIXEL = "no_valid_pixel"
SMALL_PX = 5
"""A parcel with fewer whole pixels is small: its numbers are mostly those of its edges."""

WINDOW_PX = 1024
"""Parcels are read in groups from squares of this edge: what lies in memory at once."""


@dataclass(frozen=True, kw_only=True)
class StatsTask:
    """Parcels of a region on one date.

    Attributes:
        mosaic: Path of the Zarr.
        grid: Its grid.
        parcels: File of the parcels.
        outline: Of the region, GeoJSON in longitude and latitude.
        date: Solar day.
        target: File to write.
        small_px: Fewer whole pixels make a parcel small.
    """

    mosaic: str
    grid: Grid
    parcels: str
    outline: dict[str, Any]
    date: str
    target: str
    small_px: int = SMALL_PX


@dataclass(frozen=True, kw_only=True)
class StatsSummary:
    """What came of it.

    Attributes:
        parcels: Parcels of the region.
        seen: Those with a valid pixel.
        small: Those that are small.
        mean: Mean NDVI of the parcels seen, by area; NaN without any.
    """

    parcels: int
    seen: int
    small: int
    mean: float


def materialise(
    partition: Partition,
    *,
    folder: Path,
    store: Store,
    runner: TaskRunner,
    small_px: int = SMALL_PX,
) -> Record:
    """Compute the statistics of all parcels of a region on a date, on a worker.

    Args:
        partition: The partition.
        folder: Folder with a file of parcels for each region.
        store: Where the mosaic is and the table goes.
        runner: Where it is computed.
        small_px: Fewer whole pixels make a parcel small.

    Returns:
        The record; empty when the mosaic is.

    Raises:
        MissingArtifactError: ``mosaic`` has not been materialised.
        ConfigurationError: There are no parcels, or none that can be used.
        StorageError: The table cannot be stored.
    """
    upstream = store.read_usable(partition, "mosaic")
    if upstream.empty:
        return store.publish_empty(partition, STEP, upstream=upstream)
    source = parcels_file(folder, partition.region.id)
    grid = grid_of(partition, store)
    with store.publish(partition, STEP) as draft:
        task = StatsTask(
            mosaic=str(store.folder(partition, "mosaic") / upstream.files["mosaic"]),
            grid=grid,
            parcels=str(source),
            outline=partition.region.geometry,
            date=partition.period,
            target=str(draft / TABLE),
            small_px=small_px,
        )
        [found] = runner.map(compute_statistics, [task], label="parcels")
        parcels_digest = file_digest(source)
        summary: dict[str, float | int | str] = {
            "parcels": found.parcels,
            "parcels_seen": found.seen,
            "small_parcels": found.small,
        }
        if found.seen:
            summary["ndvi_mean"] = round(found.mean, 4)
        record = Record(
            step=STEP,
            region=partition.region.id,
            collection=partition.region.collection,
            date=partition.period,
            summary=summary,
            upstream={"mosaic": upstream.digest, "parcels": parcels_digest},
            files={"statistics": TABLE},
            digest=digest_of(STEP, upstream.digest, parcels_digest, str(small_px)),
        )
        store.write_record(draft, record)
    return record


def compute_statistics(task: StatsTask) -> StatsSummary:
    """Compute and write the table of a date; runs on a worker, window by window.

    Columns: those of ``parcel_statistics``, ``date`` and ``small``.

    Args:
        task: What to compute.

    Returns:
        What came of it.

    Raises:
        ConfigurationError: The parcels cannot be used.
    """
    source, geobox = Path(task.parcels), task.grid.geobox
    outlines = read_polygons(source)
    parcels = checked_parcels(
        outlines[[ID, "geometry"]] if source.suffix == ".parquet" else outlines,
        origin=str(source),
        region=project_outline(task.outline, CRS(task.grid.crs)).geom,
        crs=task.grid.crs,
    )
    mosaic = open_mosaic(task.mosaic)
    rows, seen, small, weighted, area = 0, 0, 0, 0.0, 0.0
    with writing(place(task.target)) as path, contextlib.ExitStack() as stack:
        writer: pq.ParquetWriter | None = None
        for table in _tables(task, parcels, mosaic, geobox):
            arrow = pa.Table.from_pandas(table.drop(columns="area"), preserve_index=False)
            if writer is None:
                writer = pq.ParquetWriter(path, arrow.schema, compression="zstd")
                stack.enter_context(writer)
            writer.write_table(arrow)
            known = table["mean"].notna()
            rows += len(table)
            seen += int(known.sum())
            small += int(table["small"].sum())
            weighted += float((table["mean"] * table["area"])[known].sum())
            area += float(table["area"][known].sum())
    mean = weighted / area if area else float("nan")
    return StatsSummary(parcels=rows, seen=seen, small=small, mean=mean)


def _tables(task: StatsTask, parcels: geopandas.GeoDataFrame, mosaic: Any, geobox: GeoBox) -> Any:
    """Yield the rows of one window after the other."""
    ndvi = get_index("ndvi")
    names = ndvi.bands_in(tuple(str(name) for name in mosaic.data_vars))
    for window, members in windows_of(
        parcels, transform=geobox.transform, shape=task.grid.shape, size=WINDOW_PX
    ):
        bands = {}
        for name in names:
            stored = mosaic[name]
            packed = stored[window].to_numpy()
            values = packed * np.float32(stored.attrs["scale_factor"])
            bands[name] = np.where(packed == 0, np.float32(np.nan), values)
        place = geobox[window].transform
        chosen = parcels.iloc[members]
        table = parcel_statistics(ndvi.compute(bands), place, CRS(task.grid.crs).to_wkt(), chosen)
        yield table.assign(
            date=pd.Timestamp(task.date),
            small=table["whole_pixels"] < task.small_px,
            area=chosen.area.to_numpy(),
        )
