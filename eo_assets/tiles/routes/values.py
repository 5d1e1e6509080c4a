"""Numbers: values at points, statistics and series over outlines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from eo_assets.cube.graph.model import BandName
from eo_assets.errors import ConfigurationError, EoAssetsError
from eo_assets.tiles.limits import outline_of
from eo_assets.tiles.problems import RESPONSES
from eo_assets.tiles.service import ServiceOf
from eo_assets.tiles.values import (
    Observed,
    OutlineStatistics,
    outline_statistics,
    point_values,
    series,
)

router = APIRouter(prefix="/layers/{layer_id}", tags=["Values"], responses=RESPONSES)

NDJSON = "application/x-ndjson"
_RING = [[25.44, 45.39], [25.46, 45.39], [25.46, 45.41], [25.44, 45.41], [25.44, 45.39]]
_SQUARE: Any = {"type": "Polygon", "coordinates": [_RING]}


class Place(BaseModel):
    """Where, and of which bands."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"geometry": _SQUARE}]}
    )

    geometry: dict[str, Any] = Field(
        description="GeoJSON geometry or Feature, longitude and latitude; series take Points too."
    )
    bands: tuple[BandName, ...] | None = Field(
        default=None, min_length=1, max_length=16, description="Those shown when not given."
    )


class PointValues(BaseModel):
    """Values at a point; null where nothing was observed."""

    lon: float
    lat: float
    values: dict[str, float | None]


class TimeSeries(BaseModel):
    """Statistics of each local solar day."""

    layer: str
    bands: tuple[str, ...]
    series: list[Observed]


@router.get("/point", summary="Values at a point")
def point(
    layer_id: str,
    lon: Annotated[float, Query(ge=-180, le=180, allow_inf_nan=False, examples=[25.45])],
    lat: Annotated[float, Query(ge=-89, le=89, allow_inf_nan=False, examples=[45.4])],
    service: ServiceOf,
) -> PointValues:
    """Give the values of the pixel a point lies in, at full resolution."""
    values = point_values(service.registry.get(layer_id), lon, lat)
    return PointValues(lon=lon, lat=lat, values=values)


@router.post("/statistics", summary="Statistics over an outline")
def statistics(layer_id: str, place: Place, service: ServiceOf) -> OutlineStatistics:
    """Describe the layer inside an outline; large ones are looked at in coarser pixels."""
    layer = service.registry.get(layer_id)
    return outline_statistics(layer, outline_of(place.geometry), place.bands)


@router.post(
    "/timeseries",
    summary="A series over a point or outline",
    response_model=TimeSeries,
    responses={200: {"content": {NDJSON: {}}, "description": "All days, or a line a day and band"}},
)
def timeseries(
    layer_id: str,
    place: Place,
    service: ServiceOf,
    accept: Annotated[str, Header()] = "application/json",
) -> Any:
    """Describe each day of the layer's scenes inside an outline, or at a point.

    The computation is the layer's before it is reduced over time. With
    `Accept: application/x-ndjson` each day comes as soon as it is known; a day that cannot be
    computed ends the stream with a line `{"problem": ...}`.
    """
    layer = service.registry.get(layer_id)
    rows = series(layer, _geometry(place.geometry), place.bands)
    if NDJSON in accept:
        return StreamingResponse(_lines(rows), media_type=NDJSON)
    bands = place.bands or layer.rendering.bands
    return TimeSeries(layer=layer.id, bands=bands, series=list(rows))


def _lines(rows: Iterator[Observed]) -> Iterator[str]:
    try:
        for row in rows:
            yield row.model_dump_json() + "\n"
    except EoAssetsError as error:
        # the answer has begun; its status can no longer say so
        yield json.dumps({"problem": error.problem, "remedy": error.remedy}) + "\n"


def _geometry(geojson: dict[str, Any]) -> dict[str, Any]:
    found = geojson.get("geometry") if geojson.get("type") == "Feature" else geojson
    if not isinstance(found, dict) or found.get("type") != "Point":
        return outline_of(geojson)
    match found.get("coordinates"):
        case [int() | float() as lon, int() | float() as lat, *_] if (
            abs(lon) <= 180 and abs(lat) <= 89
        ):
            return {"type": "Point", "coordinates": [lon, lat]}
    raise ConfigurationError(
        "The Point has no longitude and latitude.", 'Such as "coordinates": [25.45, 45.4].'
    )
