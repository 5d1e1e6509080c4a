"""Where a graph starts: scenes, or a stored product.

``LoadSearch`` and ``LoadProduct`` name things; ``LoadScenes`` and ``LoadStored`` are what they
become once resolved, and hold addresses. A graph from outside may only name things
(``VirtualCube.names_only``).
"""

from __future__ import annotations

import datetime as dt
import json
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from eo_assets.catalog.collections import get_collection
from eo_assets.cube.graph.model import BandName, GraphNode, ProductId
from eo_assets.cube.items import OPERATORS
from eo_assets.cube.scene import Scene, with_quality_as_band
from eo_assets.cube.whereabouts import Whereabouts

MAX_SCENES = 2000
MAX_DAYS = 3700


class LoadScenes(GraphNode):
    """The scenes to compute from: a stored snapshot.

    Attributes:
        collection: STAC collection id.
        bands: Names of the bands; the quality band's name gives its classes as a band.
        scenes: The scenes, in any order: no result depends on it. They have all the bands that
            are not optional in the collection.
    """

    op: Literal["load_scenes"] = "load_scenes"
    collection: str
    bands: tuple[str, ...] = Field(min_length=1, max_length=32)
    scenes: tuple[Scene, ...] = Field(max_length=MAX_SCENES)

    @model_validator(mode="after")
    def _scenes_have_the_bands(self) -> LoadScenes:
        needed = required_bands(self.collection, self.bands)
        for scene in self.scenes:
            missing = [name for name in needed if name not in scene.bands]
            if missing:
                message = f"scene {scene.id} has no band {', '.join(missing)}"
                raise ValueError(message)
        return self

    @cached_property
    def readable(self) -> tuple[Scene, ...]:
        """The scenes, with the quality band among their bands where it is asked for."""
        quality = get_collection(self.collection).quality
        if quality is None or quality.name not in self.bands:
            return self.scenes
        return tuple(with_quality_as_band(scene, quality) for scene in self.scenes)

    @cached_property
    def whereabouts(self) -> Whereabouts:
        """Where the scenes lie, to be asked many times."""
        return Whereabouts(self.scenes)


def required_bands(collection_id: str, bands: tuple[str, ...]) -> list[str]:
    """Give the bands every scene of a collection has to have; the quality band is no band of it."""
    collection = get_collection(collection_id)
    quality = collection.quality.name if collection.quality else None
    return [name for name in bands if name != quality and not collection.band(name).optional]


class LoadSearch(GraphNode):
    """Scenes described, to be searched for once: ``resolved`` puts ``LoadScenes`` in its place.

    Attributes:
        collection: STAC collection id.
        bands: Names of the bands.
        outline: GeoJSON Polygon or MultiPolygon, longitude and latitude, that scenes have to touch.
        first: First local solar day.
        last: Last local solar day.
        filters: Conditions on item properties, see ``eo_assets.cube.items.not_wanted``.
        max_cloud_cover_pct: Scenes that state more cloud are left out, per cent.
        max_scenes: More scenes than this are an error, never cut off in silence.
    """

    op: Literal["load_search"] = "load_search"
    collection: str
    bands: tuple[str, ...] = Field(min_length=1, max_length=32)
    outline: dict[str, Any]
    first: dt.date
    last: dt.date
    filters: dict[str, Any] = Field(default={}, max_length=16)
    max_cloud_cover_pct: float = Field(default=100.0, ge=0, le=100)
    max_scenes: int = Field(default=200, ge=1, le=MAX_SCENES)

    @model_validator(mode="after")
    def _is_sensible(self) -> LoadSearch:
        required_bands(self.collection, self.bands)
        if not 0 <= (self.last - self.first).days <= MAX_DAYS:
            message = f"{self.first} to {self.last} is not a period of 1 to {MAX_DAYS} days"
            raise ValueError(message)
        return self

    @field_validator("outline")
    @classmethod
    def _is_an_outline(cls, outline: dict[str, Any]) -> dict[str, Any]:
        return checked_outline(outline)

    @field_validator("filters")
    @classmethod
    def _are_conditions(cls, filters: dict[str, Any]) -> dict[str, Any]:
        for name, wanted in filters.items():
            unknown = set(wanted) - set(OPERATORS) if isinstance(wanted, dict) else set()
            if unknown:
                message = f"filter {name}: {sorted(unknown)} is none of {sorted(OPERATORS)}"
                raise ValueError(message)
        return filters


class LoadProduct(GraphNode):
    """A stored product by its id; ``resolved`` puts ``LoadStored`` in its place.

    Attributes:
        product: Id: ``bucegi/sentinel-2-l2a/2023-07-15/geotiff``.
        bands: Names of the bands; those of the product where it says none.
    """

    op: Literal["load_product"] = "load_product"
    product: ProductId
    bands: tuple[BandName, ...] = Field(min_length=1, max_length=32)


class LoadStored(GraphNode):
    """A stored product that was found.

    Attributes:
        product: Its id.
        bands: Names of the bands to read.
        scene: Its files.
    """

    op: Literal["load_stored"] = "load_stored"
    product: ProductId
    bands: tuple[BandName, ...] = Field(min_length=1, max_length=32)
    scene: Scene

    @model_validator(mode="after")
    def _has_the_bands(self) -> LoadStored:
        missing = [name for name in self.bands if name not in self.scene.bands]
        if missing:
            message = (
                f"product {self.product} has no band {', '.join(missing)}; "
                f"it has {', '.join(self.scene.bands)}"
            )
            raise ValueError(message)
        return self


MAX_VERTICES = 20_000


def checked_outline(outline: dict[str, Any]) -> dict[str, Any]:
    """Check that something is a GeoJSON Polygon or MultiPolygon in longitude and latitude.

    Returns:
        Its type and coordinates, as JSON has them.

    Raises:
        ValueError: It is not, or has more than ``MAX_VERTICES`` vertices.
    """
    kind, coordinates = outline.get("type"), outline.get("coordinates")
    depth = {"Polygon": 1, "MultiPolygon": 2}.get(str(kind))
    if depth is None or not isinstance(coordinates, list | tuple):
        message = f"an outline is a GeoJSON Polygon or MultiPolygon, not {kind!r}"
        raise ValueError(message)
    rings = coordinates if depth == 1 else [ring for polygon in coordinates for ring in polygon]
    n = 0
    for ring in rings:
        n += len(ring)
        if n > MAX_VERTICES or len(ring) < 4:
            message = f"a ring of an outline has 4 to {MAX_VERTICES} vertices"
            raise ValueError(message)
        for vertex in ring:
            lon, lat = vertex[0], vertex[1]
            if not (-180 <= float(lon) <= 180 and -90 <= float(lat) <= 90):
                message = f"{vertex} is not longitude and latitude"
                raise ValueError(message)
    return {"type": kind, "coordinates": json.loads(json.dumps(coordinates))}
