"""The collection documents of the sample archive, in the Planetary Computer's shape."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eo_assets.sample import dem, landsat, sentinel2, stac_shapes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SYNTHETIC = "Synthetic scenes over the Bucegi Mountains, Romania, simulated by eo_assets. "


def _described(collection_id: str) -> dict[str, Any]:
    """What is particular to a collection."""
    if collection_id == sentinel2.COLLECTION:
        keys = (*stac_shapes.SENTINEL_BANDS, "SCL")
        return {
            "title": "Sentinel-2 Level-2A",
            "description": SYNTHETIC + "In the shape of Sentinel-2 L2A surface reflectance.",
            "keywords": ["Sentinel", "Copernicus", "ESA", "Reflectance"],
            "item_assets": {key: stac_shapes.sentinel_asset(key) for key in keys},
            "summaries": {
                "gsd": [10, 20],
                "platform": ["Sentinel-2A", "Sentinel-2B"],
                "instruments": ["msi"],
                "constellation": ["sentinel-2"],
            },
            "msft:storage_account": "sentinel2l2a01",
            "msft:container": "sentinel2-l2",
        }
    if collection_id == landsat.COLLECTION:
        keys = (*stac_shapes.LANDSAT_BANDS, "lwir11", "qa_pixel")
        return {
            "title": "Landsat Collection 2 Level-2",
            "description": SYNTHETIC
            + "In the shape of Landsat surface reflectance and temperature.",
            "keywords": ["Landsat", "USGS", "NASA", "Reflectance", "Temperature"],
            "item_assets": {key: stac_shapes.landsat_asset(key) for key in keys},
            "summaries": {
                "gsd": [30, 100],
                "platform": ["landsat-8", "landsat-9"],
                "instruments": ["oli", "tirs"],
            },
            "msft:storage_account": "landsateuwest",
            "msft:container": "landsat-c2",
        }
    return {
        "title": "Copernicus DEM GLO-30",
        "description": SYNTHETIC + "In the shape of the Copernicus digital surface model.",
        "keywords": ["Copernicus", "DEM", "DSM", "Elevation"],
        "item_assets": {"data": {"type": stac_shapes.COG_TYPE, "roles": ["data"]}},
        "summaries": {"gsd": [30], "platform": ["tandem-x"]},
        "msft:storage_account": "elevationeuwest",
        "msft:container": "copernicus-dem-stac",
    }


def _items(directory: Path) -> Iterator[dict[str, Any]]:
    for place in sorted(path for path in directory.iterdir() if path.is_dir()):
        yield json.loads((place / f"{place.name}.json").read_text(encoding="utf-8"))


def write_collections(archive: Path) -> None:
    """Write ``collection.json`` beside the items of each collection that has any."""
    for collection_id in (sentinel2.COLLECTION, landsat.COLLECTION, dem.COLLECTION):
        directory = archive / collection_id
        if not directory.exists():
            continue
        items = list(_items(directory))
        boxes = list(zip(*(one["bbox"] for one in items), strict=True))
        moments = sorted(one["properties"]["datetime"] for one in items)
        bbox = [min(boxes[0]), min(boxes[1]), max(boxes[2]), max(boxes[3])]
        document = {
            "id": collection_id,
            "type": "Collection",
            "links": [
                {"rel": "item", "type": "application/geo+json", "href": f"./{i}/{i}.json"}
                for i in (one["id"] for one in items)
            ],
            "extent": {
                "spatial": {"bbox": [bbox]},
                "temporal": {"interval": [[moments[0], moments[-1]]]},
            },
            "license": "proprietary",
            "providers": [{"name": "eo_assets", "roles": ["producer", "processor", "host"]}],
            "stac_version": "1.0.0",
            "stac_extensions": [f"{stac_shapes.EXTENSIONS}/item-assets/v1.0.0/schema.json"],
            "msft:region": "westeurope",
            **_described(collection_id),
        }
        text = json.dumps(document, indent=1)
        (directory / "collection.json").write_text(text, encoding="utf-8")
