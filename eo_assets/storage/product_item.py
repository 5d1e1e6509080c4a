"""Products as STAC items, so that other tools find them and know what they hold.

Written as plain dictionaries: the common ``bands`` of STAC 1.1 replaces the older extensions'
fields, which pystac's helpers still write.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from odc.geo.geobox import GeoBox
from shapely.geometry import mapping, shape

from eo_assets.catalog.bands import Band
from eo_assets.places import Place
from eo_assets.storage.partition import Subject, WholeRegion
from eo_assets.storage.provenance import Origin
from eo_assets.storage.store import file_digest

COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
CATALOG = "catalog.json"
"""Lies in the product store's own folder."""

COLLECTION = "collection.json"
"""Lies two folders above the item, beside the dates."""

SHA_256 = "1220"
"""Begins a multihash: 12 says SHA-256, 20 its length in bytes."""

_EXTENSION = "https://stac-extensions.github.io/{}/schema.json"
EXTENSIONS = [
    _EXTENSION.format(name)
    for name in (
        "projection/v2.0.0",
        "raster/v2.0.0",
        "eo/v2.0.0",
        "processing/v1.2.0",
        "file/v2.1.0",
    )
]


def band_of(band: Band, *, nodata: float) -> dict[str, Any]:
    """Describe a spectral band of a product in STAC's common ``bands`` form.

    Args:
        band: The band.
        nodata: Stored integer that means "no observation".

    Returns:
        One entry of ``bands``.
    """
    spectral: dict[str, Any] = {}
    if band.center_wavelength_um:
        spectral = {
            "eo:common_name": band.stac_common_name,
            "eo:center_wavelength": band.center_wavelength_um,
            "eo:full_width_half_max": band.full_width_half_max_um,
        }
    return {
        "name": band.name,
        "description": band.title,
        "data_type": band.quantity.dtype,
        "nodata": nodata,
        "unit": band.quantity.units,
        "raster:scale": band.quantity.scale,
        "raster:offset": band.quantity.offset,
        **spectral,
    }


def raster_asset(
    path: Place, *, title: str, roles: Sequence[str], bands: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Describe a GeoTIFF beside the item.

    Args:
        path: The file.
        title: For people.
        roles: STAC roles.
        bands: Entries of ``bands``.

    Returns:
        A STAC asset.
    """
    described = file_asset(path, media_type=COG_TYPE, title=title, roles=roles)
    return {**described, "bands": [dict(band) for band in bands]}


def file_asset(path: Place, *, media_type: str, title: str, roles: Sequence[str]) -> dict[str, Any]:
    """Describe any file beside the item.

    Args:
        path: The file.
        media_type: Its media type: ``application/json``.
        title: For people.
        roles: STAC roles.

    Returns:
        A STAC asset with the file's size and checksum.
    """
    return {
        "href": f"./{path.name}",
        "type": media_type,
        "title": title,
        "roles": list(roles),
        "file:size": path.stat().st_size,
        "file:checksum": multihash(path),
    }


def multihash(path: Place) -> str:
    """Hash a file's content as the file extension writes it."""
    return f"{SHA_256}{file_digest(path)}"


def product_item(
    partition: Subject,
    geobox: GeoBox,
    *,
    item_id: str,
    acquired: Sequence[dt.datetime],
    stac_assets: Mapping[str, Mapping[str, Any]],
    origin: Origin,
    properties: Mapping[str, Any],
) -> dict[str, Any]:
    """Describe a product as a STAC item.

    Args:
        partition: What the product is about.
        geobox: Its grid.
        item_id: Id of the item; the stem of its file.
        acquired: Times of the scenes it was made from.
        stac_assets: Its files.
        origin: What it was made from, and how.
        properties: More properties.

    Returns:
        The item; nothing in it depends on when it was written.
    """
    outline = shape(partition.region.geometry)
    bounds = geobox.boundingbox
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": EXTENSIONS,
        "id": item_id,
        "collection": _collection_id(partition),
        "geometry": mapping(outline),
        "bbox": list(partition.region.bbox_4326),
        "properties": {
            "title": _title(partition),
            "datetime": None,
            "start_datetime": _rfc3339(min(acquired)),
            "end_datetime": _rfc3339(max(acquired)),
            "gsd": geobox.resolution.x,
            "proj:code": str(geobox.crs),
            "proj:shape": [int(n) for n in geobox.shape],
            "proj:transform": list(geobox.transform)[:6],
            "proj:bbox": [bounds.left, bounds.bottom, bounds.right, bounds.top],
            "processing:level": "L3",
            **origin.properties,
            **properties,
        },
        "links": [
            {"rel": "root", "href": f"../../../../{CATALOG}", "type": "application/json"},
            {
                "rel": "parent",
                "href": f"../../{listing_of(partition.period)}",
                "type": "application/json",
            },
            {"rel": "collection", "href": f"../../{COLLECTION}", "type": "application/json"},
            *origin.links,
        ],
        "assets": {key: dict(value) for key, value in stac_assets.items()},
    }


def _title(subject: Subject) -> str:
    day = "" if isinstance(subject, WholeRegion) else f", {subject.date}"
    return f"{subject.region.title}{day}"


def listing_of(period: str) -> str:
    """Give the file that lists an item, beside its collection: that of its year.

    Args:
        period: Period of the product: ``2023-07-15``, or ``all`` for what is about no one date.

    Returns:
        ``2023.json``; the collection's own file for ``all``.
    """
    return COLLECTION if period == "all" else f"{period[:4]}.json"


def product_collection(partition: Subject) -> dict[str, Any]:
    """Describe the STAC collection of a region's products.

    Args:
        partition: Any partition of the region.

    Returns:
        The collection; the same for all partitions of the region.
    """
    region = partition.region
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "id": _collection_id(partition),
        "title": f"{region.title}: products from {region.collection}",
        "description": f"Mosaics and what was derived from them, from {region.collection}.",
        "license": "other",
        "extent": {
            "spatial": {"bbox": [list(region.bbox_4326)]},
            # which days there are is known by the items only
            "temporal": {"interval": [[None, None]]},
        },
        "links": [],
    }


def _collection_id(partition: Subject) -> str:
    return f"{partition.region.id}-{partition.region.collection}"


def write_item(path: Place, item: Mapping[str, Any]) -> None:
    """Write a STAC item or collection, indented for people."""
    path.write_text(item_text(item), encoding="utf-8")


def item_text(item: Mapping[str, Any]) -> str:
    """Give a STAC item or collection as text, indented for people."""
    # outlines have thousands of corners, which take json, when it indents, a tenth of a second
    return orjson.dumps(item, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def _rfc3339(time: dt.datetime) -> str:
    return time.astimezone(dt.UTC).isoformat().replace("+00:00", "Z")
