"""Vector files: lines, and tables with a geometry."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import geopandas
import numpy as np
from shapely.geometry.base import BaseGeometry

from eo_assets.errors import ConfigurationError
from eo_assets.places import Place, writing


def write_contours(path: Place, lines: Iterable[tuple[float, BaseGeometry]], *, crs: str) -> int:
    """Write contours as GeoParquet: ``elevation_m`` (float32) and the line.

    Args:
        path: The file to write.
        lines: Height and line, in ``crs``.
        crs: ``EPSG:32635``.

    Returns:
        Number of lines.
    """
    pairs = list(lines)
    frame = geopandas.GeoDataFrame(
        {"elevation_m": np.array([level for level, _ in pairs], np.float32)},
        geometry=[line for _, line in pairs],
        crs=crs,
    )
    with writing(path) as local:
        frame.to_parquet(local, compression="zstd", index=False)
    return len(frame)


def parcels_file(folder: Path, region: str) -> Path:
    """Find the parcels of a region; see ``_polygons_file``."""
    return _polygons_file(folder, region, what="parcels", setting="EO_ASSETS_PARCELS")


def sites_file(folder: Path, region: str) -> Path:
    """Find the protected sites of a region; see ``_polygons_file``."""
    return _polygons_file(folder, region, what="protected sites", setting="EO_ASSETS_SITES")


def _polygons_file(folder: Path, region: str, *, what: str, setting: str) -> Path:
    """Find the polygons of a region.

    Args:
        folder: Folder with one file a region.
        region: Region id.
        what: What they are, for errors.
        setting: Environment variable that names the folder, for errors.

    Returns:
        ``<region>.parquet``, ``.geojson`` or ``.json``.

    Raises:
        ConfigurationError: There is none of these.
    """
    for suffix in (".parquet", ".geojson", ".json"):
        if (path := folder / f"{region}{suffix}").is_file():
            return path
    raise ConfigurationError(
        f"There are no {what} of region {region!r} in {folder}.",
        f"Put them there as {region}.parquet (GeoParquet) or {region}.geojson, or set "
        f"{setting} to the folder they are in.",
    )


def read_polygons(path: Path) -> geopandas.GeoDataFrame:
    """Read a file of polygons as it is: GeoParquet or GeoJSON.

    Args:
        path: The file.

    Returns:
        All columns; GeoJSON in longitude and latitude unless it says otherwise.

    Raises:
        ConfigurationError: It is neither.
    """
    try:
        if path.suffix == ".parquet":
            return geopandas.read_parquet(path)
        return geopandas.read_file(path)
    except (ValueError, OSError, RuntimeError) as error:
        raise ConfigurationError(
            f"{path} cannot be read as polygons: {error}.",
            "Write it as GeoParquet or GeoJSON with one polygon a row.",
        ) from error
