"""How people ask for a layer: a graph, or the short form most requests need."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from eo_assets.catalog.collections import Collection, get_collection
from eo_assets.catalog.indices import get_index
from eo_assets.catalog.regions import Region, parse_region
from eo_assets.catalog.views import index_view, views_of
from eo_assets.cube.graph import CompositeMethod, VirtualCube, parse_cube
from eo_assets.cube.graph.model import BandName, ProductId
from eo_assets.errors import ConfigurationError, UnknownNameError
from eo_assets.tiles.limits import MAX_SCENES, outline_of

_Stretch = Annotated[
    tuple[tuple[float, float], ...],
    Field(max_length=3, description="Values shown darkest and brightest: one pair, or one a band."),
]
_EXAMPLES: list[Any] = [
    {
        "region": "bucegi",
        "collection": "sentinel-2-l2a",
        "first": "2023-07-01",
        "last": "2023-07-31",
        "composite": "median",
        "index": "ndvi",
    },
    {
        "bbox": [25.35, 45.3, 25.6, 45.52],
        "collection": "sentinel-2-l2a",
        "first": "2023-07-15",
        "bands": ["red", "green", "blue"],
        "stretch": [[0, 0.25]],
    },
    {"product": "bucegi/sentinel-2-l2a/2023-07-15/geotiff", "bands": ["nir", "red", "green"]},
]


class LayerRequest(BaseModel):
    """What to show. Give ``graph``, or ``product``, or the other fields."""

    model_config = ConfigDict(
        extra="forbid", allow_inf_nan=False, json_schema_extra={"examples": _EXAMPLES}
    )

    title: Annotated[str, Field(max_length=200)] = ""
    graph: Annotated[
        dict[str, Any] | None, Field(description="A virtual cube that names a search or products.")
    ] = None
    product: Annotated[ProductId | None, Field(description="Id of a stored product.")] = None
    region: Annotated[str | None, Field(max_length=64, description="Id of a region.")] = None
    bbox: Annotated[
        tuple[float, float, float, float] | None, Field(description="West, south, east, north.")
    ] = None
    outline: Annotated[
        dict[str, Any] | None, Field(description="GeoJSON Polygon or MultiPolygon.")
    ] = None
    collection: Annotated[
        str | None, Field(max_length=64, description="The region's own when not given.")
    ] = None
    first: Annotated[dt.date | None, Field(description="First local solar day.")] = None
    last: Annotated[dt.date | None, Field(description="Last; the first when not given.")] = None
    max_cloud_cover_pct: Annotated[float, Field(ge=0, le=100)] = 100.0
    composite: CompositeMethod = "first"
    masked: Annotated[bool, Field(description="Leave out clouds and their shadows.")] = True
    keep_snow: bool = True
    bands: Annotated[
        tuple[BandName, ...] | None,
        Field(min_length=1, max_length=3, description="One band, or red, green and blue."),
    ] = None
    index: Annotated[str | None, Field(max_length=40, description="A spectral index.")] = None
    stretch: _Stretch | None = None
    colormap: Annotated[str | None, Field(pattern=r"^[a-z0-9_]{1,40}$")] = None
    gamma: Annotated[float, Field(ge=0.1, le=10)] = 1.0


def cube_of(request: LayerRequest, regions: Mapping[str, Region]) -> VirtualCube:
    """Write the graph of a request.

    Args:
        request: The request.
        regions: Regions by id.

    Returns:
        A cube that names only, and says how it is shown.

    Raises:
        ConfigurationError: Fields are missing, contradict each other, or name what is not known.
    """
    short = request.model_fields_set - {"title"}
    if request.graph is not None:
        if short != {"graph"}:
            raise ConfigurationError(
                "A graph says everything itself.", "Leave the other fields out, or the graph."
            )
        text = json.dumps(request.graph)
        return parse_cube(text, origin="The graph", names_only=True)
    if request.product is not None:
        return _of_product(request)
    return _of_search(request, place_of(request, regions))


def place_of(request: LayerRequest, regions: Mapping[str, Region]) -> Region:
    """Give where a request in short form looks, as a region with its collection.

    Raises:
        ConfigurationError: No place is given, or more than one, or it is not valid.
        UnknownNameError: There is no such region.
    """
    given = [n for n in ("region", "bbox", "outline") if getattr(request, n) is not None]
    if len(given) != 1:
        raise ConfigurationError(
            f"{len(given)} places are given.", "Give one of region, bbox or outline."
        )
    if request.region is not None:
        if request.region not in regions:
            raise UnknownNameError(
                f"Region {request.region!r} is not known.", f"Use one of: {', '.join(regions)}."
            )
        return regions[request.region].with_collection(request.collection)
    geometry = outline_of(request.outline if request.bbox is None else _box(*request.bbox))
    collection = get_collection(request.collection or "sentinel-2-l2a").id
    feature = {"type": "Feature", "geometry": geometry, "properties": {"collection": collection}}
    return parse_region(feature, name="The outline", default_id="drawn")


def _box(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def _of_search(request: LayerRequest, place: Region) -> VirtualCube:
    if request.first is None:
        raise ConfigurationError("No date is given.", "Give first, and last for a period.")
    if request.last is not None and request.last < request.first:
        raise ConfigurationError(
            f"The last day, {request.last}, is before the first, {request.first}.",
            "Choose a later last day, or an earlier first one.",
        )
    collection = get_collection(place.collection)
    shown, index = _shown(request, collection)
    cube = VirtualCube.search(
        collection.id,
        _loaded(request.composite, shown, index, collection),
        outline=place.geometry,
        first=request.first,
        last=request.last or request.first,
        filters=place.filters,
        max_cloud_cover_pct=min(request.max_cloud_cover_pct, place.max_cloud_cover_pct or 100.0),
        max_scenes=MAX_SCENES,
    )
    if request.masked and collection.quality:
        cube = cube.valid(collection.quality, keep_snow=request.keep_snow and place.keep_snow)
    cube = cube.composite(request.composite).clip(place.geometry)
    if index:
        cube = cube.index(index)
    return _rendered(cube, request, shown, collection)


def _shown(request: LayerRequest, collection: Collection) -> tuple[tuple[str, ...], str]:
    # give the bands that are shown, and the index among them
    if request.bands and request.index:
        raise ConfigurationError("Bands and an index are given.", "Give one of them.")
    if request.index:
        get_index(request.index)
        return (request.index,), request.index
    bands = request.bands or views_of(collection)[0].bands
    for name in bands:
        collection.band(name)
    return bands, ""


def _loaded(
    composite: CompositeMethod, shown: tuple[str, ...], index: str, collection: Collection
) -> tuple[str, ...]:
    available = tuple(band.name for band in collection.bands)
    if composite in {"medoid", "geomedian"}:
        # which observation is taken depends on all bands; as in the stored mosaic
        return tuple(dict.fromkeys((*collection.default_bands, *(() if index else shown))))
    needed = get_index(index).bands_in(available) if index else shown
    deciding = get_index("ndvi").bands_in(available) if composite == "max_ndvi" else ()
    return tuple(dict.fromkeys((*needed, *deciding)))


def _of_product(request: LayerRequest) -> VirtualCube:
    kept = {"product", "bands", "index", "stretch", "colormap", "gamma", "title"}
    if extra := request.model_fields_set - kept:
        raise ConfigurationError(
            f"A stored product has its place and time; {', '.join(sorted(extra))} do not apply.",
            "Leave them out.",
        )
    assert request.product is not None
    _, collection_id, _, step = request.product.split("/")
    if step in {"clusters", "land_cover"}:
        cube = VirtualCube.product(request.product, request.bands or ("class",))
        return cube.render(cube.signature.bands[0], stretch=((0, 255),), colormap=request.colormap)
    collection = get_collection(collection_id)
    shown, index = _shown(request, collection)
    cube = VirtualCube.product(request.product, _loaded("first", shown, index, collection))
    return _rendered(cube.index(index) if index else cube, request, shown, collection)


def _rendered(
    cube: VirtualCube, request: LayerRequest, shown: tuple[str, ...], collection: Collection
) -> VirtualCube:
    views = [index_view(request.index)] if request.index else views_of(collection)
    view = next((one for one in views if (one.index or one.bands) in {request.index, shown}), None)
    stretch = request.stretch or (view.stretch if view else _default_stretch(shown, collection))
    colormap = request.colormap or (view.colormap if view and len(shown) == 1 else None)
    return cube.render(*shown, stretch=stretch, colormap=colormap, gamma=request.gamma)


def _default_stretch(
    shown: tuple[str, ...], collection: Collection
) -> tuple[tuple[float, float], ...]:
    ranges: dict[str, tuple[float, float]] = {
        "reflectance": (0.0, 0.4), "temperature": (270.0, 320.0), "elevation": (0.0, 2500.0)
    }  # fmt: skip
    return tuple(ranges[collection.band(name).quantity.name] for name in shown)
