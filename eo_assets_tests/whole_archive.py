"""The whole sample archive, made once and kept: what tests of finished products are judged by."""

from __future__ import annotations

import os
from pathlib import Path

from eo_assets.catalog.regions import parse_region
from eo_assets.sample import generate, is_complete

CORNER = parse_region(
    {
        "type": "Feature",
        "properties": {"id": "corner", "title": "A corner of Bucegi"},
        "geometry": {
            "type": "Polygon",
            "coordinates": [
                [[25.44, 45.38], [25.47, 45.38], [25.47, 45.40], [25.44, 45.40], [25.44, 45.38]]
            ],
        },
    },
    name="corner",
    default_id="corner",
)
"""A small region of it: forest, meadows and rock."""

_CHECKOUT = Path(__file__).parents[1] / ".eo_assets" / "sample"


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"  # noqa: TID251
    return Path(base) / "eo_assets_tests" / "sample"


def whole_archive() -> Path:
    """The checkout's archive if it is complete, else one in the user's cache, made if need be."""
    if is_complete(_CHECKOUT):
        return _CHECKOUT
    directory = _cache()
    if not is_complete(directory):
        print(f"\nMaking the sample archive in {directory}, once; a minute or two.")
        generate(directory)
    return directory
