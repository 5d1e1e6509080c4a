"""What covers the ground of the sample world: one of ten classes per 10 m pixel.

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
    ALPINE_GRASSLAND = 4
    ROCK = 5
    SNOW = 6
    SUMMER_CROP = 7
    CEREAL = 8
    BUILT_UP = 9
    WATER = 10


COLOURS = {
    Cover.BEECH: "4C9A2A",
    Cover.SPRUCE: "1B5E20",
    Cover.MEADOW: "B5D36B",
    Cover.ALPINE_GRASSLAND: "C9B86A",
    Cover.ROCK: "9E9E9E",
    Cover.SNOW: "F5FAFF",
    Cover.SUMMER_CROP: "F2A63B",
    Cover.CEREAL: "F0DFA8",
    Cover.BUILT_UP: "C0392B",
    Cover.WATER: "2E6FB7",
}
"""Hexadecimal RGB per class."""

SETTLEMENTS = (
    (25.553, 45.350, 1100), (25.545, 45.387, 500), (25.541, 45.411, 800), (25.557, 45.447, 650),
    (25.577, 45.504, 850), (25.368, 45.513, 600), (25.362, 45.487, 500), (25.377, 45.455, 350),
    (25.398, 45.518, 550), (25.574, 45.320, 450), (25.440, 45.517, 650), (25.587, 45.303, 600),
)  # fmt: skip
"""Longitude, latitude (degrees) and radius (m) of towns and villages."""

RESERVOIR = ((25.4365, 45.3720), (25.4395, 45.3930))
"""The dam and the upper end of the lake in the Ialomița valley, longitude and latitude: Bolboci."""

SHORE_M = 350
"""Distance over which the ground around the reservoir is fitted to its level."""


@dataclass(frozen=True)
class LandCover:
    """The ground, all of dims ``(y, x)`` on the world grid.

    Attributes:
        cover: Class codes, uint8.
        parcel: What sets a field or hay meadow apart from its neighbours, standard normal,
            float32; 0 elsewhere.
        elevation_m: Elevation with the reservoir's water surface in it, float32.
    """

    cover: NDArray[np.uint8]
    parcel: NDArray[np.float32]
    elevation_m: NDArray[np.float32]


def _distance_m(lon: float, lat: float) -> NDArray[np.float32]:
    (x,), (y,) = to_utm([lon], [lat])
    row, column = np.ogrid[: WORLD.height, : WORLD.width]
    east = (WORLD.left + (column + 0.5) * WORLD.pixel_m - x).astype(np.float32)
    north = (WORLD.top - (row + 0.5) * WORLD.pixel_m - y).astype(np.float32)
    return np.sqrt(east**2 + north**2)


def _reservoir(
    elevation_m: NDArray[np.float32],
) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """Where the water stands behind the dam, and the elevation with the lake in it."""
    (west, east), (south, north) = to_utm(*zip(*RESERVOIR, strict=True))
    rows = np.arange(int(WORLD.top - north) // 10, int(WORLD.top - south) // 10)
    first = int(min(west, east) - WORLD.left) // 10 - 60
    valley = ndimage.gaussian_filter(elevation_m[rows, first : first + 140], (12, 4))
    thalweg = first + ndimage.gaussian_filter1d(valley.argmin(axis=1).astype(float), 15)
    width = 15 * np.sqrt(np.linspace(0, 1, len(rows))) + 2
    width *= 1 + 0.25 * noise.spline("reservoir", (len(rows), 1), 14)[:, 0]
    water = np.zeros(WORLD.shape, bool)
    water[rows] = np.abs(np.arange(WORLD.width) - thalweg[:, None]) < width[:, None]
    level_m = np.float32(np.median(elevation_m[water]))
    around = np.s_[rows[0] - 50 : rows[-1] + 50, first - 50 : first + 190]
    shore_m = np.full(WORLD.shape, SHORE_M, np.float32)
    shore_m[around] = WORLD.pixel_m * ndimage.distance_transform_edt(~water[around])
    blend = np.clip(shore_m / SHORE_M, 0, 1)
    blend *= blend * (3 - 2 * blend)
    bank_m = level_m + np.float32(0.12) * shore_m
    return water, np.where(water, level_m, bank_m + blend * (elevation_m - bank_m))


def strips() -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """Lay out strip fields: the block each pixel belongs to and its strip, dims ``(y, x)``."""
    row, column = np.ogrid[: WORLD.height, : WORLD.width]
    bend = 12 * noise.spline("parcels/bend", WORLD.shape, 140)
    along = (0.82 * column + 0.57 * row + bend) / 38
    across = (-0.57 * column + 0.82 * row + bend) / 11
    block = np.floor(along).astype(int)
    return block, np.floor(across + 0.37 * block).astype(int)


def _parcels() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Strip fields: two independent values per field, standard normal, dims ``(y, x)``."""
    block, strip = strips()
    table = noise.generator("parcels").standard_normal((2, 4096)).astype(np.float32)
    number = (block * 73 + strip * 179) % 4096
    return table[0][number], table[1][number]


def _settled() -> NDArray[np.float32]:
    """How much a place is part of a settlement, 0 to 1, dims ``(y, x)``."""
    pull = np.zeros(WORLD.shape, np.float32)
    for lon, lat, radius_m in SETTLEMENTS:
        far = _distance_m(lon, lat) / np.float32(radius_m)
        np.maximum(pull, np.exp(-(far**2) / 2), out=pull)
    return pull


