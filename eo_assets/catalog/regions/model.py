"""One region: its outline and what it wants to differ from the defaults."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from shapely import MultiPolygon, get_coordinates, get_parts, make_valid
from shapely.affinity import translate
from shapely.errors import ShapelyError
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry
from shapely.validation import explain_validity

from eo_assets.catalog.collections import get_collection
from eo_assets.errors import ConfigurationError, RegionError

Scalar = str | float | bool
Comparison = Literal["eq", "neq", "lt", "lte", "gt", "gte", "in"]

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class Region(BaseModel):
    """A named area with the choices made for it. Unknown properties are refused.

    Attributes:
        id: Lower-case letters, digits, ``-`` and ``_``; part of the partition key.
        title: For people.
        geometry: GeoJSON Polygon or MultiPolygon, longitude and latitude (WGS 84).
        collection: STAC collection id.
        crs: CRS of the region's grid; the UTM zone of its centre when not given.
        resolution_m: Pixel size in metres; the collection's when not given.
        bands: Bands of the mosaic; the collection's default bands when not given.
        max_cloud_cover_pct: Scenes with more cloud are left out, per cent.
        filters: Conditions on the properties of scenes: a value to equal, or ``{"gte": 30}`` with
            ``eq``, ``neq``, ``lt``, ``lte``, ``gt``, ``gte`` or ``in``.
        composite: How several observations of a pixel become one: ``first``, ``median``,
            ``medoid``, ``geomedian`` or ``max_ndvi``.
        keep_snow: Whether snow and ice are usable pixels.
        clusters: Number of classes.
        fresh_within_days: Imagery older than that is a warning, days; twice the five days of two
            Sentinel-2 satellites leaves room for one cloudy pass.
        reference_date: Date whose classes all dates share; the first one classified when not
            given. With it, nothing depends on the order in which dates are processed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: str
    geometry: dict[str, Any]
    collection: str = "sentinel-2-l2a"
    crs: str | None = None
    resolution_m: float | None = Field(default=None, gt=0)
    bands: tuple[str, ...] | None = None
    max_cloud_cover_pct: float | None = Field(default=None, ge=0, le=100)
    filters: dict[str, Scalar | dict[Comparison, Scalar | list[Scalar]]] = {}
    composite: Literal["first", "median", "medoid", "geomedian", "max_ndvi"] | None = None
    keep_snow: bool = True
    clusters: int | None = Field(default=None, ge=2, le=64)
    fresh_within_days: int = Field(default=10, ge=1)
    reference_date: dt.date | None = None

    @field_validator("id")
    @classmethod
    def _id_is_plain(cls, value: str) -> str:
        if not _ID.fullmatch(value):
            message = "an id has lower-case letters, digits, '-' and '_' only, such as 'my-forest'"
            raise ValueError(message)
        return value

    @property
    def outline(self) -> BaseGeometry:
        """The outline as a shapely geometry, longitude and latitude (WGS 84)."""
        return shape(self.geometry)

    @property
    def crosses_antimeridian(self) -> bool:
        """Whether the outline is cut at the antimeridian, as RFC 7946 asks for."""
        west, _, east, _ = self.outline.bounds
        return bool(west == -180 and east == 180 and self.geometry["type"] == "MultiPolygon")

    @property
    def _in_one_piece(self) -> BaseGeometry:
        # east of the antimeridian continues beyond 180, so that centre and bounds make sense
        if not self.crosses_antimeridian:
            return self.outline
        parts = [
            translate(part, xoff=360) if part.bounds[2] <= 0 else part
            for part in get_parts(self.outline)
        ]
        return MultiPolygon(parts)

    @property
    def bbox_4326(self) -> tuple[float, float, float, float]:
        """Bounding box in STAC's order: west, south, east, north; degrees.

        West is greater than east where the region crosses the antimeridian.
        """
        west, south, east, north = self._in_one_piece.bounds
        return west, south, east if east <= 180 else east - 360, north

    @property
    def centre(self) -> tuple[float, float]:
        """Longitude and latitude of the centre, degrees."""
        centre = self._in_one_piece.centroid
        return (centre.x if centre.x <= 180 else centre.x - 360), centre.y

    def with_collection(self, collection: str | None) -> Region:
        """Give this region for another collection, whose resolution and bands then hold.

        Args:
            collection: STAC collection id, or None for no change.

        Returns:
            This region, or a changed copy.
        """
        if collection is None or collection == self.collection:
            return self
        changes = {"collection": collection, "bands": None, "resolution_m": None}
        return self.model_copy(update=changes)


