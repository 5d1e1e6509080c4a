"""Which products are stored and can be shown as maps."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from eo_assets.storage.store import RECORD, Record

MAX_LISTED = 2000
_FRESH_S = 5.0
_MAPS = {"geotiff": "Mosaic", "clusters": "Classes"}

_LOCK = threading.Lock()
_LAST: dict[Path, tuple[float, list[Shelved]]] = {}


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


def shelved(root: Path) -> list[Shelved]:
    """List the maps of a product store, newest date first, as of a few seconds ago.

    Args:
        root: Folder of the product store.

    Returns:
        At most ``MAX_LISTED``.
    """
    with _LOCK:
        when, found = _LAST.get(root, (float("-inf"), []))
        if time.monotonic() - when > _FRESH_S:
            found = _look(root)
            _LAST[root] = time.monotonic(), found
        return found


def _look(root: Path) -> list[Shelved]:
    found = []
    records = [path for step in _MAPS for path in root.glob(f"*/*/*/{step}/{RECORD}")]
    for path in sorted(records, key=lambda path: path.parts[-3:], reverse=True)[:MAX_LISTED]:
        try:
            record = Record.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, ValidationError):  # being replaced, or of another version
            continue
        if record.empty is None:
            found.append(_described(record, path.parent))
    return found


def _described(record: Record, folder: Path) -> Shelved:
    return Shelved(
        id=f"{record.region}/{record.collection}/{record.date}/{record.step}",
        title=f"{_MAPS[record.step]} of {record.region}, {record.date}",
        region=record.region,
        collection=record.collection,
        date=record.date,
        step=record.step,
        query=urlencode(rendering(_band_names(record, folder)), doseq=True),
    )


def _band_names(record: Record, folder: Path) -> list[str]:
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
