"""What covers the ground of the sample world: one of nine classes per 10 m pixel.

Classes follow altitude, slope, aspect and the distance to settlements, with borders shaped by
smooth noise. The map is static: seasons and seasonal snow are the business of ``season``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from eo_assets.sample import noise
from eo_assets.sample.grid import WORLD, to_utm

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Cover(IntEnum):
    """The land-cover classes and their codes in the truth."""

    BEECH = 1
    SPRUCE = 2
    MEADOW = 3
    ROCK = 4
    SNOW = 5
    SUMMER_CROP = 6
    CEREAL = 7
    BUILT_UP = 8
    WATER = 9


COLOURS = {
    Cover.BEECH: "4C9A2A", Cover.SPRUCE: "1B5E20", Cover.MEADOW: "B5D36B", Cover.ROCK: "9E9E9E",
    Cover.SNOW: "F5FAFF", Cover.SUMMER_CROP: "F2C14E", Cover.CEREAL: "E8D8A0",
    Cover.BUILT_UP: "C0392B", Cover.WATER: "2E6FB7",
}  # fmt: skip
"""Hexadecimal RGB per class."""

SETTLEMENTS = (
    (25.553, 45.350, 1100), (25.545, 45.387, 500), (25.541, 45.411, 800), (25.557, 45.447, 650),
    (25.577, 45.504, 850), (25.368, 45.513, 600), (25.362, 45.487, 500), (25.377, 45.455, 350),
    (25.398, 45.518, 550), (25.574, 45.320, 450), (25.440, 45.517, 650), (25.587, 45.303, 600),
)  # fmt: skip
"""Longitude, latitude (degrees) and radius (m) of towns and villages."""

RESERVOIR = (25.4365, 45.3790, 22.0)
"""Longitude and latitude of the dam (degrees), depth of the lake (m): Bolboci."""


@dataclass(frozen=True)
class LandCover:
    """The ground, all of dims ``(y, x)`` on the world grid.

    Attributes:
        cover: Class codes, uint8.
        parcel: What sets a field apart from its neighbours, standard normal, float32; 0 outside
            of cropland.
        elevation_m: Elevation with the reservoir's water surface in it, float32.
    """

    cover: NDArray[np.uint8]
    parcel: NDArray[np.float32]
    elevation_m: NDArray[np.float32]


def _distance_m(lon: float, lat: float) -> NDArray[np.float32]:
    (x,), (y,) = to_utm([lon], [lat])
    row, column = np.ogrid[: WORLD.height, : WORLD.width]
    east = WORLD.left + (column + 0.5) * WORLD.pixel_m - x
    north = WORLD.top - (row + 0.5) * WORLD.pixel_m - y
    return np.hypot(east, north).astype(np.float32)


def _reservoir(elevation_m: NDArray[np.float32]) -> tuple[NDArray[np.bool_], float]:
    """Where the water stands behind the dam, and how high (m)."""
    lon, lat, depth_m = RESERVOIR
    near = _distance_m(lon, lat) < 250
    foot = np.unravel_index(np.where(near, elevation_m, np.inf).argmin(), elevation_m.shape)
    level_m = float(elevation_m[foot]) + depth_m
    behind = (_distance_m(lon, lat) < 2600) & (np.arange(WORLD.height)[:, None] <= foot[0])
    lakes, _ = ndimage.label((elevation_m < level_m) & behind)
    return lakes == lakes[foot], level_m


def _parcels() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Strip fields: two independent values per field, standard normal, dims ``(y, x)``."""
    row, column = np.ogrid[: WORLD.height, : WORLD.width]
    bend = 12 * noise.spline("parcels/bend", WORLD.shape, 140)
    along = (0.82 * column + 0.57 * row + bend) / 38
    across = (-0.57 * column + 0.82 * row + bend) / 11
    block = np.floor(along).astype(int)
    strip = np.floor(across + 0.37 * block).astype(int)
    table = noise.generator("parcels").standard_normal((2, 4096)).astype(np.float32)
    number = (block * 73 + strip * 179) % 4096
    return table[0][number], table[1][number]


def _settled() -> NDArray[np.float32]:
    """How much a place is part of a settlement, 0 to 1, dims ``(y, x)``."""
    pull = np.zeros(WORLD.shape, np.float32)
    for lon, lat, radius_m in SETTLEMENTS:
        pull = np.maximum(pull, np.exp(-((_distance_m(lon, lat) / radius_m) ** 2) / 2))
    return pull


def land_cover(elevation_m: NDArray[np.float32]) -> LandCover:
    """Cover the ground: the class of each pixel of the world grid.

    Args:
        elevation_m: Elevation, metres, dims ``(y, x)``.

    Returns:
        Classes, fields and the elevation with the reservoir filled.
    """
    shape = WORLD.shape
    z = ndimage.gaussian_filter(elevation_m, 2)
    down, east = np.gradient(z, WORLD.pixel_m)
    slope = np.degrees(np.arctan(np.hypot(down, east)))
    northness = np.clip(down * 1.6, -1, 1)  # falls towards the north: rises with the row
    ragged, patchy = (noise.fractal(f"cover/{k}", shape, 55, octaves=5) for k in ("a", "b"))
    broad = noise.fractal("cover/broad", shape, 150, octaves=6, gain=0.6)
    height = z + 70 * northness + 75 * ragged

    cover = np.full(shape, Cover.MEADOW, np.uint8)
    cover[height < 1700] = Cover.SPRUCE
    cover[height + 90 * broad < 1330] = Cover.BEECH
    west = np.clip((379000 - (WORLD.left + WORLD.pixel_m * np.arange(WORLD.width))) / 4000, 0, 1)
    gentle = np.clip((17 - slope) / 8, 0, 1) * np.clip((1350 - z) / 150, 0, 1)
    cover[(broad + 2.2 * gentle * west > 1.75) & (z < 1500)] = Cover.MEADOW
    cover[(patchy > 2.1) & (slope < 20)] = Cover.MEADOW
    cover[(patchy + 1.4 * np.clip((900 - z) / 120, 0, 1) * (slope < 9) > 1.5)] = Cover.MEADOW

    kind, parcel = _parcels()
    arable = (z + 25 * broad < 860) & (slope + 1.5 * ragged < 8) & (patchy < 1.2)
    arable &= (np.arange(WORLD.height) < 640)[:, None]
    cover[arable] = Cover.MEADOW
    cover[arable & (kind > -0.5)] = Cover.SUMMER_CROP
    cover[arable & (kind > 0.35)] = Cover.CEREAL
    cover[(z > 1350) & (slope + 5 * patchy + (z - 1900) / 120 > 43)] = Cover.ROCK
    cover[(z > 2150) & (broad + (z - 2150) / 300 > 1.6)] = Cover.ROCK
    hollow = ndimage.gaussian_filter(z, 12) - z
    cover[(z + 60 * northness + 45 * ragged > 2230) & (hollow > 5) & (northness > 0.25)] = (
        Cover.SNOW
    )
    cover[(_settled() + 0.22 * ragged > 0.55) & (slope < 15)] = Cover.BUILT_UP

    shares = [ndimage.gaussian_filter((cover == code).astype(np.float32), 1.1) for code in Cover]
    cover = (np.argmax(shares, axis=0) + 1).astype(np.uint8)
    water, level_m = _reservoir(elevation_m)
    cover[water] = Cover.WATER
    is_crop = (cover == Cover.SUMMER_CROP) | (cover == Cover.CEREAL)
    return LandCover(
        cover=cover,
        parcel=np.where(is_crop, parcel, np.float32(0)),
        elevation_m=np.where(water, np.float32(level_m), elevation_m),
    )
