"""The tasks ``segments`` hands to workers; each opens the mosaic itself and reads one window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from affine import Affine

from eo_assets.catalog.indices import INDICES
from eo_assets.clustering.bands import StoredBand, unpack_all, valid_in_all
from eo_assets.cube.grid import Grid
from eo_assets.errors import ConfigurationError
from eo_assets.pipeline.mosaic_blocks import open_mosaic
from eo_assets.places import Place, place, reading, writing
from eo_assets.segmentation.measures import Sums, sum_by_segment
from eo_assets.segmentation.method import Labels, SegmentSize
from eo_assets.segmentation.methods import get_method
from eo_assets.segmentation.outlines import Outlines, outline
from eo_assets.segmentation.stitching import EdgeSide, Links, links_across
from eo_assets.segmentation.tiling import Tile, Tiling, segment_tile
from eo_assets.storage.cog import CogBand, write_cog
from eo_assets.storage.tables import mapped_array, write_array


@dataclass(frozen=True, kw_only=True)
class TilesTask:
    """Some tiles to segment, and later to measure.

    Attributes:
        mosaic: Path of the stored mosaic.
        scratch: Folder for what tiles leave to one another.
        tiles: The tiles.
        tiling: Their sizes.
        bands: What methods look at.
        method: Name of the method.
        size: How large segments are wanted.
    """

    mosaic: str
    scratch: str
    tiles: tuple[Tile, ...]
    tiling: Tiling
    bands: tuple[StoredBand, ...]
    method: str
    size: SegmentSize


def segment_tiles(task: TilesTask) -> list[int]:
    """Segment tiles, one after the other, and leave their labels in the scratch folder.

    Returns:
        The number of pieces in each.
    """
    method, counts = get_method(task.method), []
    for tile in task.tiles:
        planes, valid = _read_window(task, tile)
        found = segment_tile(method, task.size, task.tiling, planes, valid)
        write_array(_pieces(task.scratch, tile), found.pieces)
        with writing(_zones(task.scratch, tile)) as path:
            np.savez_compressed(path, **found.zones)  # type: ignore[arg-type]
        counts.append(int(found.pieces.max()))
    return counts


def _pieces(scratch: str, tile: Tile) -> Place:
    return place(scratch) / f"tile_{tile.row}_{tile.column}.pieces.npy"


def _zones(scratch: str, tile: Tile) -> Place:
    return place(scratch) / f"tile_{tile.row}_{tile.column}.zones.npz"


def _read_window(
    task: TilesTask, tile: Tile
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """The bands of a tile and its margin, of the same size wherever the mosaic ends."""
    side, margin = task.tiling.window_px, task.tiling.margin_px
    top, left = tile.top - margin, tile.left - margin
    planes = np.empty((len(task.bands), side, side), np.uint16)
    with open_mosaic(task.mosaic) as dataset:
        height, width = dataset.sizes["y"], dataset.sizes["x"]
        rows = slice(max(top, 0), min(top + side, height))
        cols = slice(max(left, 0), min(left + side, width))
        inner = (
            slice(rows.start - top, rows.stop - top),
            slice(cols.start - left, cols.stop - left),
        )
        for plane, band in zip(planes, task.bands, strict=True):
            plane[:] = band.nodata
            plane[inner] = dataset[band.name][rows, cols].to_numpy()
    return unpack_all(planes, task.bands).astype(np.float32), valid_in_all(planes, task.bands)


@dataclass(frozen=True, kw_only=True)
class EdgeTask:
    """Two neighbours; the first lies in the north or west.

    Attributes:
        scratch: Folder of the labels.
        first: A tile.
        second: Its neighbour.
        smallest_px: Smaller pieces join a neighbour in any case.
    """

    scratch: str
    first: Tile
    second: Tile
    smallest_px: int


def link_tiles(tasks: Sequence[EdgeTask]) -> list[Links]:
    """Find what belongs together across edges, see ``stitching.links_across``."""
    return [_link(task) for task in tasks]


def _link(task: EdgeTask) -> Links:
    vertical = task.first.row == task.second.row
    sides = ("east", "west") if vertical else ("south", "north")
    edges = []
    for tile, side, at in zip((task.first, task.second), sides, (-1, 0), strict=True):
        with reading(_pieces(task.scratch, tile)) as path:
            pieces = np.load(path)
        with reading(_zones(task.scratch, tile)) as path, np.load(path) as zones:
            zone = zones[side]
        along = pieces[:, at] if vertical else pieces[at]
        edges.append(EdgeSide(along, zone, np.bincount(pieces.ravel())))
    return links_across(*edges, smallest_px=task.smallest_px)


@dataclass(frozen=True, kw_only=True)
class MeasureTask:
    """Some tiles to measure and outline.

    Attributes:
        mosaic: Path of the stored mosaic.
        scratch: Folder of the labels.
        tiles: The tiles.
        firsts: For each tile, the number of pieces of all tiles before it.
        bands: Bands to measure.
        transform: Of the mosaic's grid.
    """

    mosaic: str
    scratch: str
    tiles: tuple[Tile, ...]
    firsts: tuple[int, ...]
    bands: tuple[StoredBand, ...]
    transform: tuple[float, ...]


NUMBERS = "numbers.npy"
"""The segment of each piece; see ``stitching.number_segments``."""


def measure_tiles(task: MeasureTask) -> list[tuple[Sums, Outlines]]:
    """Measure and outline the segments of tiles; those that reach further come in parts."""
    found = []
    for tile, first in zip(task.tiles, task.firsts, strict=True):
        labels = segments_in(task.scratch, tile, first)
        corner = Affine(*task.transform) @ Affine.translation(tile.columns[0], tile.rows[0])
        sums = sum_by_segment(labels, _layers(task, tile))
        found.append((sums, outline(labels, corner)))
    return found


def segments_in(scratch: str, tile: Tile, first: int) -> Labels:
    """The segments of a tile, cut to the grid; int32 ``(y, x)``, 0 where there is none."""
    with (
        mapped_array(_pieces(scratch, tile)) as whole,
        mapped_array(place(scratch) / NUMBERS) as numbers,
    ):
        pieces = whole[tile.own_slices]
        segments: Labels = numbers[np.where(pieces > 0, pieces + np.int32(first), 0)]
    return segments


def _layers(task: MeasureTask, tile: Tile) -> dict[str, npt.NDArray[np.generic]]:
    """Stored values by band, and NDVI where its bands are there."""
    with open_mosaic(task.mosaic) as dataset:
        packed = {band.name: dataset[band.name][tile.slices].to_numpy() for band in task.bands}
    layers: dict[str, npt.NDArray[np.generic]] = dict(packed)
    try:
        needed = INDICES["ndvi"].bands_in(tuple(packed))
    except ConfigurationError:
        return layers
    stored = {band.name: band for band in task.bands}
    ndvi = INDICES["ndvi"].compute({name: stored[name].unpack(packed[name]) for name in needed})
    return layers | {"ndvi": ndvi}


@dataclass(frozen=True, kw_only=True)
class LabelMapTask:
    """A label map to write.

    Attributes:
        scratch: Folder of the labels.
        tiles: All tiles.
        firsts: For each tile, the number of pieces of all tiles before it.
        target: File to write.
        grid: Its grid.
        tags: About the file.
    """

    scratch: str
    tiles: tuple[Tile, ...]
    firsts: tuple[int, ...]
    target: str
    grid: Grid
    tags: dict[str, str]


def write_label_map(task: LabelMapTask) -> None:
    """Write the segments as a Cloud Optimized GeoTIFF, a strip of tiles at a time."""

    def read(_band: str, window: tuple[slice, slice]) -> npt.NDArray[np.uint32]:
        return read_segments(task, window).astype(np.uint32)

    write_cog(
        place(task.target),
        task.grid.geobox,
        [CogBand(name="segment")],
        read,
        dtype="uint32",
        nodata=0,
        tags=task.tags,
        overview_resampling="nearest",
        statistics=False,
    )


def read_segments(task: LabelMapTask, window: tuple[slice, slice]) -> Labels:
    """Put a window of the label map together from its tiles."""
    rows, cols = window
    labels = np.zeros((rows.stop - rows.start, cols.stop - cols.start), np.int32)
    for tile, first in zip(task.tiles, task.firsts, strict=True):
        top, bottom = max(tile.rows[0], rows.start), min(tile.rows[1], rows.stop)
        left, right = max(tile.columns[0], cols.start), min(tile.columns[1], cols.stop)
        if top >= bottom or left >= right:
            continue
        within = segments_in(task.scratch, tile, first)[
            top - tile.rows[0] : bottom - tile.rows[0],
            left - tile.columns[0] : right - tile.columns[0],
        ]
        labels[top - rows.start : bottom - rows.start, left - cols.start : right - cols.start] = (
            within
        )
    return labels
