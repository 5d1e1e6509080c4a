"""Places where products may lie: folders, and prefixes of buckets and containers.

A place in a folder is a ``pathlib.Path``; one on object storage is an ``ObjectPlace``, which has
the methods of a path that products need. ``place`` makes either of what people or tasks call it:
``/data/outputs``, ``s3://bucket/prefix``, ``az://container/prefix``.

GDAL and Zarr have modules of their own, ``rasters`` and ``zarrs``, so that whoever only handles
places need not load them.
"""

from __future__ import annotations

from pathlib import Path

from eo_assets.places.cloud import CloudAccess, is_own, use_cloud
from eo_assets.places.copies import reading, writing
from eo_assets.places.faults import object_errors
from eo_assets.places.objects import SCHEMES, ObjectPlace, is_object
from eo_assets.places.swapping import Superseded, remove_tree, replace_text, update_text

__all__ = [
    "SCHEMES",
    "CloudAccess",
    "ObjectPlace",
    "Place",
    "Superseded",
    "is_object",
    "is_own",
    "object_errors",
    "place",
    "reading",
    "remove_tree",
    "replace_text",
    "update_text",
    "use_cloud",
    "writing",
]

Place = Path | ObjectPlace
"""Where a file or a product lies."""


def place(address: str | Place) -> Place:
    """Give the place that an address names.

    Args:
        address: A path, ``s3://bucket/key`` or ``az://container/key``; a place as it is.

    Returns:
        The place.

    Raises:
        ConfigurationError: The address names no bucket, or holds what must not be in it.
    """
    if isinstance(address, ObjectPlace | Path):
        return address
    return ObjectPlace.parse(address) if is_object(address) else Path(address)
