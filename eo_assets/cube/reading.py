"""Reading source files onto a grid, each source pixel decoded once.

Work starts from the source: the window of the file that the wanted grid touches is read in one
piece, in the file's own pixels. Where the two grids align - same CRS, pixel sizes in a whole ratio,
edges that meet, which is the normal case within a UTM zone - pixels are repeated or averaged and
nothing is warped. Elsewhere ``eo_assets.cube.warp`` interpolates.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import zarr
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from eo_assets.cube.access import file_stamp, open_file, with_retries
from eo_assets.cube.graph import ValidPixels
from eo_assets.cube.grid import Grid
from eo_assets.cube.masking import Usability, usability
from eo_assets.cube.radiometry import Packed, packed_values
from eo_assets.cube.scene import SourceBand, SourceFile
from eo_assets.cube.warp import (
    SourceCoordinates,
    bilinear,
    block_mean,
    nearest,
    source_coordinates,
)
from eo_assets.errors import SourceContractError, SourceReadError
from eo_assets.places.zarrs import zarr_at

Window2D = tuple[slice, slice]
"""Rows and columns of a file."""


@dataclass(frozen=True)
class Read:
    """One entry of the read log.

    Attributes:
        scene: Id of the scene.
        band: Name of the band.
        window: Row, column, rows, columns in the file; all 0 where it failed.
        pixels: Pixels read.
        bytes: Size of the compressed blocks they were decoded from; 0 of a Zarr.
        attempts: Attempts it took.
        seconds: Time it took, decoding included.
        failure: Why it failed; empty when it did not.
    """

    scene: str
    band: str
    window: tuple[int, int, int, int]
    pixels: int
    bytes: int
    attempts: int
    seconds: float
    failure: str = ""


@dataclass(frozen=True)
class WindowRead:
    """Pixels of a file with the grid they lie on."""

    values: npt.NDArray[Any]
    transform: Affine
    offset: tuple[int, int]
    attempts: int
    seconds: float


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


def read_band(band: SourceBand, geobox: GeoBox) -> tuple[Packed, WindowRead | None]:
    """Read a band of a scene onto a grid, as packed values.

    Args:
        band: The band; its file may lie in any CRS.
        geobox: The wanted grid.

    Returns:
        Packed values in the shape of ``geobox``, 0 where there is no observation or no file; and
        what was read, None when the file does not reach the grid.

    Raises:
        SourceReadError: The file is absent or damaged.
        SourceUnavailableError: Its server does not answer.
        SourceContractError: Its pixels are not 16-bit integers.
    """
    grid = file_grid(band)
    alignment = aligned(grid, geobox)
    if band.resampling == "nearest" and (alignment is None or alignment.reduce > 1):
        return _read_classes(band, grid, geobox)
    if alignment is None:
        return _read_band_warped(band, grid, geobox)
    repeat, reduce = alignment.repeat, alignment.reduce
    reach = _aligned_window(alignment, grid, geobox)
    if reach is None:
        return np.zeros(geobox.shape, np.uint16), None
    window = read_window(band, grid, reach)
    values = packed_values(checked(window.values, band), band)
    if reduce > 1:
        values = block_mean(_padded(values, reduce), reduce)
    values = _repeated(values, repeat)
    return _placed(values, tuple(geobox.shape), *reach, alignment), window


def read_usability(
    quality: SourceFile, rule: ValidPixels, geobox: GeoBox
) -> tuple[Usability, WindowRead | None]:
    """Read a scene's quality band and tell which pixels of a grid are usable.

    The band is interpreted at its own resolution, with as much beyond the grid as its growing of
    clouds needs, and brought onto the grid by nearest neighbour.

    Args:
        quality: The quality band's file.
        rule: Which of its values are usable.
        geobox: The wanted grid.

    Returns:
        Usability in the shape of ``geobox``, nothing observed where there is no file; and what was
        read, None when the file does not reach the grid.

    Raises:
        SourceReadError: The file is absent or damaged.
        SourceUnavailableError: Its server does not answer.
        SourceContractError: Its pixels are neither classes nor flags.
    """
    grid = file_grid(quality)
    transform = Affine(*grid.transform)
    coordinates = source_coordinates(geobox, grid.crs, transform)
    reach = quality_window(grid, rule, coordinates)
    if reach is None:
        nothing = np.zeros(geobox.shape, bool)
        return Usability(observed=nothing, valid=nothing), None
    window = read_window(quality, grid, reach)
    if window.values.dtype not in (np.uint8, np.uint16):
        refuse_pixels(quality, window.values.dtype, "uint8 or uint16")
    at_source = usability(window.values, rule, pixel_m=abs(transform.a))
    rows = coordinates.rows - reach[0].start
    columns = coordinates.columns - reach[1].start
    # both in one array: what is valid is observed too
    state = at_source.observed.view(np.uint8) + at_source.valid.view(np.uint8)
    on_grid = nearest(state, rows, columns, outside=0)
    return Usability(observed=on_grid > 0, valid=on_grid > 1), window


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
        return _aligned_window(alignment, grid, geobox)
    coordinates = source_coordinates(geobox, grid.crs, Affine(*grid.transform))
    factor = coarsening(grid, str(geobox.crs), abs(geobox.resolution.x))
    return _warped_window(coordinates, grid, factor)


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


def _aligned_window(alignment: Alignment, grid: Grid, geobox: GeoBox) -> Window2D | None:
    repeat, reduce = alignment.repeat, alignment.reduce
    rows = _source_span(alignment.row, geobox.shape[0], repeat, reduce, grid.shape[0])
    columns = _source_span(alignment.column, geobox.shape[1], repeat, reduce, grid.shape[1])
    return None if rows is None or columns is None else (rows, columns)


def _warped_window(coordinates: SourceCoordinates, grid: Grid, factor: int) -> Window2D | None:
    reach = coordinates.window(grid.shape, margin=2 * factor)
    if reach is None or coordinates.window(grid.shape, margin=0) is None:
        return None
    rows, columns = (
        slice(span.start // factor * factor, min(-(-span.stop // factor) * factor, length))
        for span, length in zip(reach, grid.shape, strict=True)
    )
    return rows, columns


def file_grid(file: SourceFile) -> Grid:
    """Give the grid of a file: as probed, or from its header.

    Args:
        file: The file.

    Returns:
        Its grid.

    Raises:
        SourceReadError: The file is absent or damaged.
        SourceUnavailableError: Its server does not answer.
    """
    if file.grid is not None:
        return file.grid
    return _header_grid(file.href, file_stamp(file.href))


@lru_cache(maxsize=8192)
def _header_grid(href: str, stamp: tuple[int, int]) -> Grid:  # noqa: ARG001 -- of the key
    dataset, _ = with_retries(lambda: open_file(href), href)
    return Grid(
        crs=dataset.crs.to_string(), transform=tuple(dataset.transform)[:6], shape=dataset.shape
    )


def covers(file: SourceFile, geobox: GeoBox) -> npt.NDArray[np.bool_]:
    """Tell which pixels of a grid lie on a file, without opening it.

    Args:
        file: The file; nobody knows where one lies that was not probed.
        geobox: The grid.

    Returns:
        Dims ``(y, x)``; all True for a file that was not probed.
    """
    if file.grid is None:
        return np.ones(geobox.shape, bool)
    transform = Affine(*file.grid.transform)
    coordinates = source_coordinates(geobox, file.grid.crs, transform)
    rows, columns = coordinates.rows, coordinates.columns
    height, width = file.grid.shape
    return (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)


def read_window(
    file: SourceFile, grid: Grid, reach: tuple[slice, slice], overview: int | None = None
) -> WindowRead:
    """Read a window of a file.

    Args:
        file: The file.
        grid: The grid of what is read: the file's own, or its overview's.
        reach: Rows and columns of it.
        overview: Which overview to read; None for the file itself.

    Returns:
        The pixels.

    Raises:
        SourceReadError: The file is absent or damaged.
        SourceUnavailableError: Its server does not answer.
    """
    rows, columns = reach
    window = Window.from_slices(rows, columns)
    started = time.perf_counter()
    layer = file.layer
    if isinstance(layer, str):
        values, attempts = _zarr_array(file.href, layer, file_stamp(file.href))[rows, columns], 1
    else:
        values, attempts = with_retries(
            lambda: open_file(file.href, overview).read(layer, window=window), file.href
        )
    return WindowRead(
        values=values,
        transform=Affine(*grid.transform) * Affine.translation(columns.start, rows.start),
        offset=(rows.start, columns.start),
        attempts=attempts,
        seconds=time.perf_counter() - started,
    )


@lru_cache(maxsize=64)
def _zarr_array(group: str, name: str, stamp: tuple[int, int]) -> Any:  # noqa: ARG001 -- of the key
    try:
        return zarr.open_array(**zarr_at(group) | {"path": name}, mode="r")
    except (FileNotFoundError, KeyError) as error:
        raise SourceReadError(
            f"There is no array {name} in {group}.", "Materialise the product again."
        ) from error


def checked(values: npt.NDArray[Any], band: SourceBand) -> npt.NDArray[Any]:
    """Pass pixels on if they have the data type their collection promises.

    Raises:
        SourceContractError: They have another.
    """
    if values.dtype != band.dtype:
        refuse_pixels(band, values.dtype, band.dtype)
    return values


def refuse_pixels(file: SourceFile, found: np.dtype[Any], expected: str) -> NoReturn:
    """Say that a file's pixels have a data type nobody expected.

    Raises:
        SourceContractError: Always.
    """
    raise SourceContractError(
        f"{file.href.partition('?')[0]} has {found} pixels; {expected} was expected.",
        "Exclude the item; its file is not what its collection promises.",
    )


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


def _source_span(start: int, length: int, repeat: int, reduce: int, available: int) -> slice | None:
    """Give the source pixels under ``length`` wanted pixels from ``start``."""
    first = start * reduce // repeat
    last = -(-(start + length) * reduce // repeat)
    low, high = max(first, 0), min(last, available)
    return slice(low, high) if low < high else None


def _padded(values: Packed, factor: int) -> Packed:
    """Fill up to whole squares with "no observation", at the far edges of a file."""
    missing = [(0, -n % factor) for n in values.shape]
    return np.pad(values, missing)


def _repeated(values: Packed, factor: int) -> Packed:
    if factor == 1:
        return values
    # along rows first: columns of the smaller array, then whole rows
    return np.repeat(np.repeat(values, factor, axis=1), factor, axis=0)


def _placed(
    values: Packed, shape: tuple[int, ...], rows: slice, columns: slice, alignment: Alignment
) -> Packed:
    """Put values read from a window where they belong in the wanted grid."""
    spans = []
    for window, start, n, length in (
        (rows, alignment.row, values.shape[0], shape[0]),
        (columns, alignment.column, values.shape[1], shape[1]),
    ):
        at = window.start * alignment.repeat // alignment.reduce - start
        skip = max(-at, 0)
        size = min(n - skip, length - max(at, 0))
        spans.append((slice(max(at, 0), max(at, 0) + size), slice(skip, skip + size)))
    (to_rows, from_rows), (to_columns, from_columns) = spans
    if values[from_rows, from_columns].shape == shape:
        return values[from_rows, from_columns]
    onto = np.zeros(shape, np.uint16)
    onto[to_rows, to_columns] = values[from_rows, from_columns]
    return onto


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


def _read_classes(band: SourceBand, grid: Grid, geobox: GeoBox) -> tuple[Packed, WindowRead | None]:
    """Take the class of the source pixel each centre lies in: classes have no mean."""
    coordinates = source_coordinates(geobox, grid.crs, Affine(*grid.transform))
    reach = coordinates.window(grid.shape, margin=0)
    if reach is None:
        return np.zeros(geobox.shape, np.uint16), None
    window = read_window(band, grid, reach)
    values = packed_values(checked(window.values, band), band)
    rows, columns = coordinates.rows - reach[0].start, coordinates.columns - reach[1].start
    return nearest(values, rows, columns, outside=0), window


def _read_band_warped(
    band: SourceBand, grid: Grid, geobox: GeoBox
) -> tuple[Packed, WindowRead | None]:
    transform = Affine(*grid.transform)
    coordinates = source_coordinates(geobox, grid.crs, transform)
    # a coarser target averages first, on squares counted from the file's own corner
    factor = coarsening(grid, str(geobox.crs), abs(geobox.resolution.x))
    reach = _warped_window(coordinates, grid, factor)
    if reach is None:
        return np.zeros(geobox.shape, np.uint16), None
    window = read_window(band, grid, reach)
    values = packed_values(checked(window.values, band), band)
    if factor > 1:
        values = block_mean(_padded(values, factor), factor)
    # divided before the window is taken off, so that rounding does not depend on the window
    rows = coordinates.rows / factor - reach[0].start // factor
    columns = coordinates.columns / factor - reach[1].start // factor
    return bilinear(values, rows, columns), window
