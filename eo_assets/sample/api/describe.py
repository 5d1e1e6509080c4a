"""What the archive says about itself where no file does: collections and queryables."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import shapely
from stac_pydantic.version import STAC_VERSION

from eo_assets.sample.api.snapshot import Entry
from eo_assets.sample.api.values import EPOCH, kind_of

Document = dict[str, Any]

SCHEMA_OF_KIND: dict[str, Document] = {
    "boolean": {"type": "boolean"},
    "number": {"type": "number"},
    "text": {"type": "string"},
    "time": {"type": "string", "format": "date-time"},
    "list": {"type": "array"},
    "object": {"type": "object"},
}


def synthesized_collection(collection_id: str, entries: list[Entry]) -> Document:
    """The least that makes a valid collection of items that come without one.

    Args:
        collection_id: Its id.
        entries: Its items; all of them may have been withdrawn.

    Returns:
        A STAC collection whose extents are those of the items.
    """
    footprints = [entry.footprint for entry in entries if entry.footprint is not None]
    bounds = shapely.total_bounds(footprints) if footprints else np.array([-180, -90, 180, 90])
    begin_us = min((entry.start_us for entry in entries), default=None)
    end_us = max((entry.end_us for entry in entries), default=None)
    return {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "id": collection_id,
        "description": f"Items of {collection_id}; the archive has no description of it.",
        "license": "other",
        "extent": {
            "spatial": {"bbox": [bounds.tolist()]},
            "temporal": {"interval": [[_rfc3339(begin_us), _rfc3339(end_us)]]},
        },
        "links": [],
    }


def queryables(url: str, entries: list[Entry]) -> Document:
    """The properties that items have, as the JSON Schema that STAC calls queryables.

    Args:
        url: Of the document.
        entries: The items described.

    Returns:
        A JSON Schema; a property that is of one kind in some items and of another in others
        allows both.
    """
    kinds: dict[str, set[str]] = {"id": {"text"}, "collection": {"text"}}
    for entry in entries:
        for name, value in entry.item["properties"].items():
            if value is not None:
                kinds.setdefault(name, set()).add(kind_of(value))
    schemas = {
        name: [SCHEMA_OF_KIND[kind] for kind in sorted(found)] for name, found in kinds.items()
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": url,
        "type": "object",
        "title": "Queryables",
        "properties": {
            name: found[0] if len(found) == 1 else {"anyOf": found}
            for name, found in sorted(schemas.items())
        },
        "additionalProperties": False,
    }


def _rfc3339(moment_us: int | None) -> str | None:
    if moment_us is None:
        return None
    return (EPOCH + timedelta(microseconds=moment_us)).isoformat().replace("+00:00", "Z")
