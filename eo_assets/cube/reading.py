"""Reading source files onto a grid, each source pixel decoded once.

Work starts from the source: the window of the file that the wanted grid touches is read in one
piece, in the file's own pixels. Where the two grids align - same CRS, pixel sizes in a whole ratio,
edges that meet, which is the normal case within a UTM zone - pixels are repeated or averaged and
nothing is warped. Elsewhere ``eo_assets.cube.warp`` interpolates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox

from eo_assets.cube.alignment import (
    Alignment,
    aligned,
    aligned_window,
    coarsening,
    quality_window,
    warped_window,
)
from eo_assets.cube.graph import ValidPixels
from eo_assets.cube.grid import Grid
from eo_assets.cube.masking import Usability, usability
from eo_assets.cube.radiometry import Packed, packed_values
from eo_assets.cube.scene import SourceBand, SourceFile
from eo_assets.cube.warp import bilinear, block_mean, nearest, source_coordinates
from eo_assets.cube.windows import WindowRead, checked, file_grid, read_window, refuse_pixels


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
    reach = aligned_window(alignment, grid, geobox)
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
    reach = warped_window(coordinates, grid, factor)
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
