"""Parcels as they are given: what must be right before anything is computed from them."""

from __future__ import annotations

from typing import NoReturn

import geopandas
import numpy as np
import shapely

from eo_assets.errors import ConfigurationError

ID, AREA_HA = "id", "area_ha"
_FIBOA = "https://fiboa.org"


def checked_parcels(
    parcels: geopandas.GeoDataFrame,
    *,
    origin: str,
    region: shapely.Geometry,
    crs: str,
    what: str = "parcel",
) -> geopandas.GeoDataFrame:
    """Check parcels, or other polygons with an id, and bring them onto a region's CRS.

    Args:
        parcels: As read; one row a parcel, in the shape of fiboa: ``id``, polygon, any other
            columns, which are kept.
        origin: Where they are from, for errors.
        region: Outline of the region in ``crs``.
        crs: CRS of the region's grid.
        what: What one of them is, for errors.

    Returns:
        Polygons in ``crs``, ordered by id (text); ``area_ha`` is added, and parcels that lie wholly
        outside of the region are left out.

    Raises:
        ConfigurationError: There is no CRS, id or polygon; ids repeat; axes are swapped; no parcel
            lies in the region.
    """
    if parcels.crs is None:
        raise ConfigurationError(
            f"{origin} does not state its CRS.",
            "Write the file with its CRS: GeoJSON is longitude and latitude (WGS 84), GeoParquet "
            "carries it.",
        )
    if ID not in parcels.columns or parcels[ID].isna().any() or parcels[ID].duplicated().any():
        raise ConfigurationError(
            f"{origin} has no column {ID!r} with one value of its own for each {what}.",
            f"Name the identifying column {ID!r}, as fiboa ({_FIBOA}) does.",
        )
    kinds = set(parcels.geometry.geom_type.dropna())
    if parcels.geometry.isna().any() or not kinds <= {"Polygon", "MultiPolygon"}:
        raise ConfigurationError(
            f"{origin} has geometries other than polygons: {', '.join(sorted(kinds))} or none.",
            "Leave out what has no outline.",
        )
    known = parcels.assign(**{ID: parcels[ID].astype(str)}).to_crs(crs)
    known.geometry = shapely.make_valid(known.geometry.array, method="structure")
    inside = known.geometry.intersects(region).to_numpy()
    if not inside.any():
        _refuse(parcels, origin=origin, region=region, crs=crs, what=what)
    chosen = known[inside].sort_values(ID, ignore_index=True)
    return chosen.assign(**{AREA_HA: np.round(chosen.area / 10_000, 4)})


def _refuse(
    parcels: geopandas.GeoDataFrame,
    *,
    origin: str,
    region: shapely.Geometry,
    crs: str,
    what: str,
) -> NoReturn:
    """Tell why none of them lies in the region.

    Raises:
        ConfigurationError: Always.
    """
    swapped = parcels.set_geometry(
        shapely.transform(parcels.geometry.array, lambda xy: xy[:, ::-1]), crs=parcels.crs
    ).to_crs(crs)
    if swapped.geometry.intersects(region).any():
        raise ConfigurationError(
            f"{origin} lies in the region only with its axes swapped.",
            "Write the easting or longitude first, then the northing or latitude.",
        )
    west, south, east, north = (f"{edge:g}" for edge in parcels.total_bounds)
    raise ConfigurationError(
        f"No {what} of {origin} lies in the region; the file spans {west} {south} {east} {north} "
        f"in {parcels.crs.to_string()}.",
        "Check the CRS the file states, and that the file is named like its region.",
    )
