"""How the grids of a file and of an image relate, and which window of the file the image takes.

No pixels and no files: both grids are known.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from eo_assets.cube.graph import ValidPixels
from eo_assets.cube.grid import Grid
from eo_assets.cube.warp import SourceCoordinates, source_coordinates

Window2D = tuple[slice, slice]
"""Rows and columns of a file."""


@dataclass(frozen=True)
class Alignment:
    """How two aligned grids relate: ``repeat`` source pixels, or average ``reduce`` of them.

    ``row`` and ``column`` are where the wanted grid starts, in wanted pixels from the file's
    origin.
    """

    repeat: int
    reduce: int
    row: int
    column: int


def aligned(grid: Grid, geobox: GeoBox) -> Alignment | None:
    """Tell how two grids relate where nothing needs to be resampled; None where something does."""
    source, target = Affine(*grid.transform), geobox.transform
    if geobox.crs != grid.crs or source.b or source.d or target.b or target.d:
        return None
    ratio = source.a / target.a
    repeat = _whole(ratio) if ratio >= 1 else 1
    reduce = _whole(1 / ratio) if ratio < 1 else 1
    column = _whole((target.c - source.c) / target.a, unit=1)
    row = _whole((target.f - source.f) / target.e, unit=1)
    if not repeat or not reduce or column is None or row is None:
        return None
    if source.e / target.e != ratio:
        return None
    return Alignment(repeat=repeat, reduce=reduce, row=row, column=column)


def _whole(value: float, *, unit: int = 0) -> int | None:
    """Give a number that is whole but for rounding; with ``unit`` 0, a positive one."""
    nearest_whole = round(value)
    if abs(value - nearest_whole) > 1e-6 or (not unit and nearest_whole < 1):
        return None
    return nearest_whole


def band_window(grid: Grid, geobox: GeoBox) -> Window2D | None:
    """Give the window of a band's file that ``read_band`` reads for a grid.

    Args:
        grid: Grid of the file.
        geobox: The wanted grid.

    Returns:
        Rows and columns, or None when the file does not reach the grid.
    """
    alignment = aligned(grid, geobox)
    if alignment is not None:
        return aligned_window(alignment, grid, geobox)
    coordinates = source_coordinates(geobox, grid.crs, Affine(*grid.transform))
    factor = coarsening(grid, str(geobox.crs), abs(geobox.resolution.x))
    return warped_window(coordinates, grid, factor)


def quality_window(
    grid: Grid, rule: ValidPixels, coordinates: SourceCoordinates
) -> Window2D | None:
    """Give the window of a quality band's file that ``read_usability`` reads.

    Args:
        grid: Grid of the file.
        rule: Which of its values are usable: growing clouds needs pixels around.
        coordinates: Where the wanted pixels lie in the file.

    Returns:
        Rows and columns, or None when the file does not reach the grid.
    """
    if coordinates.window(grid.shape, margin=0) is None:
        return None
    return coordinates.window(grid.shape, margin=rule.halo_px(abs(grid.transform[0])))


def aligned_window(alignment: Alignment, grid: Grid, geobox: GeoBox) -> Window2D | None:
    """Give the window of a file under an aligned grid, None when it does not reach it."""
    repeat, reduce = alignment.repeat, alignment.reduce
    rows = _source_span(alignment.row, geobox.shape[0], repeat, reduce, grid.shape[0])
    columns = _source_span(alignment.column, geobox.shape[1], repeat, reduce, grid.shape[1])
    return None if rows is None or columns is None else (rows, columns)


def _source_span(start: int, length: int, repeat: int, reduce: int, available: int) -> slice | None:
    """Give the source pixels under ``length`` wanted pixels from ``start``."""
    first = start * reduce // repeat
    last = -(-(start + length) * reduce // repeat)
    low, high = max(first, 0), min(last, available)
    return slice(low, high) if low < high else None


def warped_window(coordinates: SourceCoordinates, grid: Grid, factor: int) -> Window2D | None:
    """Give the window of a file to interpolate in, in whole squares of ``factor`` pixels."""
    reach = coordinates.window(grid.shape, margin=2 * factor)
    if reach is None or coordinates.window(grid.shape, margin=0) is None:
        return None
    rows, columns = (
        slice(span.start // factor * factor, min(-(-span.stop // factor) * factor, length))
        for span, length in zip(reach, grid.shape, strict=True)
    )
    return rows, columns


def coarsening(grid: Grid, crs: str, resolution: float) -> int:
    """Give how many source pixels fit side by side into a pixel of another grid, at least one.

    Args:
        grid: Grid of the file.
        crs: CRS of the other grid.
        resolution: Its pixel size, in units of its CRS.

    Returns:
        A whole number, rounded down.
    """
    return max(int(round(pixel_ratio(grid, crs, resolution), 6)), 1)


@lru_cache(maxsize=1024)
def pixel_ratio(grid: Grid, crs: str, resolution: float) -> float:
    """Give how much larger the pixels of another grid are than a file's.

    Judged at the middle of the file, so that it does not depend on the window asked for.

    Args:
        grid: Grid of the file.
        crs: CRS of the other grid.
        resolution: Its pixel size, in units of its CRS.

    Returns:
        Ratio of their edges.
    """
    transform = Affine(*grid.transform)
    size = abs(transform.a)
    if CRS(grid.crs) != CRS(crs):
        middle = Affine.translation(grid.shape[1] // 2, grid.shape[0] // 2)
        pixel = GeoBox((1, 1), transform * middle, grid.crs)
        size = pixel.extent.to_crs(crs).area ** 0.5
    return float(resolution / size)
