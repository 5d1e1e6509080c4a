"""Terrain of a region: heights, slope, aspect, shade and contours from an elevation model.

Where the catalogue has no tile the height is unknown, and the tile is named. Copernicus publishes
none over the open sea; whoever knows that a missing tile is sea may say so, and only then the
height there is 0. Nothing is invented silently.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import shapely
from odc.geo.crs import CRS
from shapely.geometry import mapping

from eo_assets import __version__
from eo_assets.catalog.regions import Region
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.grid import Grid, blocks, project_outline, region_geobox
from eo_assets.pipeline.elevation_tiles import ELEVATION, Tiles, TileSearch, find_tiles
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.pipeline.terrain_blocks import (
    LAYERS,
    TerrainSummary,
    TerrainTask,
    compute_terrain,
    packed,
)
from eo_assets.pipeline.terrain_files import PAGE, ExportTask, PageTask, export, write_page
from eo_assets.pipeline.terrain_item import write_terrain_item
from eo_assets.places import Place, remove_tree
from eo_assets.storage.mosaic_zarr import CHUNK, create_mosaic
from eo_assets.storage.partition import WholeRegion
from eo_assets.storage.store import Record, Store, digest_of
from eo_assets.storage.vectors import write_contours
from eo_assets.terrain.contours import join_blocks
from eo_assets.terrain.tiles import square, tile_name

STEP = "terrain"
COLLECTION = "cop-dem-glo-30"
NO_ELEVATION = "no_elevation"
CONTOURS = "contours.parquet"
_SCRATCH = "terrain.zarr"
_ARC_SECOND = 1 / 3600
"""Between the last heights of a tile and the first of its neighbour."""


@dataclass(frozen=True, kw_only=True)
class TerrainOptions:
    """What can be chosen.

    Attributes:
        contour_interval_m: Difference in height between contours, metres.
        multidirectional: Shade under four lights instead of one from the north-west.
        missing_tiles: What a square without a tile is: ``unknown``, or ``sea`` at height 0.
    """

    contour_interval_m: float = 50.0
    multidirectional: bool = True
    missing_tiles: Literal["unknown", "sea"] = "unknown"


def on_elevation(region: Region) -> Region:
    """Give a region on the grid of its elevation model."""
    return region.with_collection(COLLECTION)


def materialise(
    subject: WholeRegion,
    *,
    catalog: str,
    url: str,
    store: Store,
    runner: TaskRunner,
    options: TerrainOptions,
    block_px: int,
) -> Record:
    """Compute a region's terrain on the runner's workers, block by block.

    Args:
        subject: The region, with the collection of the elevation model.
        catalog: What people call the catalogue.
        url: Address of its API, or a provider's id.
        store: Where the product goes.
        runner: Where blocks are computed.
        options: What was chosen.
        block_px: Edge of a block, pixels; no result depends on it.

    Returns:
        The record; empty with ``no_elevation`` when no height is known.

    Raises:
        SourceUnavailableError: The catalogue or a server does not answer.
        SourceReadError: A tile cannot be used.
        UnknownNameError: The catalogue has no such collection.
        StorageError: The product cannot be stored.
    """
    region = subject.region
    geobox = region_geobox(region)
    search = TileSearch(catalog=catalog, url=url, region=region)
    [tiles] = runner.map(find_tiles, [search], label="elevation tiles")
    cube = VirtualCube.load(region.collection, tiles.scenes, (ELEVATION,)).composite()
    sea = _sea(tiles) if options.missing_tiles == "sea" else None
    digest = digest_of(STEP, cube.digest, Grid.of(geobox).model_dump_json(), repr(options))
    with store.publish(subject, STEP, needs_bytes=20 * math.prod(geobox.shape)) as folder:
        scratch = folder / _SCRATCH
        create_mosaic(
            scratch, packed({name: np.full((1, 1), np.nan, np.float32) for name in LAYERS}), geobox
        )
        tasks = [
            TerrainTask(
                cube=cube,
                grid=Grid.of(geobox),
                target=str(scratch),
                block=block,
                outline=region.geometry,
                sea=sea,
                multidirectional=options.multidirectional,
                contour_interval_m=options.contour_interval_m,
            )
            for block in blocks(geobox, size=block_px, chunk=CHUNK)
        ]
        results = runner.map(compute_terrain, tasks, label="terrain blocks")
        summary = _summary(results, tiles, options)
        record = Record(
            step=STEP,
            region=region.id,
            collection=region.collection,
            date=subject.period,
            empty=None if summary["known_pct"] else NO_ELEVATION,
            summary=summary,
            digest=digest,
        )
        if not record.empty:
            record = _write_files(subject, record, results, cube, folder=folder, runner=runner)
        remove_tree(scratch)
        store.write_record(folder, record)
    return record


def _sea(tiles: Tiles) -> dict[str, Any] | None:
    if not tiles.missing:
        return None
    squares = [square(tile, margin_deg=_ARC_SECOND) for tile in tiles.missing]
    return dict(mapping(shapely.union_all(squares)))


def _summary(
    results: Sequence[TerrainSummary], tiles: Tiles, options: TerrainOptions
) -> dict[str, float | int | str]:
    region_px = max(sum(result.region_px for result in results), 1)
    known_px = sum(result.known_px for result in results)
    slope_px = sum(result.slope_px for result in results)
    summary: dict[str, float | int | str] = {
        "tiles": len(tiles.scenes),
        "missing_tiles": ", ".join(tile_name(tile) for tile in tiles.missing),
        "known_pct": round(100 * known_px / region_px, 3),
        "sea_pct": round(100 * sum(result.sea_px for result in results) / region_px, 3),
        "contour_interval_m": options.contour_interval_m,
    }
    if known_px:
        known = [result for result in results if result.known_px]
        summary |= {
            "lowest_m": round(min(result.low_m for result in known), 1),
            "highest_m": round(max(result.high_m for result in known), 1),
            "mean_m": round(sum(result.height_sum_m for result in known) / known_px, 1),
            "mean_slope_deg": round(
                sum(result.slope_sum_deg for result in known) / max(slope_px, 1), 2
            ),
        }
    return summary


def _write_files(
    subject: WholeRegion,
    record: Record,
    results: Sequence[TerrainSummary],
    cube: VirtualCube,
    *,
    folder: Place,
    runner: TaskRunner,
) -> Record:
    geobox = region_geobox(subject.region)
    grid = Grid.of(geobox)
    resolution_m = float(geobox.resolution.x)
    name = subject.product_name(STEP, crs=grid.crs, resolution_m=resolution_m)
    outline = project_outline(subject.region.geometry, CRS(grid.crs)).geom
    lines = write_contours(
        folder / CONTOURS,
        join_blocks((result.contours for result in results), within=outline),
        crs=grid.crs,
    )
    tags = {
        "TIFFTAG_SOFTWARE": f"eo_assets {__version__}",
        "REGION": subject.region.id,
        "COLLECTION": subject.region.collection,
        "SOURCE_ITEMS": " ".join(scene.id for scene in cube.scenes),
    }
    task = ExportTask(
        layers=str(folder / _SCRATCH), grid=grid, target=str(folder / f"{name}.tif"), tags=tags
    )
    runner.map(export, [task], label="GeoTIFFs")
    page = PageTask(
        layers=str(folder / _SCRATCH),
        contours=str(folder / CONTOURS),
        folder=str(folder),
        title=subject.region.title,
        acquired=str(min(scene.acquired for scene in cube.scenes).date()),
        grid=grid,
        summary=dict(record.summary),
    )
    [pictures] = runner.map(write_page, [page], label="pictures")
    write_terrain_item(subject, task, folder / CONTOURS, pictures.values(), cube, record)
    return record.model_copy(
        update={
            "summary": record.summary | {"contours": lines},
            "files": {
                "report": PAGE,
                **pictures,
                "terrain": f"{name}.tif",
                "aspect": f"{name}_aspect.tif",
                "contours": CONTOURS,
                "stac_item": f"{name}.json",
            },
        }
    )
