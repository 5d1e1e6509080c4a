"""The relief of the sample world: elevation, and how the sun falls on it.

The large shape follows the Bucegi massif as any map shows it: a horseshoe of two ridges that meet
at Omu, the Ialomița valley between them, the Prahova valley in the east, the Bran corridor in the
west, the Bârsa basin in the north. All detail below a kilometre is simulated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.interpolate import RBFInterpolator

from eo_assets.sample import noise
from eo_assets.sample.grid import WORLD, to_utm

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOWEST_M, HIGHEST_M = 650.0, 2505.0

RIDGES = (
    (25.457, 45.446, 2480), (25.497, 45.420, 2440), (25.490, 45.410, 2340), (25.480, 45.395, 2170),
    (25.515, 45.375, 2080), (25.485, 45.375, 1980), (25.500, 45.355, 2010), (25.505, 45.335, 1800),
    (25.510, 45.315, 1600), (25.440, 45.425, 2370), (25.415, 45.405, 2170), (25.402, 45.390, 1960),
    (25.415, 45.365, 1980), (25.420, 45.335, 1750), (25.425, 45.305, 1500), (25.447, 45.465, 2050),
    (25.475, 45.465, 1900), (25.500, 45.475, 1400), (25.545, 45.485, 1380), (25.565, 45.520, 1350),
    (25.595, 45.470, 1500), (25.602, 45.420, 1560), (25.602, 45.380, 1480), (25.602, 45.340, 1200),
    (25.355, 45.430, 1200), (25.358, 45.400, 1270), (25.360, 45.312, 1700), (25.385, 45.325, 1500),
    (25.430, 45.445, 2100), (25.470, 45.435, 2380),
)  # fmt: skip
"""Longitude, latitude (degrees) and elevation (m) of summits and crests, rounded."""

VALLEYS = (
    (25.448, 45.430, 2080), (25.445, 45.415, 1800), (25.440, 45.398, 1580), (25.435, 45.380, 1450),
    (25.437, 45.360, 1400), (25.447, 45.340, 1230), (25.460, 45.320, 1080), (25.465, 45.298, 980),
    (25.577, 45.508, 1030), (25.562, 45.475, 960), (25.555, 45.448, 915), (25.540, 45.412, 870),
    (25.545, 45.385, 830), (25.555, 45.350, 780), (25.575, 45.320, 720), (25.588, 45.298, 680),
    (25.460, 45.468, 1600), (25.455, 45.487, 1100), (25.435, 45.462, 1600), (25.428, 45.485, 980),
    (25.515, 45.440, 1180), (25.525, 45.428, 1000), (25.460, 45.522, 740), (25.420, 45.518, 700),
    (25.385, 45.522, 680), (25.440, 45.505, 800), (25.500, 45.518, 900), (25.368, 45.505, 740),
    (25.360, 45.480, 800), (25.372, 45.455, 900), (25.388, 45.432, 1100), (25.402, 45.422, 1350),
    (25.355, 45.370, 1080), (25.375, 45.355, 1150), (25.348, 45.340, 1200), (25.348, 45.520, 720),
    (25.480, 45.500, 950), (25.395, 45.475, 1000),
)  # fmt: skip
"""The same of valley floors and basins."""


def _massif() -> NDArray[np.float32]:
    """The large shape: a thin-plate surface through ridges and valleys, metres, dims ``(y, x)``."""
    lon, lat, height_m = zip(*RIDGES, *VALLEYS, strict=True)
    step = 30
    rows, columns = (np.arange(0, size + step, step) for size in WORLD.shape)
    x = WORLD.left + columns * WORLD.pixel_m
    y = WORLD.top - rows * WORLD.pixel_m
    nodes = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)
    east, north = to_utm(lon, lat)
    surface = RBFInterpolator(np.column_stack([north, east]), np.array(height_m, float))
    coarse = surface(nodes).reshape(len(rows), len(columns))
    row, column = np.ogrid[: WORLD.height, : WORLD.width]
    position = np.broadcast_arrays(row / step, column / step)
    return ndimage.map_coordinates(coarse.astype(np.float32), position, order=3, mode="nearest")


def _gullies(name: str, height: NDArray[np.float32], cell: int) -> NDArray[np.float32]:
    """Furrows that run down the slopes of a surface, -1 to 1, dims ``(y, x)``.

    Each cell of a lattice carries a cosine wave across the direction of the slope; neighbouring
    waves are blended, so that furrows meet and branch on the way down.

    Args:
        name: Name, hence seed.
        height: The surface; only the direction of its slope matters.
        cell: Distance of the waves' centres and about the furrows' own distance, pixels.
    """
    down, across = np.gradient(ndimage.gaussian_filter(height, cell / 5))
    steep = np.hypot(down, across) + np.float32(1e-6)
    down, across = -across / steep, down / steep  # along the contour: the waves' direction
    rows, columns = height.shape
    lattice = (rows // cell + 3, columns // cell + 3, 3)
    offset = noise.generator(name).random(lattice, dtype=np.float32)
    row, column = np.ogrid[:rows, :columns]
    total, weights = np.zeros((2, rows, columns), np.float32)
    for i in range(3):
        for j in range(3):
            near = offset[(row // cell) + i, (column // cell) + j]
            dy = ((row % cell) / cell - (i - 1)).astype(np.float32) - near[..., 0]
            dx = ((column % cell) / cell - (j - 1)).astype(np.float32) - near[..., 1]
            weight = np.exp(-2.5 * (dy * dy + dx * dx))
            phase = 2 * np.pi * (1.1 * (dy * down + dx * across) + near[..., 2])
            total += weight * np.cos(phase)
            weights += weight
    return total / weights


def _carve(height: NDArray[np.float32]) -> NDArray[np.float32]:
    """Carve ravines of ever smaller size into slopes, the deeper the steeper they are."""
    for step, cell, depth in ((8, 20, 0.14), (4, 20, 0.17), (2, 20, 0.14), (2, 9, 0.11)):
        coarse = ndimage.zoom(height, 1 / step, order=1, grid_mode=True, mode="nearest")
        pixel_m = step * WORLD.pixel_m
        down, across = np.gradient(ndimage.gaussian_filter(coarse, cell / 3, truncate=2.5), pixel_m)
        slope = np.clip(np.hypot(down, across) - 0.03, 0, 0.75)
        furrow = _gullies(f"terrain/gullies/{step}/{cell}", coarse, cell)
        cut = np.float32(depth * cell * pixel_m) * slope * furrow
        height = height + ndimage.zoom(cut, step, order=1, grid_mode=True, mode="nearest")
    return height


def elevation() -> NDArray[np.float32]:
    """Elevation of the world grid, metres, float32, dims ``(y, x)``, 650 to 2505."""
    massif = _massif()
    down, across = np.gradient(massif, np.float32(WORLD.pixel_m))
    steepness = np.hypot(down, across)
    crests = noise.ridged("terrain/crests", WORLD.shape, 160, octaves=3, gain=0.5)
    swell = noise.fractal("terrain/swell", WORLD.shape, 110, octaves=4, gain=0.45)
    rough = noise.fractal("terrain/rough", WORLD.shape, 14, octaves=2)
    height = massif + (20 + 330 * np.clip(steepness, 0, 0.6)) * crests + 13 * swell
    height = _carve(height.astype(np.float32))
    height += (0.4 + 4 * np.clip(steepness, 0, 0.7)) * rough
    low, high = np.percentile(height, 0.02), height.max()
    height = LOWEST_M + (height - low) * (HIGHEST_M - LOWEST_M) / (high - low)
    return np.maximum(height, LOWEST_M).astype(np.float32)
