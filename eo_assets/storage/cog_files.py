"""Cloud Optimized GeoTIFFs of other people's files: made with the options of our own, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError  # what closing a file raises, as it is
from rasterio.enums import ColorInterp
from rasterio.errors import RasterioError
from rio_cogeo.cogeo import cog_validate

from eo_assets.errors import ConfigurationError, StorageError
from eo_assets.storage.cog import cog_profile

OVERVIEW_RESAMPLINGS = ("average", "mode", "nearest", "bilinear", "cubic")


def convert_to_cog(
    source: Path, target: Path, *, overview_resampling: str = "average", overwrite: bool = False
) -> None:
    """Make a Cloud Optimized GeoTIFF of any raster file, with the options of the project's own.

    Band descriptions, scale, nodata, colours and tags stay; pixels are not changed. The target
    appears when it is complete.

    Args:
        source: A file GDAL reads.
        target: The file to write.
        overview_resampling: One of ``OVERVIEW_RESAMPLINGS``; files with a colour table get
            ``mode`` where ``average`` was asked for, because classes have no mean.
        overwrite: Whether a file that is there is replaced.

    Raises:
        ConfigurationError: The source is no raster file, the target exists, or the resampling is
            unknown.
        StorageError: The target cannot be written.
    """
    if overview_resampling not in OVERVIEW_RESAMPLINGS:
        raise ConfigurationError(
            f"Overviews cannot be made by {overview_resampling!r}.",
            f"Use one of: {', '.join(OVERVIEW_RESAMPLINGS)}.",
        )
    if target.exists() and not overwrite:
        raise ConfigurationError(f"{target} exists.", "Choose another name, or say --overwrite.")
    try:
        with rasterio.open(source) as file:
            classes = file.colorinterp[0] is ColorInterp.palette
    except RasterioError as error:
        raise ConfigurationError(
            f"{source} cannot be opened as a raster file: {error}.", "Check the path."
        ) from error
    resampling = "mode" if classes and overview_resampling == "average" else overview_resampling
    draft = target.with_name(f".{target.name}.draft.tif")
    try:
        with rasterio.Env(GDAL_CACHEMAX=128 * 2**20):
            rasterio.shutil.copy(source, draft, **cog_profile(resampling, classes=classes))
        draft.replace(target)
    except (OSError, RasterioError, CPLE_BaseError) as error:
        raise StorageError(
            f"{target} cannot be written: {error}.", "Check the source, the folder and its space."
        ) from error
    finally:
        draft.unlink(missing_ok=True)


@dataclass(frozen=True)
class CogCheck:
    """What was found about a file.

    Attributes:
        faults: Why it is no valid Cloud Optimized GeoTIFF; none for one that is.
        warnings: What makes it slower than it could be.
    """

    faults: tuple[str, ...]
    warnings: tuple[str, ...]


def check_cog(path: Path) -> CogCheck:
    """Check that a file is a Cloud Optimized GeoTIFF; see rio-cogeo's ``cog_validate``.

    Raises:
        ConfigurationError: It is no raster file.
    """
    try:
        _, faults, warnings = cog_validate(str(path), quiet=True)
    except RasterioError as error:
        raise ConfigurationError(
            f"{path} cannot be opened as a raster file: {error}.", "Check the path."
        ) from error
    return CogCheck(faults=tuple(faults), warnings=tuple(warnings))
