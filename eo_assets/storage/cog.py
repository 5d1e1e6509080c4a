"""Cloud Optimized GeoTIFFs: how products leave the house."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import cv2
import numpy as np
import numpy.typing as npt
import rasterio
import rasterio.shutil
from odc.geo.geobox import GeoBox
from rasterio._err import CPLE_BaseError  # what closing a file raises, as it is
from rasterio.enums import ColorInterp, Resampling
from rasterio.errors import RasterioError
from rasterio.windows import Window

from eo_assets.errors import StorageError
from eo_assets.places import Place, writing

TILE = 512

STRIP_PX = 4_000_000
"""Pixels that pass through at once, about."""

AHEAD = 2
"""Strips that wait to be written, at most."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, kw_only=True)
class CogBand:
    """How one band of a GeoTIFF is described.

    Attributes:
        name: Band description: ``red``.
        units: Of the unpacked value.
        scale: Value of one stored step.
        offset: Value of a stored zero.
        tags: More about the band, as text.
    """

    name: str
    units: str = ""
    scale: float = 1.0
    offset: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict)


def write_cog(
    path: Place,
    geobox: GeoBox,
    bands: Sequence[CogBand],
    read: Callable[[str, tuple[slice, slice]], npt.NDArray[Any]],
    *,
    dtype: str,
    nodata: float,
    tags: Mapping[str, str],
    overview_resampling: str,
    colours: Mapping[int, tuple[int, int, int, int]] | None = None,
    statistics: bool = True,
) -> None:
    """Write a Cloud Optimized GeoTIFF with overviews, statistics and band descriptions.

    Memory stays bounded: pixels pass through in strips. The same pixels and tags give the same
    bytes.

    Args:
        path: The file to write.
        geobox: Its grid.
        bands: Its bands, in order.
        read: Gives the stored pixels of a band in a window ``(rows, columns)``; called in a thread
            of its own, one window after the other.
        dtype: Data type of the pixels.
        nodata: Pixel value that means "no observation".
        tags: About the whole file, as text.
        overview_resampling: ``average`` for quantities, ``mode`` or ``nearest`` for classes.
        colours: Colour of each class, red green blue alpha 0-255.
        statistics: Whether pixels are quantities, or numbers whose mean says nothing.

    Raises:
        StorageError: The disk is full, or refuses the file in another way.
    """
    with writing(path) as local:
        draft = local.with_name(f".{path.name}.draft.tif")
        try:
            with rasterio.Env(GDAL_CACHEMAX=64 * 2**20):
                with rasterio.open(
                    draft, "w", **_draft_profile(geobox, len(bands), dtype, nodata)
                ) as file:
                    file.update_tags(**tags)
                    _write_bands(
                        file, bands, read, dtype=dtype, nodata=nodata, statistics=statistics
                    )
                    if colours:
                        file.write_colormap(1, dict(colours))
                        file.colorinterp = (ColorInterp.palette,)
                _build_overviews(draft, overview_resampling)
                rasterio.shutil.copy(
                    draft, local, **cog_profile(overview_resampling, classes=bool(colours))
                )
        except (RasterioError, CPLE_BaseError) as error:
            free = shutil.disk_usage(local.parent).free
            raise StorageError(
                f"{path} cannot be written; its disk has {free / 1e6:,.1f} MB free.",
                "Free some space, or set EO_ASSETS_OUTPUTS to another folder.",
            ) from error
        finally:
            draft.unlink(missing_ok=True)


def _draft_profile(geobox: GeoBox, count: int, dtype: str, nodata: float) -> dict[str, Any]:
    return {
        "driver": "GTiff",
        "dtype": dtype,
        "nodata": nodata,
        "count": count,
        "height": geobox.shape[0],
        "width": geobox.shape[1],
        "crs": str(geobox.crs),
        "transform": geobox.transform,
        "tiled": True,
        "blockxsize": TILE,
        "blockysize": TILE,
        "interleave": "band",
        "BIGTIFF": "IF_SAFER",
    }


def cog_profile(overview_resampling: str, *, classes: bool) -> dict[str, str]:
    """Give the creation options of every Cloud Optimized GeoTIFF the project makes."""
    return {
        "driver": "COG",
        "blocksize": str(TILE),
        # as small as DEFLATE at its default level in two thirds of the time
        "compress": "ZSTD",
        "level": "1",
        "predictor": "NO" if classes else "YES",
        "overview_resampling": overview_resampling.upper(),
        "num_threads": "ALL_CPUS",
    }


