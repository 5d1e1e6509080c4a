"""Vector files: lines, and tables with a geometry."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import geopandas
import numpy as np
from shapely.geometry.base import BaseGeometry

from eo_assets.errors import ConfigurationError
from eo_assets.places import Place, writing

GEOPARQUET_TYPE = "application/vnd.apache.parquet"


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
    """Find the parcels of a region.

    Args:
        folder: Folder with one file a region.
        region: Region id.

    Returns:
        ``<region>.parquet``, ``.geojson`` or ``.json``.

    Raises:
        ConfigurationError: There is none of these.
    """
    for suffix in (".parquet", ".geojson", ".json"):
        if (path := folder / f"{region}{suffix}").is_file():
            return path
    raise ConfigurationError(
        f"There are no parcels of region {region!r} in {folder}.",
        f"Put them there as {region}.parquet (GeoParquet) or {region}.geojson, or set "
        "EO_ASSETS_PARCELS to the folder they are in.",
    )


def read_parcels(path: Path) -> geopandas.GeoDataFrame:
    """Read a file of parcels as it is: GeoParquet or GeoJSON.

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
            f"{path} cannot be read as parcels: {error}.",
            "Write it as GeoParquet or GeoJSON with one polygon a row.",
        ) from error
