"""Pixels of a source grid onto any other grid, the same whatever window is asked for.

GDAL's warper approximates coordinates per chunk, so that its result depends on how the work is
cut up. Here every pixel's source coordinate depends on that pixel alone: exactly where both grids
share a CRS, else interpolated on a lattice that is fixed in the target CRS.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import CRS, Transformer

Float = npt.NDArray[Any]

LATTICE_PX = 16
"""Spacing of exactly transformed points; between UTM zones the error is below 0.001 pixel."""

_FRACTIONS = 2**21
"""Of a pixel, to which a grid's origin is taken: half a millionth."""


_WEST_DEG = 0.5
"""How far west of a source a longitude still counts as west of it, degrees."""


@dataclass(frozen=True)
class SourceCoordinates:
    """Where the pixel centres of a target grid lie in a source grid.

    Attributes:
        columns: Source column of each target pixel's centre; 0.5 is the centre of the first.
            Dims ``(y, x)``, or ``(1, x)`` where it is the same for all rows.
        rows: Source row; dims ``(y, x)`` or ``(y, 1)``.
    """

    columns: Float
    rows: Float

    def window(self, shape: tuple[int, int], *, margin: int) -> tuple[slice, slice] | None:
        """Give the window of the source that these coordinates touch.

        Args:
            shape: Rows and columns of the source.
            margin: Pixels beyond the outermost coordinate.

        Returns:
            Rows and columns, or None when the source is not touched at all.
        """
        spans = []
        for values, length in ((self.rows, shape[0]), (self.columns, shape[1])):
            finite = values[np.isfinite(values)]
            if not finite.size:
                return None
            low = max(int(np.floor(finite.min())) - margin, 0)
            high = min(int(np.floor(finite.max())) + margin + 1, length)
            if low >= high:
                return None
            spans.append(slice(low, high))
        return spans[0], spans[1]


def source_coordinates(target: GeoBox, crs: str, transform: Affine) -> SourceCoordinates:
    """Locate the pixel centres of a target grid in a source grid.

    Args:
        target: The target grid.
        crs: CRS of the source.
        transform: Pixel corner to ``crs`` of the source, north up.

    Returns:
        The coordinates.
    """
    inverse = ~transform
    x = _centres(target.transform.c, target.transform.a, target.shape[1])
    y = _centres(target.transform.f, target.transform.e, target.shape[0])
    if target.crs == crs:
        columns = (inverse.a * x + inverse.c)[np.newaxis, :]
        rows = (inverse.e * y + inverse.f)[:, np.newaxis]
        return SourceCoordinates(columns=columns, rows=rows)
    steps = abs(target.transform.a), abs(target.transform.e)
    xs, ys = _transformed(str(target.crs), crs, x, y, steps)
    if _is_geographic(crs):
        # one way around the Earth: what lies west of the source may be at its eastern end
        west = transform.c - _WEST_DEG
        xs = np.where(xs < west, xs + 360, np.where(xs >= west + 360, xs - 360, xs))
    return SourceCoordinates(columns=inverse.a * xs + inverse.c, rows=inverse.e * ys + inverse.f)