def _build_overviews(draft: Path, resampling: str) -> None:
    """Halve until a block holds everything, as the COG driver does.

    It takes overviews that are there, and would else write its own compressed, read them again
    and compress them again.
    """
    with rasterio.open(draft, "r+") as file:
        edge = max(file.shape)
        factors: list[int] = []
        while edge > TILE << len(factors):
            factors.append(2 << len(factors))
        if factors:
            file.build_overviews(factors, Resampling[resampling])


def _write_bands(
    file: rasterio.io.DatasetWriter,
    bands: Sequence[CogBand],
    read: Callable[[str, tuple[slice, slice]], npt.NDArray[Any]],
    *,
    dtype: str,
    nodata: float,
    statistics: bool,
) -> None:
    """Write all bands strip by strip, the next ones read while one is written."""

    def prepare(job: tuple[int, slice]) -> tuple[npt.NDArray[Any], _Moments | None]:
        number, rows = job
        pixels = read(bands[number].name, (rows, slice(0, file.width)))
        moments = _Moments.of(pixels, nodata) if statistics else None
        return pixels.astype(dtype, copy=False), moments

    strips = list(_strips(file.shape))
    jobs = [(number, rows) for number in range(len(bands)) for rows in strips]
    totals = [_Moments() for _ in bands]
    # one reader: what reads need not be safe to call from several threads
    with ThreadPoolExecutor(1) as reader:
        prepared = _ahead(reader, prepare, jobs, AHEAD)
        for (number, rows), (pixels, moments) in zip(jobs, prepared, strict=True):
            window = Window.from_slices(rows, slice(0, file.width))
            file.write(pixels, number + 1, window=window)
            if moments:
                totals[number] += moments
    for number, (band, total) in enumerate(zip(bands, totals, strict=True), start=1):
        file.set_band_description(number, band.name)
        file.set_band_unit(number, band.units)
        file.update_tags(number, **band.tags, **total.tags())
    file.scales = [band.scale for band in bands]
    file.offsets = [band.offset for band in bands]


def _ahead(
    pool: Executor, function: Callable[[T], R], arguments: Iterable[T], most: int
) -> Iterator[R]:
    """Map in order, with no more results than ``most`` waiting: what they hold stays bounded."""
    waiting: deque[Future[R]] = deque()
    for argument in arguments:
        waiting.append(pool.submit(function, argument))
        if len(waiting) > most:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _strips(shape: tuple[int, int]) -> Iterator[slice]:
    height = max(STRIP_PX // shape[1] // TILE, 1) * TILE
    for start in range(0, shape[0], height):
        yield slice(start, min(start + height, shape[0]))


@dataclass
class _Moments:
    """Statistics of a band as GDAL names them, from sums of whole numbers: exact."""

    n: int = 0
    total: int = 0
    squares: int = 0
    low: int = 0
    high: int = 0

    @classmethod
    def of(cls, pixels: npt.NDArray[Any], nodata: float) -> Self:
        """Sum up pixels of 16 bits or fewer, ``(y, x)``."""
        found = cls()
        # sums of squares of so many numbers of 16 bits are whole numbers that a float64 holds
        rows = max(2**21 // pixels.shape[1], 1)
        for start in range(0, pixels.shape[0], rows):
            found += cls._of_few(pixels[start : start + rows], nodata)
        return found

    @classmethod
    def _of_few(cls, pixels: npt.NDArray[Any], nodata: float) -> Self:
        valid = (pixels != nodata).view(np.uint8)
        n = cv2.countNonZero(valid)
        if not n:
            return cls()
        low, high, _, _ = cv2.minMaxLoc(pixels, valid)
        values = pixels.astype(np.float64)
        values *= valid
        # not by BLAS, whose threads would wait for one another
        squares = np.einsum("ij,ij", values, values)
        return cls(n, int(values.sum()), int(squares), int(low), int(high))

    def __add__(self, other: Self) -> Self:
        if not self.n or not other.n:
            return self if self.n else other
        return type(self)(
            self.n + other.n,
            self.total + other.total,
            self.squares + other.squares,
            min(self.low, other.low),
            max(self.high, other.high),
        )

    def tags(self) -> dict[str, str]:
        if not self.n:
            return {}
        mean = self.total / self.n
        variance = max(self.squares / self.n - mean * mean, 0.0)
        return {
            "STATISTICS_MINIMUM": str(self.low),
            "STATISTICS_MAXIMUM": str(self.high),
            "STATISTICS_MEAN": f"{mean:.6f}",
            "STATISTICS_STDDEV": f"{variance**0.5:.6f}",
            "STATISTICS_VALID_COUNT": str(self.n),
        }