def _forest_and_grass(relief: _Relief) -> NDArray[np.uint8]:
    """Beech below spruce below grass, pastures where it is gentle, dims ``(y, x)``."""
    z, slope, ragged, broad = relief.z, relief.slope_deg, relief.ragged, relief.broad
    height = z + 70 * relief.northness + 75 * ragged + 4 * np.clip(relief.hollow_m, 0, 18)
    cover = np.full(WORLD.shape, Cover.ALPINE_GRASSLAND, np.uint8)
    cover[height + 110 * broad < 1860] = Cover.MEADOW
    cover[height < 1690] = Cover.SPRUCE
    cover[height + 90 * broad < 1330] = Cover.BEECH
    column = np.arange(WORLD.width)
    west = np.clip((379000 - WORLD.left - WORLD.pixel_m * column) / 4000, 0, 1)
    pasture = np.clip((17 - slope) / 8, 0, 1) * np.clip((1350 - z) / 150, 0, 1) * west
    floor = np.clip((900 - z) / 120, 0, 1) * (slope < 9)
    open_land = (broad + 2.2 * pasture > 1.75) & (z < 1500)
    open_land |= (relief.patchy > 2.1) & (slope < 20) & (z < 1690)
    open_land |= relief.patchy + 1.4 * floor > 1.5
    cover[open_land & (cover < Cover.MEADOW)] = Cover.MEADOW
    return cover


def _fields(cover: NDArray[np.uint8], relief: _Relief) -> NDArray[np.float32]:
    """Put fields into the basin in the north; return each field's individuality."""
    kind, parcel = _parcels()
    row = np.arange(WORLD.height)[:, None]
    limit_m = 865 - 0.5 * np.clip(row - 420, 0, None)
    arable = (relief.z + 25 * relief.broad < limit_m) & (relief.patchy < 1.2)
    arable &= relief.slope_deg + 1.5 * relief.ragged < 8
    cover[arable] = Cover.MEADOW
    cover[arable & (kind > -0.5)] = Cover.SUMMER_CROP
    cover[arable & (kind > 0.35)] = Cover.CEREAL
    return parcel


@dataclass(frozen=True)
class _Relief:
    """What decides about the cover, all of dims ``(y, x)``; the last three are noise."""

    z: NDArray[np.float32]
    slope_deg: NDArray[np.float32]
    northness: NDArray[np.float32]
    hollow_m: NDArray[np.float32]
    ragged: NDArray[np.float32]
    patchy: NDArray[np.float32]
    broad: NDArray[np.float32]

    @classmethod
    def of(cls, elevation_m: NDArray[np.float32]) -> _Relief:
        z = ndimage.gaussian_filter(elevation_m, 1.5)
        down, east = np.gradient(z, np.float32(WORLD.pixel_m))
        return cls(
            z=z,
            slope_deg=np.degrees(np.arctan(np.hypot(down, east))),
            northness=np.clip(1.6 * down, -1, 1, dtype=np.float32),  # falls to the north
            hollow_m=ndimage.gaussian_filter(z, 9, truncate=2.5) - z,
            ragged=noise.fractal("cover/ragged", WORLD.shape, 55, octaves=5, gain=0.62),
            patchy=noise.fractal("cover/patchy", WORLD.shape, 55, octaves=5),
            broad=noise.fractal("cover/broad", WORLD.shape, 150, octaves=6, gain=0.6),
        )


def _without_specks(cover: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give each pixel the class that prevails around it, dims ``(y, x)``."""
    prevailing, most = cover.copy(), np.zeros(cover.shape, np.float32)
    for code in Cover:
        share = ndimage.gaussian_filter((cover == code).astype(np.float32), 0.9, truncate=2.3)
        more = share > most
        prevailing[more] = code
        np.maximum(most, share, out=most)
    return prevailing


def land_cover(elevation_m: NDArray[np.float32]) -> LandCover:
    """Cover the ground: the class of each pixel of the world grid.

    Args:
        elevation_m: Elevation, metres, dims ``(y, x)``.

    Returns:
        Classes, fields and the elevation with the reservoir filled.
    """
    water, elevation_m = _reservoir(elevation_m)
    relief = _Relief.of(elevation_m)
    z, slope, patchy, broad = relief.z, relief.slope_deg, relief.patchy, relief.broad
    cover = _forest_and_grass(relief)
    parcel = _fields(cover, relief)
    sharp = slope + 0.8 * np.clip(-relief.hollow_m, -10, 15)
    cover[(z > 1350) & (sharp + 5 * patchy + (z - 1900) / 50 > 43)] = Cover.ROCK
    stony = 0.5 * broad + 0.6 * relief.ragged + (sharp - 15) / 14 + (z - 2250) / 250
    cover[(z > 2000) & (stony > 1.7)] = Cover.ROCK
    shaded = z + 60 * relief.northness + 45 * relief.ragged > 2180
    cover[shaded & (relief.hollow_m > 4.5) & (relief.northness > 0.2)] = Cover.SNOW
    cover[(_settled() * np.exp(0.45 * relief.ragged) > 0.55) & (slope < 16)] = Cover.BUILT_UP
    cover = _without_specks(cover)
    cover[water] = Cover.WATER
    is_field = (cover == Cover.SUMMER_CROP) | (cover == Cover.CEREAL)
    is_field |= (cover == Cover.MEADOW) & (z + 40 * broad < 930) & (slope < 12)
    return LandCover(
        cover=cover,
        parcel=np.where(is_field, parcel, np.float32(0)),
        elevation_m=elevation_m,
    )
