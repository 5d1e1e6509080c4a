"""The tiles segments are found in: fixed on the ground, whatever blocks the work is cut into.

A method sees one window at a time: a tile and a margin around it. Tiles lie on multiples of their
size counted from the origin of the coordinate system, so a window holds the same pixels whoever
computes it, in whichever block, beside whichever others.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eo_assets.segmentation.method import Labels, Method, SegmentSize, Valid, picture_of

_TILE_PX = 512
_MARGIN_PX = 64


@dataclass(frozen=True)
class Tiling:
    """Sizes of tiles and margins, pixels; both whole numbers of segments' sides.

    Attributes:
        tile_px: Side of a tile.
        margin_px: How far a window reaches beyond its tile.
    """

    tile_px: int
    margin_px: int

    @classmethod
    def for_segments(cls, size: SegmentSize) -> Tiling:
        """Tiles of about 512 pixels whose margin is several segments wide."""
        side = size.side_px
        margins = max(-(-_MARGIN_PX // side), 4)
        return cls(side * max(_TILE_PX // side, 2 * margins), side * margins)

    @property
    def window_px(self) -> int:
        """Side of a window."""
        return self.tile_px + 2 * self.margin_px


@dataclass(frozen=True)
class Tile:
    """A tile of a grid.

    Attributes:
        row: Position on the ground, in tiles.
        column: Likewise.
        top: First row of the whole tile on the grid; may be negative.
        left: First column, likewise.
        rows: First row on the grid and the row after the last, within the grid.
        columns: Likewise.
    """

    row: int
    column: int
    top: int
    left: int
    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def slices(self) -> tuple[slice, slice]:
        """What of the grid the tile covers, ``(y, x)``."""
        return slice(*self.rows), slice(*self.columns)

    @property
    def own_slices(self) -> tuple[slice, slice]:
        """The same, counted from the tile's own corner."""
        (first, last), (west, east) = self.rows, self.columns
        return (
            slice(first - self.top, last - self.top),
            slice(west - self.left, east - self.left),
        )


def tiles_of(shape: tuple[int, int], origin: tuple[int, int], tiling: Tiling) -> list[Tile]:
    """List the tiles a grid lies on, row by row.

    Args:
        shape: Rows and columns of the grid.
        origin: Row and column of its first pixel, counted from the origin of the coordinate
            system; rows rise to the south.
        tiling: Their sizes.

    Returns:
        The tiles.
    """
    side = tiling.tile_px

    def spans(start: int, length: int) -> list[tuple[int, int, tuple[int, int]]]:
        numbers = range(start // side, (start + length - 1) // side + 1)
        firsts = [(number, number * side - start) for number in numbers]
        return [(n, first, (max(first, 0), min(first + side, length))) for n, first in firsts]

    return [
        Tile(row, column, top, left, rows, columns)
        for row, top, rows in spans(origin[0], shape[0])
        for column, left, columns in spans(origin[1], shape[1])
    ]


@dataclass(frozen=True)
class TileLabels:
    """A tile's segments, and what its window saw beyond its edges.

    Attributes:
        pieces: Connected pieces of segments within the tile, numbered from 1; 0 where there is no
            observation; int32 ``(tile, tile)``.
        zones: By side, the window's own labels a margin to either side of the edge: north and
            west lie before it, so the edge is always in the middle; int32 ``(tile, 2 × margin)``,
            across the edge from north to south or west to east.
    """

    pieces: Labels
    zones: dict[str, Labels]


def segment_tile(
    method: Method,
    size: SegmentSize,
    tiling: Tiling,
    reflectance: npt.NDArray[np.float32],
    valid: Valid,
) -> TileLabels:
    """Segment one window and keep its tile.

    Args:
        method: How.
        size: How large segments are wanted.
        tiling: Sizes of tile and margin.
        reflectance: ``(band, y, x)`` of the whole window.
        valid: ``(y, x)``; False beyond the grid.

    Returns:
        The tile's segments.
    """
    from skimage.measure import label

    found = method.segment(picture_of(reflectance, valid), valid, size)
    labels = _without_crumbs(np.where(valid, found, 0), valid, smallest_px=size.smallest_px)
    tile, margin = tiling.tile_px, tiling.margin_px
    core = slice(margin, margin + tile)
    pieces = label(labels[core, core], background=0, connectivity=1).astype(np.int32)
    before, after = slice(0, 2 * margin), slice(tile, tile + 2 * margin)
    zones = {
        "north": labels[before, core].T,
        "south": labels[after, core].T,
        "west": labels[core, before],
        "east": labels[core, after],
    }
    return TileLabels(pieces, {side: np.ascontiguousarray(zone) for side, zone in zones.items()})


def _without_crumbs(labels: Labels, valid: Valid, *, smallest_px: int) -> Labels:
    """Number connected segments, those next to a crumb growing over it.

    Methods leave crumbs where they take pixels that touch at a corner for neighbours.
    """
    from skimage.measure import label
    from skimage.segmentation import watershed

    parts = label(labels, background=0, connectivity=1).astype(np.int32)
    large = np.bincount(parts.ravel()) >= smallest_px
    kept = np.where(large[parts], parts, 0)
    grown: Labels = watershed(np.zeros(parts.shape, np.uint8), kept, mask=valid)
    # an island of its own, however small, has nobody to grow over it
    return np.where(grown > 0, grown, parts).astype(np.int32)
