"""Writing rasters as Cloud Optimized GeoTIFFs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import rasterio
from rasterio.io import MemoryFile
from rasterio.shutil import copy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from affine import Affine
    from numpy.typing import NDArray


def write_cog(
    path: Path,
    pixels: NDArray[np.generic],
    transform: Affine,
    *,
    epsg: int,
    nodata: float | None = 0,
    categorical: bool = False,
    overviews: bool = True,
    descriptions: Sequence[str] = (),
    colours: Mapping[int, tuple[int, int, int, int]] | None = None,
) -> None:
    """Write a tiled, DEFLATE-compressed GeoTIFF with its overviews in front.

    Args:
        path: File to write; its directory exists.
        pixels: Dims ``(y, x)`` or ``(band, y, x)``.
        transform: Affine transform of the pixels' corners.
        epsg: Coordinate reference system.
        nodata: Value that means "no observation", if there is one.
        categorical: Values are codes: overviews by nearest neighbour, no predictor.
        overviews: Whether to store reduced copies.
        descriptions: One description per band.
        colours: Colour (red, green, blue, alpha) of each code.
    """
    bands = pixels if pixels.ndim == 3 else pixels[None]
    count, height, width = bands.shape
    predictor = 3 if bands.dtype.kind == "f" else 2
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            dtype=bands.dtype.name,
            count=count,
            height=height,
            width=width,
            crs=f"EPSG:{epsg}",
            transform=transform,
            nodata=nodata,
        ) as raster:
            raster.write(bands)
            raster.descriptions = list(descriptions) or [None] * count
            if colours:
                raster.write_colormap(1, colours)
        with memory.open() as raster, rasterio.Env(GDAL_NUM_THREADS=1):
            copy(
                raster,
                str(path),
                driver="COG",
                compress="DEFLATE",
                level="3",
                predictor="NO" if categorical else str(predictor),
                blocksize="512",
                overviews="AUTO" if overviews else "NONE",
                overview_resampling="NEAREST" if categorical else "AVERAGE",
            )
