"""Which scenes of many touch a grid: an index in memory, asked for every block and tile."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox

from eo_assets.cube.scene import Scene, SourceFile
from eo_assets.cube.warp import to_longitude_latitude

PAD_DEG = 0.002
"""Two hundred metres: more than a straight line in one CRS bends in the other between vertices."""


class Whereabouts:
    """Where scenes lie.

    Args:
        scenes: The scenes. One whose files were probed lies where their grids do, else where its
            item says.
    """

    def __init__(self, scenes: Sequence[Scene]) -> None:
        bounds = np.array([_bounds(scene) for scene in scenes]).reshape(-1, 4)
        self._tree = shapely.STRtree(shapely.box(*bounds.T))

    def touching(self, geobox: GeoBox) -> list[int]:
        """Give the positions of the scenes that may touch a grid, in the order of the scenes."""
        west, south, east, north = _extent(geobox)
        return sorted(int(n) for n in self._tree.query(shapely.box(west, south, east, north)))


def _bounds(scene: Scene) -> tuple[float, float, float, float]:
    files: list[SourceFile] = [*scene.bands.values()]
    files += [scene.quality] if scene.quality else []
    grids = {file.grid for file in files}
    if None in grids or not grids:
        west, south, east, north = scene.bbox_4326
    else:
        extents = np.array([_extent(grid.geobox) for grid in grids if grid])
        west, south = extents[:, :2].min(axis=0)
        east, north = extents[:, 2:].max(axis=0)
    return west - PAD_DEG, south - PAD_DEG, east + PAD_DEG, north + PAD_DEG


def _extent(geobox: GeoBox) -> tuple[float, float, float, float]:
    edges = np.linspace(0, 1, 9)
    rows, columns = geobox.shape
    transform: Affine = geobox.transform
    column, row = np.meshgrid(edges * columns, edges * rows)
    x = transform.a * column + transform.b * row + transform.c
    y = transform.d * column + transform.e * row + transform.f
    lon, lat = to_longitude_latitude(str(geobox.crs), x, y)
    known: npt.NDArray[np.bool_] = np.isfinite(lon) & np.isfinite(lat)
    if not known.any():
        return -180.0, -90.0, 180.0, 90.0
    lon, lat = lon[known], lat[known]
    if lon.max() - lon.min() > 180:
        return -180.0, float(lat.min()), 180.0, float(lat.max())
    return float(lon.min()), float(lat.min()), float(lon.max()), float(lat.max())
