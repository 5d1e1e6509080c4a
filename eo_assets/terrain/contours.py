"""Contours: lines of equal height through the pixels' centres."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from shapely import LineString
from shapely.geometry.base import BaseGeometry
from skimage.measure import find_contours

_JOIN_M = 0.001
"""To which coordinates are rounded, so that lines of neighbouring blocks meet in one point."""

Lines = Mapping[float, list[LineString]]


def contour_lines(
    height_m: npt.NDArray[np.float32], transform: Affine, *, interval_m: float
) -> dict[float, list[LineString]]:
    """Draw the contours of one block of heights.

    Heights hold at the centres of pixels and are linear between them. Lines end where heights are
    unknown and at the outermost centres; blocks that share a row or column of pixels give lines
    that meet there.

    Args:
        height_m: Metres, dims ``(y, x)``; NaN unknown.
        transform: Pixel corner to CRS.
        interval_m: Difference in height between two contours, metres; contours are its multiples.

    Returns:
        Lines in the CRS by height; heights without a line are left out.
    """
    if min(height_m.shape) < 2 or not np.isfinite(height_m).any():
        return {}
    low, high = float(np.nanmin(height_m)), float(np.nanmax(height_m))
    lines = {}
    for step in range(int(np.ceil(low / interval_m)), int(np.floor(high / interval_m)) + 1):
        level = step * interval_m
        found = [_to_line(path, transform) for path in find_contours(height_m, level)]
        # a level that just touches a height has points in place of lines
        drawn = [line for line in found if line.length > 0]
        if drawn:
            lines[level] = drawn
    return lines


def _to_line(path: npt.NDArray[np.float64], transform: Affine) -> LineString:
    rows, columns = path[:, 0] + 0.5, path[:, 1] + 0.5
    x = transform.c + transform.a * columns + transform.b * rows
    y = transform.f + transform.d * columns + transform.e * rows
    return LineString(np.round(np.column_stack([x, y]) / _JOIN_M) * _JOIN_M)


def join_blocks(
    blocks: Iterable[Lines], *, within: BaseGeometry
) -> Iterator[tuple[float, LineString]]:
    """Join the lines of blocks that meet and cut them at an outline.

    Args:
        blocks: Lines of each block by height.
        within: Outline in the same CRS.

    Yields:
        Height and line, from low to high.
    """
    by_level: dict[float, list[Any]] = {}
    for lines in blocks:
        for level, of_block in lines.items():
            by_level.setdefault(level, []).extend(of_block)
    shapely.prepare(within)
    for level in sorted(by_level):
        merged = shapely.line_merge(shapely.MultiLineString(by_level[level]))
        for part in shapely.get_parts(shapely.intersection(shapely.get_parts(merged), within)):
            yield from ((level, line) for line in shapely.get_parts(part) if line.length > 0)
