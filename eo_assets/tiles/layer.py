"""A layer: a computation whose scenes have been found, where it lies, and how it was asked for."""

from __future__ import annotations

import datetime as dt
import math
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

from eo_assets.cube.graph import VirtualCube

TILE_PX = 256
_EQUATOR_M = 40_075_016.686
MAX_ZOOM = 22
SMALLEST_PX = 96
"""Where a layer would be smaller than this on the screen nobody can make out anything."""


class Layer(BaseModel):
    """A layer.

    Attributes:
        id: Digest of the cube, 32 hexadecimal digits.
        title: For people.
        cube: The computation, its scenes found.
        bounds: West, south, east, north, degrees.
        resolution_m: Finest pixel size of what it is computed from, metres.
        request: As it was asked for, so that it can be asked for again.
        region: Region id, where it is of one; empty otherwise.
        dates: Local solar days of its scenes, oldest first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: str
    cube: VirtualCube
    bounds: tuple[float, float, float, float]
    resolution_m: float
    request: dict[str, Any]
    region: str = ""
    dates: tuple[dt.date, ...] = ()

    @cached_property
    def minzoom(self) -> int:
        """Farthest zoom worth showing: where its longer side is ``SMALLEST_PX`` pixels."""
        west, south, east, north = self.bounds
        side_m = max(
            (east - west) / 360 * _EQUATOR_M, (_mercator(north) - _mercator(south)) * _EQUATOR_M
        )
        return max(math.ceil(math.log2(_EQUATOR_M * SMALLEST_PX / TILE_PX / max(side_m, 1.0))), 0)

    @cached_property
    def maxzoom(self) -> int:
        """Zoom whose pixels are no coarser than the data's; finer ones show nothing more."""
        middle = math.radians((self.bounds[1] + self.bounds[3]) / 2)
        widest_m = _EQUATOR_M * math.cos(middle) / TILE_PX
        zoom = math.ceil(math.log2(widest_m / self.resolution_m))
        return min(max(zoom, self.minzoom), MAX_ZOOM)


def _mercator(latitude: float) -> float:
    """Northing on the Mercator map, in parts of its width."""
    clipped = math.radians(min(max(latitude, -85.05), 85.05))
    return math.asinh(math.tan(clipped)) / (2 * math.pi)
