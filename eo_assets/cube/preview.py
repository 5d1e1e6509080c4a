"""Reading for a look: the file's own overview nearest the wanted scale, sampled once.

Where a grid aligns with a file at the file's own resolution this reads exactly as
``eo_assets.cube.reading`` does. Elsewhere it reads an overview instead of averaging every source
pixel, and interpolates with weights of 1/32 pixel. Which overview is chosen depends on the two
grids' scales alone, never on the window, so that neighbouring tiles meet.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox

from eo_assets.cube.access import file_stamp, with_file
from eo_assets.cube.alignment import aligned, pixel_ratio
from eo_assets.cube.graph.operations import ValidPixels
from eo_assets.cube.grid import Grid
from eo_assets.cube.masking import Usability, usability
from eo_assets.cube.radiometry import Packed, packed_values
from eo_assets.cube.reading import read_band, read_usability
from eo_assets.cube.scene import SourceBand, SourceFile
from eo_assets.cube.warp import source_coordinates
from eo_assets.cube.windows import WindowRead, checked, file_grid, read_window, refuse_pixels
from eo_assets.errors import ViewLimitError

FINER_THAN = 1.2
"""An overview is used if its pixels are at most this much larger than the wanted ones."""

MAX_WINDOW_PX = 16_000_000
"""Largest window read for one view; a file without overviews cannot be seen from far away."""


@dataclass(frozen=True)
class _Sampling:
    """Where the pixels of a grid lie in a window of a file.

    Attributes:
        rows: Rows of the window in the file.
        columns: Columns.
        flat: Index into the flattened window of the pixel each centre lies in.
        outside: Centres that lie outside the file; None where none does.
        maps: For OpenCV: the window's pixel up and left of each centre, int16, and how far right of
            and below its centre the wanted one lies, in 1/32 pixel, as one number.
    """

    rows: slice
    columns: slice
    flat: npt.NDArray[np.intp]
    outside: npt.NDArray[np.bool_] | None
    maps: tuple[npt.NDArray[np.int16], npt.NDArray[np.uint16]]


def preview_band(band: SourceBand, geobox: GeoBox) -> tuple[Packed, WindowRead | None]:
    """Read a band of a scene onto a grid for a look; see ``reading.read_band``.

    Raises:
        ViewLimitError: The file has no overview for a view from so far away.
        SourceReadError: The file is absent or damaged.
        SourceUnavailableError: Its server does not answer.
        SourceContractError: Its pixels are of another data type.
    """
    grid = file_grid(band)
    alignment = aligned(grid, geobox)
    if alignment is not None and alignment.reduce == 1:
        return read_band(band, geobox)
    level, grid = _level_for(band, grid, geobox)
    sampling = _sampling(geobox, grid, 1)
    if sampling is None:
        return np.zeros(geobox.shape, np.uint16), None
    window = _read(band, grid, sampling, level)
    values = packed_values(checked(window.values, band), band)
    taken = values.ravel()[sampling.flat]
    if sampling.outside is not None:
        taken[sampling.outside] = 0
    if band.resampling == "average":
        taken = _interpolated(values, taken, sampling)
    return taken, window


def _interpolated(values: Packed, taken: Packed, sampling: _Sampling) -> Packed:
    """Interpolate between observed pixels; beside unobserved ones the nearest pixel stays."""
    observed = values != 0
    if observed.all() and sampling.outside is None:
        return _remapped(values, sampling)
    if not observed.any():
        return taken
    mixed = _remapped(values, sampling)
    # 255 only where all four pixels are observed
    whole = cv2.remap(
        observed.astype(np.uint8) * np.uint8(255),
        *sampling.maps,
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    )
    return np.where((whole == 255) & (taken != 0), mixed, taken)


def _remapped(values: Packed, sampling: _Sampling) -> Packed:
    mixed = cv2.remap(values, *sampling.maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return mixed.astype(np.uint16, copy=False)


def preview_usability(
    quality: SourceFile, rule: ValidPixels, geobox: GeoBox
) -> tuple[Usability, WindowRead | None]:
    """Tell which pixels of a grid are usable, for a look; see ``reading.read_usability``.

    Raises:
        ViewLimitError: The file has no overview for a view from so far away.
        SourceReadError: The file is absent or damaged.
        SourceUnavailableError: Its server does not answer.
        SourceContractError: Its pixels are neither classes nor flags.
    """
    grid = file_grid(quality)
    alignment = aligned(grid, geobox)
    if alignment is not None and alignment.reduce == 1:
        return read_usability(quality, rule, geobox)
    level, grid = _level_for(quality, grid, geobox)
    pixel_m = abs(grid.transform[0])
    sampling = _sampling(geobox, grid, rule.halo_px(pixel_m))
    if sampling is None:
        nothing = np.zeros(geobox.shape, bool)
        return Usability(observed=nothing, valid=nothing), None
    window = _read(quality, grid, sampling, level)
    if window.values.dtype not in (np.uint8, np.uint16):
        refuse_pixels(quality, window.values.dtype, "uint8 or uint16")
    at_source = usability(window.values, rule, pixel_m=pixel_m)
    observed = at_source.observed.ravel()[sampling.flat]
    valid = at_source.valid.ravel()[sampling.flat]
    if sampling.outside is not None:
        observed[sampling.outside] = False
        valid[sampling.outside] = False
    return Usability(observed=observed, valid=valid), window


def _read(file: SourceFile, grid: Grid, sampling: _Sampling, level: int | None) -> WindowRead:
    rows, columns = sampling.rows, sampling.columns
    if (rows.stop - rows.start) * (columns.stop - columns.start) > MAX_WINDOW_PX:
        raise ViewLimitError(
            f"{file.href.partition('?')[0]} has no overview for a view from so far away.",
            "Zoom in.",
        )
    return read_window(file, grid, (rows, columns), level)


def _level_for(file: SourceFile, grid: Grid, geobox: GeoBox) -> tuple[int | None, Grid]:
    """Choose what to read: an overview's number and grid, or None and the file's own."""
    ratio = pixel_ratio(grid, str(geobox.crs), abs(geobox.resolution.x))
    if ratio * FINER_THAN < 2 or isinstance(file.layer, str):
        return None, grid
    stamp = file_stamp(file.href)
    coarser = [o for o in _overviews(file.href, stamp) if o <= FINER_THAN * ratio]
    if not coarser:
        return None, grid
    level = len(coarser) - 1
    return level, _overview_grid(file.href, level, stamp, grid)


@lru_cache(maxsize=8192)
def _overviews(href: str, stamp: tuple[int, int]) -> tuple[int, ...]:  # noqa: ARG001 -- of the key
    return with_file(lambda dataset: tuple(dataset.overviews(1)), href)[0]


@lru_cache(maxsize=8192)
def _overview_grid(
    href: str,
    level: int,
    stamp: tuple[int, int],  # noqa: ARG001 -- of the key
    grid: Grid,
) -> Grid:
    def header(dataset: rasterio.DatasetReader) -> Grid:
        # its own transform: an overview of an odd number of pixels is not exactly half as fine
        return Grid(crs=grid.crs, transform=tuple(dataset.transform)[:6], shape=dataset.shape)

    return with_file(header, href, level)[0]


def _sampling(geobox: GeoBox, grid: Grid, margin: int) -> _Sampling | None:
    place = (geobox.shape.y, geobox.shape.x), tuple(geobox.transform)[:6], str(geobox.crs)
    return _remembered_sampling(*place, grid, margin)


@lru_cache(maxsize=16)
def _remembered_sampling(
    shape: tuple[int, int], transform: tuple[float, ...], crs: str, grid: Grid, margin: int
) -> _Sampling | None:
    """Locate a grid's pixels in a file; all bands and dates on one grid share it.

    No more are kept than tiles computed at once need: one takes a megabyte.
    """
    geobox = GeoBox(shape, Affine(*transform), crs)
    coordinates = source_coordinates(geobox, grid.crs, Affine(*grid.transform))
    reach = coordinates.window(grid.shape, margin=margin)
    if reach is None or coordinates.window(grid.shape, margin=0) is None:
        return None
    rows, columns = np.broadcast_arrays(coordinates.rows, coordinates.columns)
    known = np.isfinite(rows) & np.isfinite(columns)
    rows, columns = np.where(known, rows, -1.0), np.where(known, columns, -1.0)
    within = (rows >= 0) & (rows < grid.shape[0]) & (columns >= 0) & (columns < grid.shape[1])
    rows, columns = rows - reach[0].start, columns - reach[1].start
    height, width = reach[0].stop - reach[0].start, reach[1].stop - reach[1].start
    r = np.clip(np.floor(rows), 0, height - 1).astype(np.intp)
    c = np.clip(np.floor(columns), 0, width - 1).astype(np.intp)
    x, y = (columns - 0.5).astype(np.float32), (rows - 0.5).astype(np.float32)
    # as remapping with floats rounds them, but once for all bands and dates
    corner, part = cv2.convertMaps(x, y, cv2.CV_16SC2)
    arrays: list[npt.NDArray[Any]] = [r * width + c, ~within, corner, part]
    for array in arrays:
        array.setflags(write=False)
    return _Sampling(
        rows=reach[0],
        columns=reach[1],
        flat=arrays[0],
        outside=None if within.all() else arrays[1],
        maps=(arrays[2], arrays[3]),
    )
