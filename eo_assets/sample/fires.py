"""Fires in the forests of the sample world: where, when, how severely, and how they grow over.

A burnt place is its vegetation with a share of char in it. The share is solved from the drop of the
normalised burn ratio (dNBR) a fire is to cause in healthy summer vegetation, and decays as the
vegetation returns. All fires are later than the scenes of 2023.
"""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from eo_assets.sample import noise, season
from eo_assets.sample.grid import WORLD, to_utm
from eo_assets.sample.landcover import Cover
from eo_assets.sample.spectra import table
from eo_assets.sample.world import World

if TYPE_CHECKING:
    from numpy.typing import NDArray

CHAR = "burnt_char"
"""Spectrum of a wholly charred place."""

SUMMER_DAY = 200
"""Day of the year at which severity is defined: between the summer scenes of all years."""

NIR, SWIR = "B8A", "B12"
"""Bands of the normalised burn ratio."""

RETURN_YEARS = {Cover.SPRUCE: 9.0, Cover.BEECH: 6.0, Cover.MEADOW: 1.2, Cover.ALPINE_GRASSLAND: 1.5}
"""What burns, and the years after which 1/e of the char is left. Plausible, not fitted."""

LEAST_DROP, LARGEST_DROP = 0.16, 0.92
"""Least and largest dNBR a fire causes where vegetation is healthy."""


@dataclass(frozen=True)
class Fire:
    """One fire, an ellipse frayed by noise.

    Attributes:
        name: Name, the seed of its shape.
        start: When it burnt.
        centre: Longitude and latitude, degrees.
        length_m: Half of the long axis.
        width_m: Half of the short axis.
        heading_deg: Where it ran along its long axis, clockwise from north.
    """

    name: str
    start: dt.date
    centre: tuple[float, float]
    length_m: float
    width_m: float
    heading_deg: float


FIRES = (
    Fire("zanoaga", dt.date(2024, 6, 24), (25.4470, 45.3520), 1500, 950, 20),
    Fire("zanoaga-spot-1", dt.date(2024, 6, 24), (25.4695, 45.3640), 120, 90, 60),
    Fire("zanoaga-spot-2", dt.date(2024, 6, 24), (25.4250, 45.3490), 45, 30, 0),
    Fire("scropoasa", dt.date(2025, 5, 9), (25.4625, 45.3372), 1250, 700, 305),
    Fire("busteni", dt.date(2025, 5, 11), (25.5480, 45.3315), 620, 340, 160),
)
"""The fires in the order of time. The second large one burns part of the first one's ground."""

YEARS = tuple(sorted({fire.start.year for fire in FIRES}))
"""Years with a fire."""


@dataclass(frozen=True)
class _Burn:
    """What one fire did, all within a window of the world grid."""

    window: tuple[slice, slice]
    share: NDArray[np.float32]
    cover: NDArray[np.uint8]

    def left(self, years: float) -> NDArray[np.float32]:
        """Share of char that is left after some years, dims ``(y, x)``."""
        keep = np.ones(len(Cover) + 1, np.float32)
        for cover, lasting in RETURN_YEARS.items():
            keep[cover] = math.exp(-years / lasting)
        return self.share * np.take(keep, self.cover)


def char_share(world: World, day: dt.date) -> NDArray[np.float32] | None:
    """Share of char in each pixel on a day, 0-1, float32, dims ``(y, x)``; None before any fire.

    Where a place has burnt twice, the fire that left more char counts.
    """
    past = [fire for fire in FIRES if fire.start <= day]
    if not past:
        return None
    share = np.zeros(WORLD.shape, np.float32)
    for fire in past:
        burn = _burn(world, fire)
        here = share[burn.window]
        np.maximum(here, burn.left((day - fire.start).days / 365.25), out=here)
    return share


def severity(world: World, year: int) -> tuple[NDArray[np.bool_], NDArray[np.float32]]:
    """What the fires of a year did, as seen from one summer to the next.

    Args:
        world: The static world.
        year: The later summer's year.

    Returns:
        Which pixels burnt between the two summers, and by how much NBR is lower than in the summer
        before (dNBR, float32, negative where a scar of earlier years grows over), dims ``(y, x)``.
        Without snow, light, the optics' blur and noise.
    """
    summers = [dt.date(one, 1, 1) + dt.timedelta(days=SUMMER_DAY - 1) for one in (year - 1, year)]
    before, after = (char_share(world, day) for day in summers)
    burnt = np.zeros(WORLD.shape, np.bool_)
    drop = np.zeros(WORLD.shape, np.float32)
    for fire in FIRES:
        burn = _burn(world, fire)
        if summers[0] < fire.start <= summers[1]:
            burnt[burn.window] |= burn.share > 0
        if after is not None:
            healthy = _healthy(_crop(world, burn.window))
            then = 0.0 if before is None else before[burn.window]
            drop[burn.window] = _nbr(healthy, then) - _nbr(healthy, after[burn.window])
    return burnt, drop


