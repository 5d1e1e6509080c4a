"""Cloud Optimized GeoTIFFs: how products leave the house."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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

STRIP_PX = 8_000_000
"""Pixels that pass through at once, about."""


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
        read: Gives the stored pixels of a band in a window ``(rows, columns)``.
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
            with rasterio.Env(GDAL_CACHEMAX=128 * 2**20):
                with rasterio.open(
                    draft, "w", **_draft_profile(geobox, len(bands), dtype, nodata)
                ) as file:
                    file.update_tags(**tags)
                    for number, band in enumerate(bands, start=1):
                        moments = _write_band(file, number, band, read, dtype=dtype, nodata=nodata)
                        known = moments.tags() if statistics else {}
                        file.update_tags(number, **band.tags, **known)
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


def _write_band(
    file: rasterio.io.DatasetWriter,
    number: int,
    band: CogBand,
    read: Callable[[str, tuple[slice, slice]], npt.NDArray[Any]],
    *,
    dtype: str,
    nodata: float,
) -> _Moments:
    moments = _Moments()
    for rows in _strips(file.shape):
        window = (rows, slice(0, file.width))
        pixels = read(band.name, window)
        moments.add(pixels[pixels != nodata])
        file.write(pixels.astype(dtype, copy=False), number, window=Window.from_slices(*window))
    file.set_band_description(number, band.name)
    file.set_band_unit(number, band.units)
    file.scales = _replaced(file.scales, number, band.scale)
    file.offsets = _replaced(file.offsets, number, band.offset)
    return moments


def _replaced(values: Sequence[float], number: int, value: float) -> tuple[float, ...]:
    return (*values[: number - 1], value, *values[number:])


def _strips(shape: tuple[int, int]) -> Iterator[slice]:
    height = max(STRIP_PX // shape[1] // TILE, 1) * TILE
    for start in range(0, shape[0], height):
        yield slice(start, min(start + height, shape[0]))


class _Moments:
    """Statistics of a band as GDAL names them, from sums of whole numbers: exact."""

    def __init__(self) -> None:
        self.n, self.total, self.squares = 0, 0, 0
        self.low, self.high = 0, 0

    def add(self, pixels: npt.NDArray[Any]) -> None:
        if not pixels.size:
            return
        # the square of 16 bits fits into 32
        whole: npt.NDArray[Any] = pixels.astype(
            np.uint32 if pixels.dtype in (np.uint8, np.uint16) else np.int64
        )
        low, high = int(pixels.min()), int(pixels.max())
        self.low = low if not self.n else min(self.low, low)
        self.high = high if not self.n else max(self.high, high)
        self.n += whole.size
        self.total += int(whole.sum(dtype=np.int64))
        self.squares += int((whole * whole).sum(dtype=np.int64))

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
