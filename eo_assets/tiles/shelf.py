"""Which products are stored and can be shown as maps."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel

from eo_assets.errors import ArtifactError
from eo_assets.places import Place, is_object
from eo_assets.storage.store import Record, Store

MAX_LISTED = 2000
_FRESH_S = 5.0
_FRESH_OBJECTS_S = 60.0
"""Looking at object storage takes two requests a product."""

_MAPS = {"geotiff": "Mosaic", "clusters": "Classes", "land_cover": "Land cover"}

_LOCK = threading.Lock()
_LAST: dict[Place, tuple[float, list[Shelved]]] = {}


class Shelved(BaseModel):
    """A stored product that is a map.

    Attributes:
        id: ``bucegi/sentinel-2-l2a/2023-07-15/geotiff``.
        title: For people.
        region: Region id.
        collection: STAC collection id.
        date: First solar day of its period.
        step: The asset it is of.
        query: How titiler shows it well.
    """

    id: str
    title: str
    region: str
    collection: str
    date: str
    step: str
    query: str = ""


def shelved(root: Place) -> list[Shelved]:
    """List the maps of a product store, newest date first, as of a few seconds ago.

    Args:
        root: Where the product store is.

    Returns:
        At most ``MAX_LISTED``.
    """
    with _LOCK:
        when, found = _LAST.get(root, (float("-inf"), []))
        fresh_s = _FRESH_OBJECTS_S if is_object(root) else _FRESH_S
        if time.monotonic() - when > fresh_s:
            found = _look(root)
            _LAST[root] = time.monotonic(), found
        return found


def _look(root: Place) -> list[Shelved]:
    found, store = [], Store(root)
    products = [product for step in _MAPS for product in store.products(step)]
    by_date = sorted(products, key=lambda product: product.split("/")[-2:], reverse=True)
    for product in by_date[:MAX_LISTED]:
        try:
            folder, record = store.read_product(product)
        except (OSError, ArtifactError):  # being replaced, or of another version
            continue
        if record.empty is None:
            found.append(_described(record, folder))
    return found


def _described(record: Record, folder: Place) -> Shelved:
    return Shelved(
        id=f"{record.region}/{record.collection}/{record.date}/{record.step}",
        title=f"{_MAPS[record.step]} of {record.region}, {record.date}",
        region=record.region,
        collection=record.collection,
        date=record.date,
        step=record.step,
        query=urlencode(rendering(_band_names(record, folder)), doseq=True),
    )


def _band_names(record: Record, folder: Place) -> list[str]:
    try:
        item = json.loads((folder / record.files["stac_item"]).read_text(encoding="utf-8"))
        stac_asset = next(a for a in item["assets"].values() if a["href"].endswith(".tif"))
        return [str(band["name"]) for band in stac_asset["bands"]]
    except (OSError, ValueError, LookupError, StopIteration):
        return []  # being replaced, or without bands of its own


def rendering(names: Sequence[str]) -> dict[str, Any]:
    """Say how titiler shows a product where nobody says otherwise.

    Args:
        names: Names of its bands in order; those of a map of classes do not matter.

    Returns:
        Query parameters: true colour where there is one; nothing for maps with own colours.
    """
    if {"red", "green", "blue"} <= set(names):
        bands = [names.index(name) + 1 for name in ("red", "green", "blue")]
        return {"bidx": bands, "rescale": "0,2500"}
    return {"bidx": [1]} if len(names) > 1 else {}
