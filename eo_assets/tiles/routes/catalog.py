"""What can be shown: regions, collections with their views, indices, stored products."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from eo_assets.catalog.collections import COLLECTIONS, Collection, get_collection
from eo_assets.catalog.indices import INDICES
from eo_assets.catalog.regions import Region
from eo_assets.catalog.views import index_view, views_of
from eo_assets.cube.grid import region_geobox
from eo_assets.errors import UnknownNameError
from eo_assets.tiles.days import DayEntry, days_with_scenes
from eo_assets.tiles.finding import search_of
from eo_assets.tiles.links import Links, LinksOf
from eo_assets.tiles.problems import RESPONSES
from eo_assets.tiles.service import ServiceOf
from eo_assets.tiles.shelf import Shelved, shelved

router = APIRouter(tags=["Catalogue"], responses={401: RESPONSES[401]})


class RegionEntry(BaseModel):
    """A region."""

    id: str
    title: str
    collection: str = Field(description="Collection it is mapped from unless asked otherwise.")
    bbox: tuple[float, float, float, float] = Field(description="West, south, east, north.")
    outline: dict[str, Any] = Field(description="GeoJSON, longitude and latitude.")
    crs: str
    resolution_m: float


class BandEntry(BaseModel):
    """A band of a collection."""

    name: str
    title: str
    resolution_m: float
    center_wavelength_um: float
    units: str


class ViewEntry(BaseModel):
    """A ready-made view; what ``POST /layers`` takes as ``bands`` or ``index``."""

    name: str
    title: str
    bands: tuple[str, ...]
    index: str
    stretch: tuple[tuple[float, float], ...]
    colormap: str | None


class CollectionEntry(BaseModel):
    """A collection of scenes."""

    id: str
    title: str
    bands: list[BandEntry]
    views: list[ViewEntry]
    masked: bool = Field(description="Whether clouds can be left out.")


class IndexEntry(BaseModel):
    """A spectral index."""

    name: str
    title: str
    bands: tuple[str, ...]
    stretch: tuple[float, float]
    colormap: str | None
    reference: str


class ProductEntry(Shelved):
    """A stored product that is a map."""

    links: dict[str, str]


class Catalogue(BaseModel):
    """Everything a map page needs to offer choices."""

    catalog: str
    regions: list[RegionEntry]
    collections: list[CollectionEntry]
    indices: list[IndexEntry]
    composites: list[str]
    products: list[ProductEntry]
    export: bool = Field(description="Whether layers can be exported from here.")


@router.get("/catalog", summary="Regions, collections, views, indices and stored products")
def catalogue(service: ServiceOf, links: LinksOf) -> Catalogue:
    """List what layers can be made of, and which products are stored already."""
    settings = service.settings
    return Catalogue(
        catalog=settings.catalog,
        regions=[_region(region) for region in service.regions.values()],
        collections=[_collection(collection) for collection in COLLECTIONS.values()],
        indices=[_index(name) for name in INDICES],
        composites=["first", "median", "medoid", "geomedian", "max_ndvi"],
        products=[
            ProductEntry(**entry.model_dump(), links=_product_links(entry, links))
            for entry in shelved(settings.outputs)
        ],
        export=bool(settings.dagster_url),
    )


def _region(region: Region) -> RegionEntry:
    geobox = region_geobox(region)
    return RegionEntry(
        id=region.id,
        title=region.title,
        collection=region.collection,
        bbox=region.bbox_4326,
        outline=region.geometry,
        crs=str(geobox.crs),
        resolution_m=float(geobox.resolution.x),
    )


def _collection(collection: Collection) -> CollectionEntry:
    return CollectionEntry(
        id=collection.id,
        title=collection.title,
        bands=[
            BandEntry(
                name=band.name,
                title=band.title,
                resolution_m=band.resolution_m,
                center_wavelength_um=band.center_wavelength_um,
                units=band.quantity.units,
            )
            for band in collection.bands
        ],
        views=[ViewEntry(**asdict(view)) for view in views_of(collection)],
        masked=collection.quality is not None,
    )


def _index(name: str) -> IndexEntry:
    index, view = INDICES[name], index_view(name)
    return IndexEntry(
        name=name,
        title=index.title,
        bands=index.bands,
        stretch=view.stretch[0],
        colormap=view.colormap,
        reference=index.reference,
    )


def _product_links(entry: Shelved, links: Links) -> dict[str, str]:
    own = f"/products/{entry.id}"
    tiles = f"{own}/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}.png"
    return {
        "info": links.to(f"{own}/info"),
        "tiles": links.to(tiles, query=entry.query),
        "tilejson": links.to(f"{own}/WebMercatorQuad/tilejson.json", query=entry.query),
        "wmts": links.to(f"{own}/WMTSCapabilities.xml"),
        "preview": links.to(f"{own}/preview.png", query=entry.query),
    }


class Days(BaseModel):
    """Days with scenes."""

    region: str
    collection: str
    days: list[DayEntry]


@router.get("/catalog/dates", summary="Days that have scenes", responses=RESPONSES)
def dates(
    service: ServiceOf,
    region: Annotated[str, Query(max_length=64, examples=["bucegi"])],
    first: Annotated[dt.date, Query(examples=["2023-06-01"])],
    last: Annotated[dt.date, Query(examples=["2023-08-31"])],
    collection: Annotated[str | None, Query(max_length=64)] = None,
) -> Days:
    """List the local solar days with scenes over a region, and their cloud."""
    if region not in service.regions:
        raise UnknownNameError(
            f"Region {region!r} is not known.", f"Use one of: {', '.join(service.regions)}."
        )
    found = service.regions[region].with_collection(
        None if collection is None else get_collection(collection).id
    )
    days = days_with_scenes(found, first, last, search_of(service.settings))
    return Days(region=found.id, collection=found.collection, days=days)
