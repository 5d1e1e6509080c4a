"""Segmenting a stored mosaic: tiles, the joining of what their edges cut, measures.

Tiles are fixed on the ground, so neither blocks nor workers change a segment, and a worker holds
one window in memory at a time.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from geopandas import GeoDataFrame
from odc.geo.geobox import GeoBox

from eo_assets.clustering.bands import StoredBand
from eo_assets.cube.grid import Grid
from eo_assets.errors import ConfigurationError
from eo_assets.pipeline.mosaic_blocks import bands_of, open_mosaic, select_bands
from eo_assets.pipeline.segment_tasks import (
    NUMBERS,
    EdgeTask,
    MeasureTask,
    TilesTask,
    link_tiles,
    measure_tiles,
    segment_tiles,
)
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import Place
from eo_assets.segmentation.measures import add_up, segment_table
from eo_assets.segmentation.method import SegmentSize
from eo_assets.segmentation.outlines import join_outlines
from eo_assets.segmentation.stitching import number_segments
from eo_assets.segmentation.tiling import Tile, Tiling, tiles_of
from eo_assets.storage.tables import write_array

_PREFERRED = ("blue", "green", "red", "nir|nir08", "swir16")
_M2_PER_HA = 10_000

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class SegmentOptions:
    """How to segment a mosaic.

    Attributes:
        method: Name of the segmentation method.
        size_ha: Wanted area of a segment, hectares.
        bands: Bands to look at; empty for blue, green, red, near and short-wave infrared.
        block_px: Side of the blocks of tiles a worker takes at once; no result depends on it.
    """

    method: str = "slic"
    size_ha: float = 1.0
    bands: tuple[str, ...] = ()
    block_px: int = 1024

    def size_on(self, geobox: GeoBox) -> SegmentSize:
        """Give the wanted size in pixels of a grid.

        Raises:
            ConfigurationError: It is smaller than four pixels, or larger than tiles allow.
        """
        pixel_m = abs(float(geobox.resolution.x))
        side = round(math.sqrt(self.size_ha * _M2_PER_HA) / pixel_m) if self.size_ha > 0 else 0
        if not 2 <= side <= 64:
            low, high = (f"{(n * pixel_m) ** 2 / _M2_PER_HA:g}" for n in (2, 64))
            raise ConfigurationError(
                f"Segments of {self.size_ha:g} ha are asked for.",
                f"On pixels of {pixel_m:g} m give a size from {low} to {high} ha.",
            )
        return SegmentSize(side)


@dataclass(frozen=True, kw_only=True)
class Segments:
    """Segments found.

    Attributes:
        table: One row a segment: measures and outline.
        tiles: The tiles.
        firsts: For each tile, the number of pieces of all tiles before it.
        bands: The bands looked at.
        scratch: Folder of the tiles' labels.
    """

    table: GeoDataFrame
    tiles: tuple[Tile, ...]
    firsts: tuple[int, ...]
    bands: tuple[StoredBand, ...]
    scratch: Place


def segment_mosaic(
    mosaic: str,
    grid: Grid,
    options: SegmentOptions,
    *,
    size: SegmentSize,
    scratch: Place,
    runner: TaskRunner,
) -> Segments | None:
    """Find, join and measure the segments of a mosaic.

    Args:
        mosaic: Path of the stored mosaic.
        grid: Its grid.
        options: How to segment.
        size: How large segments are wanted.
        scratch: A folder all workers reach, for what tiles leave to one another.
        runner: Runs the tasks.

    Returns:
        The segments; None when no pixel has all bands.

    Raises:
        ConfigurationError: A band is not in the mosaic.
    """
    with open_mosaic(mosaic) as dataset:
        stored = tuple(band for band in bands_of(dataset) if band.is_reflectance)
    bands = select_bands(stored, options.bands or _preferred(stored))
    tiling = Tiling.for_segments(size)
    tiles = tiles_of(grid.shape, _origin(grid), tiling)
    per_task = max(options.block_px // tiling.tile_px, 1) ** 2
    tasks = [
        TilesTask(
            mosaic=mosaic, scratch=str(scratch), tiles=tuple(some), tiling=tiling, bands=bands,
            method=options.method, size=size,
        )
        for some in _batched(tiles, per_task)
    ]  # fmt: skip
    counts = _flat(runner.map(segment_tiles, tasks, label="segment tiles"))
    firsts = tuple(itertools.accumulate(counts, initial=0))
    if not firsts[-1]:
        return None
    _join_tiles(tiles, firsts, size, scratch, per_task, runner)
    measures = [
        MeasureTask(
            mosaic=mosaic, scratch=str(scratch), tiles=tuple(some), firsts=tuple(starts),
            bands=stored, transform=grid.transform,
        )
        for some, starts in zip(
            _batched(tiles, per_task), _batched(firsts[:-1], per_task),
            strict=True,
        )
    ]  # fmt: skip
    found = _flat(runner.map(measure_tiles, measures, label="measure segments"))
    sums = add_up([part for part, _ in found])
    scales = {band.name: (band.scale, band.offset) for band in stored}
    if "ndvi" in sums.totals:
        scales["ndvi"] = (1.0, 0.0)
    area = abs(grid.transform[0] * grid.transform[4])
    table = join_outlines([part for _, part in found], crs=grid.crs).merge(
        segment_table(sums, scales, pixel_area_m2=area), on="segment_id", validate="1:1"
    )
    return Segments(
        table=table, tiles=tuple(tiles), firsts=firsts[:-1], bands=bands, scratch=scratch
    )


def _join_tiles(
    tiles: Sequence[Tile],
    firsts: Sequence[int],
    size: SegmentSize,
    scratch: Place,
    per_task: int,
    runner: TaskRunner,
) -> None:
    start = {(tile.row, tile.column): first for tile, first in zip(tiles, firsts, strict=False)}
    by_place = {(tile.row, tile.column): tile for tile in tiles}
    edges = [
        EdgeTask(scratch=str(scratch), first=tile, second=other, smallest_px=size.smallest_px)
        for (row, col), tile in by_place.items()
        for place in ((row, col + 1), (row + 1, col))
        if (other := by_place.get(place))
    ]
    links = _flat(runner.map(link_tiles, list(_batched(edges, 2 * per_task)), label="join tiles"))
    before = [
        (start[e.first.row, e.first.column], start[e.second.row, e.second.column]) for e in edges
    ]
    joined = [pairs + np.array(counts) for pairs, counts in zip(links, before, strict=True)]
    write_array(scratch / NUMBERS, number_segments(firsts[-1], joined))


def _preferred(bands: Sequence[StoredBand]) -> list[str]:
    names = {band.name for band in bands}
    chosen = (next((n for n in term.split("|") if n in names), "") for term in _PREFERRED)
    return [name for name in chosen if name] or sorted(names)


def _origin(grid: Grid) -> tuple[int, int]:
    """Row and column of the first pixel, counted from the origin of the coordinate system."""
    _, _, left, _, height, top = grid.transform
    return math.floor(top / height + 0.5), math.floor(left / grid.transform[0] + 0.5)


def _flat(parts: Sequence[Sequence[T]]) -> list[T]:
    return list(itertools.chain.from_iterable(parts))


def _batched(values: Sequence[T], size: int) -> list[tuple[T, ...]]:
    return [tuple(values[start : start + size]) for start in range(0, len(values), size)]