def _centres(origin: float, step: float, n: int) -> Float:
    # in whole fractions of a step, so that a window's origin leaves no trace in rounding
    first = round(origin / step * _FRACTIONS)
    return (first + (2 * np.arange(n) + 1) * (_FRACTIONS // 2)) * (step / _FRACTIONS)


@lru_cache(maxsize=32)
def _transformer(source: str, target: str) -> Transformer:
    return Transformer.from_crs(source, target, always_xy=True)


def to_longitude_latitude(crs: str, x: Float, y: Float) -> tuple[Float, Float]:
    """Transform coordinates of a CRS to longitude and latitude (WGS 84), degrees."""
    longitude, latitude = _transformer(crs, "EPSG:4326").transform(x, y)
    return longitude, latitude


@lru_cache(maxsize=32)
def _is_geographic(crs: str) -> bool:
    return bool(CRS.from_user_input(crs).is_geographic)


def _transformed(
    source: str, target: str, x: Float, y: Float, steps: tuple[float, float]
) -> tuple[Float, Float]:
    # the lattice follows from the grid's pixel size, never from the window's extent
    nodes_x, index_x, part_x = _lattice(x, steps[0] * LATTICE_PX)
    nodes_y, index_y, part_y = _lattice(y, steps[1] * LATTICE_PX)
    part_y = part_y[:, np.newaxis]
    grid_x, grid_y = np.meshgrid(nodes_x, nodes_y)
    results = []
    lattice = list(_transformer(source, target).transform(grid_x, grid_y))
    if _is_geographic(target) and np.ptp(lattice[0]) > 180:
        # between nodes on either side of 180° the way is short, not around the Earth
        lattice[0] = np.unwrap(np.unwrap(lattice[0], period=360, axis=1), period=360, axis=0)
    for values in lattice:
        # infinite where the source's CRS does not reach
        with np.errstate(invalid="ignore"):
            upper = values[index_y] * (1 - part_y) + values[index_y + 1] * part_y
            results.append(upper[:, index_x] * (1 - part_x) + upper[:, index_x + 1] * part_x)
    return results[0], results[1]


def _lattice(values: Float, spacing: float) -> tuple[Float, npt.NDArray[Any], Float]:
    low = int(np.floor(values.min() / spacing))
    high = int(np.floor(values.max() / spacing)) + 1
    nodes = np.arange(low, high + 1) * spacing
    position = values / spacing - low
    index = np.minimum(position.astype(np.intp), nodes.size - 2)
    part = position - index
    return nodes, index, part


def nearest(
    values: npt.NDArray[Any], rows: Float, columns: Float, *, outside: int
) -> npt.NDArray[Any]:
    """Take the source pixel each coordinate lies in.

    Args:
        values: Source pixels, dims ``(y, x)``.
        rows: Source rows, broadcastable with ``columns``.
        columns: Source columns.
        outside: Value for coordinates outside the source.

    Returns:
        Values in the broadcast shape of the coordinates, dtype of ``values``.
    """
    r, row_within = _index(rows, values.shape[0])
    c, column_within = _index(columns, values.shape[1])
    if r.shape[1:] == (1,) and c.shape[:1] == (1,):
        # rows and columns are independent: taking them in turn is several times faster
        if len(values) < len(r):
            # columns of the smaller array first; whole rows are copied faster
            taken = values.take(c[0], axis=1).take(r[:, 0], axis=0)
        else:
            taken = values.take(r[:, 0], axis=0).take(c[0], axis=1)
    else:
        taken = values[r, c]
    within = row_within & column_within
    return taken if within.all() else np.where(within, taken, np.asarray(outside, values.dtype))


def _index(position: Float, length: int) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    index = np.floor(position)
    within = (index >= 0) & (index < length)
    return np.clip(np.where(within, index, 0), 0, length - 1).astype(np.intp), within


def bilinear(packed: npt.NDArray[np.uint16], rows: Float, columns: Float) -> npt.NDArray[np.uint16]:
    """Interpolate packed values between the four nearest observed source pixels.

    Pixels without observation take no part: where the pixel a coordinate lies in is unobserved the
    result is too, elsewhere the others share its weight.

    Args:
        packed: Source pixels, dims ``(y, x)``; 0 is "no observation".
        rows: Source rows, broadcastable with ``columns``.
        columns: Source columns.

    Returns:
        Packed values in the broadcast shape of the coordinates.
    """
    top, left = np.floor(rows - 0.5), np.floor(columns - 0.5)
    with np.errstate(invalid="ignore"):
        down = (rows - 0.5 - top).astype(np.float32)
        right = (columns - 0.5 - left).astype(np.float32)
    total = np.zeros(np.broadcast_shapes(rows.shape, columns.shape), np.float32)
    weights = np.zeros_like(total)
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        value = nearest(packed, top + dy, left + dx, outside=0)
        weight = (down if dy else 1 - down) * (right if dx else 1 - right) * (value != 0)
        total += weight * value
        weights += weight
    observed = nearest(packed, rows, columns, outside=0) != 0
    with np.errstate(invalid="ignore", divide="ignore"):
        # half up, as ``block_mean`` and GDAL round
        mean = np.floor(total / weights + np.float32(0.5))
    return np.where(observed & (weights > 0), mean, 0).astype(np.uint16)


def block_mean(packed: npt.NDArray[np.uint16], factor: int) -> npt.NDArray[np.uint16]:
    """Average squares of ``factor`` pixels, leaving unobserved ones out.

    Args:
        packed: Dims ``(y, x)``, both multiples of ``factor``; 0 is "no observation".
        factor: Edge of a square, pixels.

    Returns:
        Packed means; 0 where a square has no observation at all.
    """
    rows, columns = packed.shape[0] // factor, packed.shape[1] // factor
    squares = packed.reshape(rows, factor, columns, factor)
    total = squares.sum(axis=(1, 3), dtype=np.uint64)
    n = np.count_nonzero(squares, axis=(1, 3)).astype(np.uint64)
    # half up in integers: exact, whatever the order of summation
    return np.where(n > 0, (2 * total + n) // np.maximum(2 * n, 1), 0).astype(np.uint16)