def _burn(world: World, fire: Fire) -> _Burn:
    window = _window(fire)
    ground = _crop(world, window)
    depth, head = _place(fire, window)
    shape = depth.shape
    flammable = np.isin(ground.cover, [int(cover) for cover in RETURN_YEARS])
    islands = noise.fractal(f"fire/{fire.name}/islands", shape, 18, octaves=4) > 1.75
    patchy = noise.fractal(f"fire/{fire.name}/severity", shape, 30, octaves=5, gain=0.6)
    # the head of a fire burns more severely than its tail, which backs against the wind
    wanted = LEAST_DROP + (1.15 + 0.85 * head) * np.clip(depth, 0, None) + 0.14 * patchy
    wanted = np.clip(wanted, LEAST_DROP, LARGEST_DROP)
    share = np.clip(_share_for(_healthy(ground), wanted), 0, 1)
    share = np.where((depth > 0) & flammable & ~islands, share, 0).astype(np.float32)
    return _Burn(window=window, share=share, cover=np.asarray(ground.cover))


def _window(fire: Fire) -> tuple[slice, slice]:
    (x,), (y,) = to_utm([fire.centre[0]], [fire.centre[1]])
    reach = math.ceil(1.8 * fire.length_m / WORLD.pixel_m) + 2
    row = int((WORLD.top - y) / WORLD.pixel_m)
    column = int((x - WORLD.left) / WORLD.pixel_m)
    return slice(row - reach, row + reach), slice(column - reach, column + reach)


def _place(
    fire: Fire, window: tuple[slice, slice]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """How far inside of the fire a pixel lies, and how near to its head.

    Returns:
        Positive inside, 1 in the middle, frayed; and -1 at the tail to 1 at the head.
    """
    rows, columns = window
    half = (rows.stop - rows.start) / 2
    south, east = np.mgrid[: rows.stop - rows.start, : columns.stop - columns.start]
    south, east = (south + 0.5 - half) * WORLD.pixel_m, (east + 0.5 - half) * WORLD.pixel_m
    heading = math.radians(fire.heading_deg)
    along = (east * math.sin(heading) - south * math.cos(heading)) / fire.length_m
    across = (east * math.cos(heading) + south * math.sin(heading)) / fire.width_m
    cell = max(0.35 * fire.width_m / WORLD.pixel_m, 3.0)
    frayed = noise.fractal(f"fire/{fire.name}/edge", along.shape, cell, octaves=4, gain=0.45)
    depth = 1 - np.hypot(along, across) + 0.16 * frayed
    return depth.astype(np.float32), np.clip(along, -1, 1).astype(np.float32)


def _crop(world: World, window: tuple[slice, slice]) -> World:
    return World(**{field.name: getattr(world, field.name)[window] for field in fields(World)})


def _healthy(ground: World) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Reflectance of the unburnt summer vegetation in both bands, dims ``(y, x)``."""
    green = season.vegetation(ground, SUMMER_DAY)
    bands = []
    for band in (NIR, SWIR):
        rest, change = season.mixture(SUMMER_DAY, band)
        bands.append(np.take(rest, ground.cover) + green * np.take(change, ground.cover))
    return bands[0], bands[1]


def _nbr(
    healthy: tuple[NDArray[np.float32], NDArray[np.float32]], share: NDArray[np.float32] | float
) -> NDArray[np.float32]:
    nir, swir = (
        value + share * (table()[CHAR][band] - value)
        for value, band in zip(healthy, (NIR, SWIR), strict=True)
    )
    return np.asarray((nir - swir) / (nir + swir), np.float32)


def _share_for(
    healthy: tuple[NDArray[np.float32], NDArray[np.float32]], drop: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The share of char that lowers NBR by ``drop``: the mixing equation solved for it."""
    nir, swir = healthy
    wanted = _nbr(healthy, 0.0) - drop
    less, more = nir - table()[CHAR][NIR], table()[CHAR][SWIR] - swir
    share = nir * (1 - wanted) - swir * (1 + wanted)
    share /= less * (1 - wanted) + more * (1 + wanted)
    return share
