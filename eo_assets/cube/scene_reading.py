"""Reading the files of scenes side by side, each with its entry in the read log."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

from odc.geo.geobox import GeoBox

from eo_assets.cube.access import gdal_environment, reader_threads
from eo_assets.cube.block_index import stored_bytes
from eo_assets.cube.diagnosis import is_remote, naming
from eo_assets.cube.graph.operations import ValidPixels
from eo_assets.cube.masking import Usability
from eo_assets.cube.preview import preview_band, preview_usability
from eo_assets.cube.radiometry import Packed
from eo_assets.cube.reading import Read, read_band, read_usability
from eo_assets.cube.scene import Scene, SourceBand, SourceFile
from eo_assets.cube.windows import WindowRead
from eo_assets.errors import SourceContractError, SourceReadError

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class Reader:
    """How files are read onto a grid.

    Attributes:
        band: Reads a band, see ``eo_assets.cube.reading.read_band``.
        usability: Reads a quality band, see ``eo_assets.cube.reading.read_usability``.
        looks: For a look only: local files are read in the caller's own thread, which is faster
            for small windows, and no more quality bands than it takes to fill every pixel, so that
            observations are not counted.
    """

    band: Callable[[SourceBand, GeoBox], tuple[Packed, WindowRead | None]]
    usability: Callable[[SourceFile, ValidPixels, GeoBox], tuple[Usability, WindowRead | None]]
    looks: bool

    def threads(self, href: str) -> int:
        """Choose how many files to read at once."""
        return 1 if self.looks and not is_remote(href) else reader_threads(href)


EXACT = Reader(band=read_band, usability=read_usability, looks=False)
"""Every source pixel counts: what products are made of."""


PREVIEW = Reader(band=preview_band, usability=preview_usability, looks=True)
"""Overviews where they suffice: what maps are made of."""


def first_file(scene: Scene) -> SourceFile:
    """Give the file of a scene that is read first."""
    return scene.quality or next(iter(scene.bands.values()))


@dataclass(frozen=True)
class Pending(Generic[R]):
    """Calls that go on in threads.

    Attributes:
        results: Waits for what they give; in the order of their arguments.
        cancel: Leaves out those that have not begun.
    """

    results: Callable[[], list[R]]
    cancel: Callable[[], None]


def in_threads(function: Callable[[T], R], arguments: Sequence[T], threads: int) -> Pending[R]:
    """Begin to call a function with each argument, so many at once."""
    if threads == 1:
        # when results are asked for, in the environment that whoever looks has entered
        return Pending(lambda: [function(argument) for argument in arguments], lambda: None)
    futures = [_pool(threads).submit(function, argument) for argument in arguments]

    def cancel() -> None:
        for future in futures:
            future.cancel()

    return Pending(lambda: [future.result() for future in futures], cancel)


@lru_cache(maxsize=4)
def _pool(threads: int) -> ThreadPoolExecutor:
    # kept for the life of the process: each thread keeps its connections from block to block
    return ThreadPoolExecutor(threads, thread_name_prefix="read", initializer=_enter_gdal)


def _enter_gdal() -> None:
    gdal_environment().__enter__()


def logged(
    scene: Scene,
    name: str,
    file: SourceFile,
    reader: Reader,
    read: Callable[[], tuple[T, WindowRead | None]],
) -> tuple[T, Read | None] | Read:
    """Read a file of a scene; give what it gave with the entry of the read log, or that alone."""

    def log() -> tuple[T, Read | None]:
        # pixels as they were in the file are let go here, and not kept for all bands
        values, window = read()
        return values, _done(scene, name, file, window, reader) if window else None

    return _attempted(scene, name, log)


def _done(scene: Scene, band: str, file: SourceFile, window: WindowRead, reader: Reader) -> Read:
    (row, column), (rows, columns) = window.offset, window.values.shape
    reach = slice(row, row + rows), slice(column, column + columns)
    return Read(
        scene=scene.id,
        band=band,
        window=(row, column, rows, columns),
        pixels=window.values.size,
        # nobody counts what is read for a look
        bytes=0 if reader.looks else stored_bytes(file, reach),
        attempts=window.attempts,
        seconds=window.seconds,
    )


def _attempted(scene: Scene, band: str, read: Callable[[], R]) -> R | Read:
    """Read a file of a scene; give the entry of the read log if it cannot be read."""
    started = time.perf_counter()
    try:
        with naming(scene.id, band):
            return read()
    except (SourceReadError, SourceContractError) as error:
        return Read(
            scene=scene.id,
            band=band,
            window=(0, 0, 0, 0),
            pixels=0,
            bytes=0,
            attempts=error.attempts,
            seconds=time.perf_counter() - started,
            failure=error.problem,
        )
