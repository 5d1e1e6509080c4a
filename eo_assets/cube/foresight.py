"""What ``eo_assets.cube.compositing`` is going to read for a grid, told without reading pixels.

The same scenes in the same order, the same windows of the same files; but which pixels a scene
leaves to the ones after it is told on a coarse grid, by its outline and the cloud its item states.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from eo_assets.cube.alignment import band_window, quality_window
from eo_assets.cube.block_index import BlockIndex, Cost
from eo_assets.cube.graph.operations import Composite, ValidPixels
from eo_assets.cube.grid import inside, project_outline
from eo_assets.cube.scene import Scene
from eo_assets.cube.scene_order import order_scenes, passes
from eo_assets.cube.warp import source_coordinates

COARSE_CELLS = 256
"""Edge of the coarse grid at most, cells."""

NEEDED_PX = 1.0
"""A scene is read where at least so many pixels are expected to need it."""

Share = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Foresight:
    """What is known of a cube before a pixel is read.

    Attributes:
        scenes: Its scenes.
        outlines: What each shows, by id: GeoJSON, longitude and latitude.
        indexes: Index of each file, by scene and band; ``quality`` is the quality band's.
        region: Outline of the region, GeoJSON, longitude and latitude.
        rule: How the cube composites.
        valid: Which of its pixels are usable; None when all are.
        bands: Its bands.
    """

    scenes: Sequence[Scene]
    outlines: Mapping[str, dict[str, Any]]
    indexes: Mapping[tuple[str, str], BlockIndex]
    region: dict[str, Any]
    rule: Composite
    valid: ValidPixels | None
    bands: Sequence[str]

    def cost(self, geobox: GeoBox, *, thorough: bool = False) -> tuple[Cost, int]:
        """Tell what evaluating the cube on a grid costs.

        Args:
            geobox: The grid.
            thorough: As if every scene were needed wherever it lies: the most it can cost.

        Returns:
            The cost, and the number of scenes that reach the grid.
        """
        total, reached = Cost(), []
        for position in order_scenes(self.scenes, self.rule.order):
            cost = self._quality(self.scenes[position], geobox)
            if cost.windows:
                total += cost
                reached.append(position)
        first = self.rule.method == "first"
        for group in [reached] if first else passes(self.scenes, reached):
            total += self._bands(group, geobox, thorough=thorough)
        return total, len(reached)

    def _quality(self, scene: Scene, geobox: GeoBox) -> Cost:
        if self.valid is None or scene.quality is None:
            band = next(iter(scene.bands))
            index = self.indexes[scene.id, band]
            window = band_window(index.grid, geobox)
        else:
            index = self.indexes[scene.id, "quality"]
            transform = Affine(*index.grid.transform)
            coordinates = source_coordinates(geobox, index.grid.crs, transform)
            window = quality_window(index.grid, self.valid, coordinates)
        return index.cost(window) if window else Cost()

    def _bands(self, positions: Sequence[int], geobox: GeoBox, *, thorough: bool) -> Cost:
        factor = max(-(-max(geobox.shape) // COARSE_CELLS), 1)
        coarse = geobox.zoom_out(factor)
        crs = CRS(geobox.crs)
        # the share of each cell's pixels that no scene so far is expected to have filled
        left: Share = inside(coarse, project_outline(self.region, crs).json).astype(np.float64)
        total = Cost()
        for position in positions:
            scene = self.scenes[position]
            seen = inside(coarse, project_outline(self.outlines[scene.id], crs).json)
            needed = seen & (left > 0)
            cloud = (scene.cloud_cover_pct or 0.0) / 100
            expected_px = left[needed].sum() * factor**2
            if not needed.any() or (expected_px * (1 - cloud) < NEEDED_PX and not thorough):
                continue
            part = geobox[_fine(needed, 0, factor), _fine(needed, 1, factor)]
            for band in self.bands:
                index = self.indexes.get((scene.id, band))
                window = index and band_window(index.grid, part)
                total += index.cost(window) if index and window else Cost()
            if not thorough:
                left[seen] *= cloud
        return total


def _fine(needed: npt.NDArray[np.bool_], axis: int, factor: int) -> slice:
    """Give the pixels of the cells from the first that is needed to the last."""
    found = np.nonzero(needed)[axis]
    return slice(int(found.min()) * factor, (int(found.max()) + 1) * factor)
