"""Areas on the globe: item footprints and search areas, safe at the antimeridian. EPSG:4326."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from stac_fastapi.types.errors import InvalidQueryParameter

WESTERN_WORLD = shapely.box(-180, -90, 180, 90)
EASTERN_COPY = shapely.box(180, -90, 540, 90)


def footprint_of(item: dict[str, Any]) -> BaseGeometry | None:
    """The footprint of an item, valid, longitudes within -180 to 180; None without a geometry.

    A polygon across the antimeridian that is not cut there (RFC 7946, section 3.1.9, asks for
    it; not every archive does it) is recognised by its bbox with west > east, and cut.

    Raises:
        ValueError: The geometry is not GeoJSON, or empty.
    """
    geometry = item.get("geometry")
    if geometry is None:
        return None
    try:
        footprint = shapely.from_geojson(json.dumps(geometry))
    except shapely.GEOSException as error:
        raise ValueError(f"its geometry is not GeoJSON: {error}") from error
    if footprint.is_empty:
        raise ValueError("its geometry is empty.")
    west, east = _west_east(item.get("bbox"))
    if west > east and footprint.geom_type == "Polygon":
        footprint = _cut_at_antimeridian(footprint)
    return footprint if footprint.is_valid else shapely.make_valid(footprint)


def area_of_bbox(bbox: Sequence[float]) -> BaseGeometry:
    """The area of a STAC bbox, in two parts if west > east; heights are not looked at.

    A bbox without width or height is a line or a point.
    """
    west, east = _west_east(bbox)
    south, north = bbox[1], bbox[len(bbox) // 2 + 1]
    spans = [(west, east)] if west <= east else [(west, 180.0), (-180.0, east)]
    parts = [shapely.MultiPoint([(w, south), (e, north)]).envelope for w, e in spans]
    return parts[0] if len(parts) == 1 else shapely.union_all(parts)


def area_of_geojson(geometry: dict[str, Any]) -> BaseGeometry:
    """The area of a GeoJSON geometry given to ``intersects``.

    Raises:
        InvalidQueryParameter: It is not a geometry, is empty, crosses itself, or leaves the globe.
    """
    try:
        area = shapely.from_geojson(json.dumps(geometry))
    except shapely.GEOSException as error:
        message = f"intersects: not a GeoJSON geometry: {error}"
        raise InvalidQueryParameter(message) from error
    if area.is_empty or not area.is_valid:
        reason = "it is empty" if area.is_empty else shapely.is_valid_reason(area)
        message = f"intersects: the geometry is not valid: {reason}."
        raise InvalidQueryParameter(message)
    west, south, east, north = area.bounds
    if west < -180 or east > 180 or south < -90 or north > 90:
        message = "intersects: the geometry must be within (-180, -90, 180, 90); cut it there."
        raise InvalidQueryParameter(message)
    return area


def _west_east(bbox: Sequence[float] | None) -> tuple[float, float]:
    return (bbox[0], bbox[len(bbox) // 2]) if bbox else (-180.0, 180.0)


def _cut_at_antimeridian(footprint: BaseGeometry) -> BaseGeometry:
    unrolled = shapely.transform(footprint, _to_0_360)
    beyond = shapely.intersection(unrolled, EASTERN_COPY)
    return shapely.union(
        shapely.intersection(unrolled, WESTERN_WORLD),
        shapely.transform(beyond, lambda xy: xy - np.array([360.0, 0.0])),
    )


def _to_0_360(xy: np.ndarray) -> np.ndarray:
    return np.column_stack([np.where(xy[:, 0] < 0, xy[:, 0] + 360, xy[:, 0]), xy[:, 1]])
