"""Files that are no raster, as assets of a STAC item: tables, models, numbers, pages, pictures.

An item names every file of its product, with its checksum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

from eo_assets.places import Place
from eo_assets.storage.product_item import file_asset

_KINDS = {
    ".html": ("text/html", "overview"),
    ".json": ("application/json", "metadata"),
    ".parquet": ("application/vnd.apache.parquet", "data"),
    ".png": ("image/png", "overview"),
    ".skops": ("application/zip", "metadata"),
}
"""Media type and STAC role by the suffix of a file's name."""


def companions(folder: Place, files: Mapping[str, tuple[str, str]]) -> dict[str, dict[str, Any]]:
    """Describe files beside an item.

    Args:
        folder: Where they are.
        files: Name and title, for people, of each file by the key of its STAC asset.

    Returns:
        STAC assets by key.
    """
    described = {}
    for key, (name, title) in files.items():
        media_type, role = _KINDS[PurePath(name).suffix]
        described[key] = file_asset(
            folder / name, media_type=media_type, title=title, roles=(role,)
        )
    return described


def pictures(names: Iterable[str], *, ending: str = "") -> dict[str, tuple[str, str]]:
    """Name and title of pictures by key, as ``companions`` takes them.

    Args:
        names: Of the files.
        ending: Of the keys, where a raster's key is the picture's name.
    """
    return {
        f"{stem}{ending}": (f"{stem}.png", f"Picture: {stem.replace('_', ' ')}")
        for stem in (PurePath(name).stem for name in names)
    }
