"""Zarr groups and arrays, opened where they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zarr.storage import ObjectStore

from eo_assets.places.objects import ObjectPlace, is_object


def zarr_at(address: str | Path | ObjectPlace) -> dict[str, Any]:
    """Say where a Zarr lies, as ``zarr.open_group`` and ``zarr.open_array`` take it.

    Args:
        address: The group or array.

    Returns:
        The arguments ``store`` and ``path``.
    """
    if not is_object(address):
        return {"store": address, "path": None}
    where = address if isinstance(address, ObjectPlace) else ObjectPlace.parse(str(address))
    # the client of the bucket: its connections serve all that lies in it
    return {"store": ObjectStore(where.client), "path": where.key}
