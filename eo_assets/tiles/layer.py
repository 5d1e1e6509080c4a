"""A layer: a computation whose scenes have been found, where it lies, and how it was asked for."""

from __future__ import annotations

import datetime as dt
import math
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ConfigDict

from eo_assets.cube.graph import LoadScenes, LoadStored, Render, VirtualCube
from eo_assets.cube.grid import Grid
from eo_assets.cube.scene import Scene

TILE_PX = 256
EQUATOR_M = 40_075_016.686
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
        grid: Its own grid: the region's, the product's, or that a region of its outline would
            get.
        request: As it was asked for, so that it can be asked for again.
        region: Region id, where it is of one; empty otherwise.
        dates: Local solar days of its scenes, oldest first.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    title: str
    cube: VirtualCube
    bounds: tuple[float, float, float, float]
    grid: Grid
    request: dict[str, Any]
    region: str = ""
    dates: tuple[dt.date, ...] = ()

    @cached_property
    def scenes(self) -> tuple[Scene, ...]:
        """The scenes it is computed from, products among them."""
        found: list[Scene] = []
        for node in self.cube.nodes.values():
            if isinstance(node, LoadScenes):
                found += node.scenes
            elif isinstance(node, LoadStored):
                found.append(node.scene)
        return tuple({scene.id: scene for scene in found}.values())

    @cached_property
    def rendering(self) -> Render:
        """How it is shown: as its graph says, else its first bands between 0 and 1."""
        bands = self.cube.signature.bands
        first = bands[:3] if len(bands) >= 3 else bands[:1]
        return self.cube.rendering or Render(data=self.cube.result, bands=first)

    @cached_property
    def minzoom(self) -> int:
        """Farthest zoom worth showing: where its longer side is ``SMALLEST_PX`` pixels."""
        west, south, east, north = self.bounds
        side_m = max(
            (east - west) / 360 * EQUATOR_M, (_mercator(north) - _mercator(south)) * EQUATOR_M
        )
        return max(math.ceil(math.log2(EQUATOR_M * SMALLEST_PX / TILE_PX / max(side_m, 1.0))), 0)

    @cached_property
    def maxzoom(self) -> int:
        """Zoom whose pixels are no coarser than the data's; finer ones show nothing more."""
        middle = math.radians((self.bounds[1] + self.bounds[3]) / 2)
        widest_m = EQUATOR_M * math.cos(middle) / TILE_PX
        zoom = math.ceil(math.log2(widest_m / self.grid.transform[0]))
        return min(max(zoom, self.minzoom), MAX_ZOOM)

    def touches(self, z: int, x: int, y: int) -> bool:
        """Whether a tile of the web's maps may show something of it."""
        west, south, east, north = self.bounds
        n = 2**z
        left, right = x / n * 360 - 180, (x + 1) / n * 360 - 180
        top, bottom = 0.5 - y / n, 0.5 - (y + 1) / n
        beside = left > east or right < west
        return not (beside or bottom > _mercator(north) or top < _mercator(south))


def _mercator(latitude: float) -> float:
    """Northing on the Mercator map, in parts of its width."""
    clipped = math.radians(min(max(latitude, -85.05), 85.05))
    return math.asinh(math.tan(clipped)) / (2 * math.pi)
