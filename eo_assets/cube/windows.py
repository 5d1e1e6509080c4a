"""Windows of source files, in the files' own pixels."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt
import zarr
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from eo_assets.cube.access import file_stamp, with_file
from eo_assets.cube.grid import Grid
from eo_assets.cube.scene import SourceBand, SourceFile
from eo_assets.cube.warp import source_coordinates
from eo_assets.errors import SourceContractError, SourceReadError
from eo_assets.places.zarrs import zarr_at


@dataclass(frozen=True)
class WindowRead:
    """Pixels of a file with the grid they lie on."""

    values: npt.NDArray[Any]
    transform: Affine
    offset: tuple[int, int]
    attempts: int
    seconds: float


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
    return with_file(Grid.of_file, href)[0]


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
        values, attempts = with_file(
            lambda dataset: dataset.read(layer, window=window), file.href, overview
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
