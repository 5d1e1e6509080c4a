"""A small archive whose every search result can be counted by hand.

``alps`` has a collection document, ``pacific`` has none. By default order (newest first)::

    a5  2023-09-01  triangle (20,40) (22,40) (20,42)  cloud 90       sentinel-2a
    a4  2023-08-18  box 10.5 45 11.5 46               cloud missing  sentinel-2b
    a3  2023-08-15  box 10 45 11 46                   cloud 20       sentinel-2a
    a2  2023-08-10  box 11 45 12 46                   cloud 50       sentinel-2b, at 10:00:00.5
    a1  2023-08-10  box 10 45 11 46                   cloud 5        sentinel-2a
    p1  August      across the antimeridian, uncut    cloud 0        sentinel-1a
    p2  2023-07-01  across the antimeridian, cut      cloud 10       sentinel-1a
    p3  2023-06-01  no geometry                       cloud 100      sentinel-1a
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Document = dict[str, Any]


def box(west: float, south: float, east: float, north: float) -> Document:
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def item(
    item_id: str,
    collection: str = "alps",
    *,
    when: str | None = "2023-08-10T10:00:00Z",
    geometry: Document | None = None,
    bbox: list[float] | None = None,
    stac_assets: Document | None = None,
    **properties: Any,
) -> Document:
    document = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": item_id,
        "collection": collection,
        "geometry": geometry,
        "properties": {"datetime": when, **properties},
        "links": [],
        "assets": stac_assets or {},
    }
    return document | ({"bbox": bbox} if bbox else {})


def scene(item_id: str, bbox: list[float] | None = None, **properties: Any) -> Document:
    """A complete item over a box."""
    bounds = bbox or [10.0, 45.0, 11.0, 46.0]
    return item(item_id, geometry=box(*bounds), bbox=bounds, **properties)


def collection(collection_id: str = "alps") -> Document:
    return {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": collection_id,
        "description": "Scenes to count by hand.",
        "license": "CC0-1.0",
        "extent": {
            "spatial": {"bbox": [[10, 40, 22, 46]]},
            "temporal": {"interval": [["2023-08-10T10:00:00Z", None]]},
        },
        "links": [{"rel": "license", "href": "https://example.com/license"}],
    }


def counted_items() -> list[Document]:
    cloud = "eo:cloud_cover"
    a, b, s1 = {"platform": "sentinel-2a"}, {"platform": "sentinel-2b"}, {"platform": "sentinel-1a"}
    triangle = {"type": "Polygon", "coordinates": [[[20, 40], [22, 40], [20, 42], [20, 40]]]}
    uncut = {
        "type": "Polygon",
        "coordinates": [[[179, -1], [-179, -1], [-179, 1], [179, 1], [179, -1]]],
    }
    cut = {
        "type": "MultiPolygon",
        "coordinates": [
            box(179, 10, 180, 11)["coordinates"],
            box(-180, 10, -179, 11)["coordinates"],
        ],
    }
    august = {"start_datetime": "2023-08-01T00:00:00Z", "end_datetime": "2023-08-31T00:00:00Z"}
    return [
        scene("a1", instruments=["msi"], **{cloud: 5}, **a),
        scene("a2", [11, 45, 12, 46], when="2023-08-10T10:00:00.500Z", **{cloud: 50}, **b),
        scene("a3", when="2023-08-15T10:00:00Z", **{cloud: 20}, **a),
        scene("a4", [10.5, 45, 11.5, 46], when="2023-08-18T10:00:00+00:00", **b),
        item("a5", when="2023-09-01T10:00:00Z", geometry=triangle, bbox=[20, 40, 22, 42],
             **{cloud: 90}, **a),
        item("p1", "pacific", when=None, geometry=uncut, bbox=[179, -1, -179, 1],
             **{cloud: 0}, **s1, **august),
        item("p2", "pacific", when="2023-07-01T00:00:00Z", geometry=cut, bbox=[179, 10, -179, 11],
             **{cloud: 10}, **s1),
        item("p3", "pacific", when="2023-06-01T00:00:00Z", **{cloud: 100}, **s1),
    ]  # fmt: skip


def write(path: Path, document: Document) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def write_counted_archive(root: Path) -> Path:
    """``alps`` nested with a document, ``pacific`` flat without."""
    write(root / "alps" / "collection.json", collection())
    for document in counted_items():
        folder = root / "alps" / document["id"] if document["collection"] == "alps" else root / "p"
        write(folder / f"{document['id']}.json", document)
    return root
