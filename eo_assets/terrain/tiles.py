"""Tiles of the Copernicus elevation model: which a region needs, and which there are."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable

import shapely
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

Tile = tuple[int, int]
"""Latitude and longitude of a tile's south-western corner, whole degrees."""

_ID = re.compile(r"(N|S)(\d{2})_00_(E|W)(\d{3})_00")


def tile_of(item_id: str) -> Tile | None:
    """Read the tile from an item's id, ``Copernicus_DSM_COG_10_N45_00_E025_00_DEM``.

    Args:
        item_id: Id of a STAC item.

    Returns:
        The tile; None when the id does not name one.
    """
    found = _ID.search(item_id)
    if found is None:
        return None
    north, latitude, east, longitude = found.groups()
    return (
        int(latitude) * (1 if north == "N" else -1),
        int(longitude) * (1 if east == "E" else -1),
    )


def tile_name(tile: Tile) -> str:
    """Name a tile as its file does: ``N45_E025``."""
    latitude, longitude = tile
    return (
        f"{'N' if latitude >= 0 else 'S'}{abs(latitude):02d}_"
        f"{'E' if longitude >= 0 else 'W'}{abs(longitude):03d}"
    )


def tiles_over(outline: BaseGeometry) -> set[Tile]:
    """Give the squares of one degree that share area with an outline.

    Args:
        outline: Longitude and latitude (WGS 84); cut at the antimeridian if it crosses it.

    Returns:
        Their tiles.
    """
    tiles: set[Tile] = set()
    for part in shapely.get_parts(outline):
        west, south, east, north = part.bounds
        cells = itertools.product(
            range(math.floor(south), math.ceil(north)), range(math.floor(west), math.ceil(east))
        )
        tiles |= {
            (latitude, longitude)
            for latitude, longitude in cells
            if part.intersection(square((latitude, longitude))).area > 0
        }
    return tiles


def square(tile: Tile, *, margin_deg: float = 0.0) -> BaseGeometry:
    """Give the square of one degree a tile stands for, longitude and latitude.

    Args:
        tile: The tile.
        margin_deg: Grown by so much on each side.
    """
    latitude, longitude = tile
    m = margin_deg
    return box(longitude - m, latitude - m, longitude + 1 + m, latitude + 1 + m)


def missing_tiles(outline: BaseGeometry, item_ids: Iterable[str]) -> list[Tile]:
    """Give the tiles a region needs that a catalogue does not have.

    Args:
        outline: Longitude and latitude (WGS 84).
        item_ids: Ids of the items the catalogue has.

    Returns:
        The tiles, from south to north; none when an id is not named in the usual way, for nothing
        can be said then.
    """
    present = [tile_of(item_id) for item_id in item_ids]
    if None in present:
        return []
    return sorted(tiles_over(outline) - {tile for tile in present if tile})
