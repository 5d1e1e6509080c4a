"""Making layers, and saying what they are."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from eo_assets.tiles.asking import LayerRequest
from eo_assets.tiles.class_colours import class_colours_of
from eo_assets.tiles.finding import find_layer
from eo_assets.tiles.layer import Layer
from eo_assets.tiles.legend import Legend, legend_of
from eo_assets.tiles.links import Links, LinksOf
from eo_assets.tiles.problems import RESPONSES
from eo_assets.tiles.service import ServiceOf

router = APIRouter(prefix="/layers", tags=["Layers"], responses=RESPONSES)


class LayerEntry(BaseModel):
    """A layer."""

    id: str
    title: str
    bounds: tuple[float, float, float, float] = Field(description="West, south, east, north.")
    minzoom: int
    maxzoom: int
    bands: tuple[str, ...] = Field(description="All bands that can be asked for.")
    shown: tuple[str, ...] = Field(description="Those shown unless asked otherwise.")
    stretch: tuple[tuple[float, float], ...]
    colormap: str | None
    gamma: float
    region: str
    dates: tuple[dt.date, ...] = Field(description="Local solar days of its scenes.")
    scenes: int
    request: dict[str, Any] = Field(description="As it was asked for.")
    links: dict[str, str]


class LayerEntries(BaseModel):
    """Layers, those looked at last first."""

    layers: list[LayerEntry]


@router.post("", status_code=201, summary="Make a layer")
def make_layer(
    request: LayerRequest, response: Response, service: ServiceOf, links: LinksOf
) -> LayerEntry:
    """Search once, and give an id and links.

    The same computation over the same scenes has the same id, whoever asks. Either a `graph`, or a
    stored `product`, or a place (`region`, `bbox` or `outline`) with `first` and `last`.
    """
    layer = find_layer(request, service.settings, service.regions)
    service.registry.add(layer)
    entry = described(layer, links)
    response.headers["Location"] = links.to(f"/layers/{layer.id}", signed=False)
    return entry


@router.get("", summary="Layers made so far")
def list_layers(
    service: ServiceOf,
    links: LinksOf,
    limit: Annotated[int, Query(ge=1, le=100, description="Most layers to list.")] = 20,
) -> LayerEntries:
    """List the layers looked at last."""
    layers = service.registry.newest(limit)
    return LayerEntries(layers=[described(layer, links) for layer in layers])


@router.get("/{layer_id}", summary="What a layer is")
def get_layer(layer_id: str, service: ServiceOf, links: LinksOf) -> LayerEntry:
    """Describe a layer."""
    return described(service.registry.get(layer_id), links)


@router.get("/{layer_id}/tilejson.json", summary="TileJSON for map clients")
def tilejson(layer_id: str, service: ServiceOf, links: LinksOf) -> dict[str, Any]:
    """Describe the tiles as TileJSON 3.0; where a token is set, their address is signed."""
    layer = service.registry.get(layer_id)
    west, south, east, north = layer.bounds
    middle = [(west + east) / 2, (south + north) / 2, min(layer.minzoom + 2, layer.maxzoom)]
    return {
        "tilejson": "3.0.0",
        "name": layer.title,
        "tiles": [links.to(f"/layers/{layer.id}/tiles/{{z}}/{{x}}/{{y}}.png")],
        "bounds": list(layer.bounds),
        "center": middle,
        "minzoom": layer.minzoom,
        "maxzoom": layer.maxzoom,
    }


@router.get("/{layer_id}/legend", summary="Colours and what they mean")
def legend(layer_id: str, service: ServiceOf) -> Legend:
    """Give the stops of the colour map or the classes, or the bands shown in red, green, blue."""
    layer = service.registry.get(layer_id)
    return legend_of(layer.rendering, class_colours_of(layer.cube))


@router.get("/{layer_id}/items", summary="Footprints of the scenes")
def items(layer_id: str, service: ServiceOf) -> dict[str, Any]:
    """Give the scenes a layer is computed from, as GeoJSON; where their files lie is not told."""
    layer = service.registry.get(layer_id)
    return {"type": "FeatureCollection", "features": [_feature(s) for s in layer.scenes]}


def _feature(scene: Any) -> dict[str, Any]:
    west, south, east, north = scene.bbox_4326
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature",
        "id": scene.id,
        "bbox": list(scene.bbox_4326),
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            "acquired": scene.acquired.isoformat(),
            "platform": scene.platform,
            "pass": scene.pass_id,
            "cloud_cover_pct": scene.cloud_cover_pct,
        },
    }


def described(layer: Layer, links: Links) -> LayerEntry:
    """Describe a layer for callers."""
    own, render = f"/layers/{layer.id}", layer.rendering
    return LayerEntry(
        id=layer.id,
        title=layer.title,
        bounds=layer.bounds,
        minzoom=layer.minzoom,
        maxzoom=layer.maxzoom,
        bands=layer.cube.signature.bands,
        shown=render.bands,
        stretch=render.stretch,
        colormap=render.colormap,
        gamma=render.gamma,
        region=layer.region,
        dates=layer.dates,
        scenes=len(layer.scenes),
        request=layer.request,
        links={
            "self": links.to(own),
            "tiles": links.to(f"{own}/tiles/{{z}}/{{x}}/{{y}}.png"),
            "tilejson": links.to(f"{own}/tilejson.json"),
            "point": links.to(f"{own}/point"),
            "items": links.to(f"{own}/items"),
            "legend": links.to(f"{own}/legend"),
            "timeseries": links.to(f"{own}/timeseries", signed=False),
            "statistics": links.to(f"{own}/statistics", signed=False),
            "export": links.to(f"{own}/export", signed=False),
        },
    )
