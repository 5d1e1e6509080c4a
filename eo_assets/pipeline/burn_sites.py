"""The protected sites of a region, as both assets about burnt areas see them."""

from __future__ import annotations

from pathlib import Path

import geopandas
from odc.geo.crs import CRS

from eo_assets.catalog.regions import Region
from eo_assets.cube.grid import project_outline, region_crs
from eo_assets.parcels.checking import checked_parcels
from eo_assets.storage.vectors import read_polygons


def read_sites(file: Path, region: Region) -> geopandas.GeoDataFrame:
    """Read the protected sites of a region.

    Args:
        file: Their file.
        region: The region.

    Returns:
        Those that lie in the region, in its grid's CRS, ordered by ``id``.

    Raises:
        ConfigurationError: They cannot be used.
    """
    crs = region_crs(region)
    return checked_parcels(
        read_polygons(file),
        origin=str(file),
        region=project_outline(region.geometry, CRS(crs)).geom,
        crs=str(crs),
        what="site",
    )