def parse_region(feature: Any, *, name: str, default_id: str) -> Region:
    """Make a region of a GeoJSON Feature.

    Args:
        feature: A GeoJSON Feature as JSON object.
        name: What to call it in errors: its file.
        default_id: Its id when the Feature has none.

    Returns:
        The region, checked.

    Raises:
        RegionError: The Feature, its geometry or one of its properties is not valid.
    """
    if not isinstance(feature, Mapping) or feature.get("type") != "Feature":
        found = feature.get("type") if isinstance(feature, Mapping) else type(feature).__name__
        raise RegionError(
            f"Region {name} is a {found!r}; one GeoJSON Feature was expected.",
            "A FeatureCollection is to be split: one file a region.",
        )
    given = feature.get("properties") or {}
    if not isinstance(given, Mapping) or "geometry" in given:
        raise RegionError(
            f"Region {name} has properties that are not a region's: {given!r}.",
            f"The properties of a region are {', '.join(_PROPERTIES)}.",
        )
    properties = dict(given)
    properties.setdefault("id", feature.get("id") or default_id)
    properties["id"] = str(properties["id"])
    properties.setdefault("title", properties["id"])
    geometry = _checked_geometry(feature.get("geometry"), name)
    try:
        region = Region(geometry=geometry, **properties)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise RegionError(
            f"Region {name} is not valid: {faults}.",
            f"The properties of a region are {', '.join(_PROPERTIES)}.",
        ) from error
    try:
        collection = get_collection(region.collection)
        for band in region.bands or ():
            collection.band(band)
    except ConfigurationError as error:
        raise RegionError(f"Region {name}: {error.problem}", error.remedy) from error
    return region


def _checked_geometry(geometry: Any, name: str) -> dict[str, Any]:
    kind = geometry.get("type") if isinstance(geometry, Mapping) else geometry
    if kind not in ("Polygon", "MultiPolygon"):
        raise RegionError(
            f"Region {name} has the geometry {kind!r}; a Polygon or MultiPolygon was expected.",
            "Draw the area's outline.",
        )
    try:
        outline = shape(geometry)
    except (ValueError, TypeError, LookupError, AttributeError, ShapelyError) as error:
        raise RegionError(
            f"Region {name} has coordinates that are not a {kind}: {error}.",
            "A Polygon's coordinates are a list of rings of [longitude, latitude] pairs.",
        ) from error
    if outline.is_empty:
        raise RegionError(f"Region {name} has an empty geometry.", "Draw the area's outline.")
    west, south, east, north = outline.bounds
    if not np.isfinite(get_coordinates(outline)).all():
        raise RegionError(
            f"Region {name} has coordinates that are not numbers.", "Draw the outline again."
        )
    if south < -90 or north > 90 or west < -180 or east > 180:
        swapped = west >= -90 and east <= 90 and south >= -180 and north <= 180
        raise RegionError(
            f"Region {name} spans longitude {west:g} to {east:g} and latitude {south:g} to "
            f"{north:g}; latitudes lie between -90 and 90, longitudes between -180 and 180.",
            "Longitude and latitude are swapped: GeoJSON has longitude first."
            if swapped
            else "GeoJSON coordinates are degrees in WGS 84; reproject the outline.",
        )
    if east - west > 180 and not (west == -180 and east == 180):
        raise RegionError(
            f"Region {name} spans longitude {west:g} to {east:g}, more than half of the Earth.",
            "An outline that crosses the antimeridian is to be cut there, into a MultiPolygon of "
            "one part up to 180 and one from -180.",
        )
    if not outline.is_valid:
        repaired = make_valid(outline)
        raise RegionError(
            f"Region {name} has an invalid outline: {explain_validity(outline)}.",
            f"Mend the outline in a GIS; making it valid would give a {repaired.geom_type} of "
            f"{repaired.area / max(outline.convex_hull.area, 1e-12):.0%} of its convex hull.",
        )
    return json.loads(json.dumps(mapping(outline)))


_PROPERTIES = tuple(field for field in Region.model_fields if field != "geometry")
