"""How the ground of the sample world changes over the year: greenness and snow.

Vegetation moves between two spectra, green and dormant, so that its NDVI follows a double
logistic whose dates depend on the altitude. The parameters are plausible for the Southern
Carpathians and not fitted to observations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eo_assets.sample import noise
from eo_assets.sample.grid import WORLD
from eo_assets.sample.landcover import Cover
from eo_assets.sample.spectra import table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eo_assets.sample.world import World


@dataclass(frozen=True)
class Vegetation:
    """Spectra and NDVI season of a class.

    Attributes:
        green: Spectrum in full leaf.
        dormant: Spectrum at rest.
        winter: NDVI at rest.
        summer: NDVI in full leaf.
        start: Day of the year of half green-up at the reference altitude.
        end: Day of the year of half senescence there.
        rise: Steepness of green-up, 1/day.
        fall: Steepness of senescence, 1/day.
        altitude_m: Reference altitude; above it green-up is later, senescence earlier.
    """

    green: str
    dormant: str
    winter: float
    summer: float
    start: float
    end: float
    rise: float
    fall: float
    altitude_m: float


LEAFLESS = "broadleaf_forest_winter_leafless"
FOLIAGE = "broadleaf_forest_autumn_foliage"
DRY_GRASS = "alpine_grass_dry_autumn"

MEADOW_GREEN = "alpine_meadow_green"
STUBBLE = "cropland_senescent_stubble"

SEASONS = {
    Cover.BEECH: Vegetation(
        "broadleaf_forest_summer", LEAFLESS, 0.45, 0.86, 118, 290, 0.10, 0.10, 800
    ),
    Cover.SPRUCE: Vegetation("conifer_forest", LEAFLESS, 0.70, 0.83, 120, 290, 0.05, 0.05, 1400),
    Cover.MEADOW: Vegetation(MEADOW_GREEN, DRY_GRASS, 0.40, 0.74, 128, 276, 0.09, 0.06, 1100),
    Cover.ALPINE_GRASSLAND: Vegetation(
        MEADOW_GREEN, DRY_GRASS, 0.34, 0.59, 156, 262, 0.11, 0.06, 2000
    ),
    Cover.SUMMER_CROP: Vegetation(
        "cropland_green", "bare_soil", 0.12, 0.87, 158, 262, 0.11, 0.12, 700
    ),
    Cover.CEREAL: Vegetation("cropland_green", STUBBLE, 0.30, 0.86, 105, 184, 0.10, 0.25, 700),
}
"""Season of each class that has one."""

BARE = {
    Cover.ROCK: "rock_light",
    Cover.SNOW: "snow",
    Cover.WATER: "clear_lake_water",
}
"""Spectrum of each class that has no season; towns are roofs with gardens between them."""

VIGOUR_STD = 0.045
"""Standard deviation of the green share among places of one class and altitude."""

LATER_DAYS_PER_M, EARLIER_DAYS_PER_M = 0.025, 0.015

SNOW_LINE = ((1, 900), (75, 1250), (111, 1690), (146, 2230), (170, 2600), (260, 2650),
             (286, 2380), (321, 1650), (366, 900))  # fmt: skip
"""Day of the year and altitude (m) where half of the ground is under snow."""


def season_spectra(cover: Cover, day: int) -> tuple[str, dict[str, float]]:
    """Name of the green spectrum of a class, and its dormant spectrum on a day of the year.

    Beech leaves turn before they fall: around day 290 its dormant spectrum is that of the
    foliage, later that of bare branches.
    """
    spectra = table()
    if cover is Cover.BUILT_UP:
        return MEADOW_GREEN, spectra["urban_mixed"]
    if cover in BARE:
        return BARE[cover], spectra[BARE[cover]]
    season = SEASONS[cover]
    turned = np.exp(-(((day - 288) / 14) ** 2)) if cover is Cover.BEECH else 0.0
    dormant, foliage = spectra[season.dormant], spectra[FOLIAGE]
    return season.green, {
        name: (1 - turned) * value + turned * foliage[name] for name, value in dormant.items()
    }


def _ndvi(
    season: Vegetation, day: int, elevation_m: NDArray[np.float32], parcel: NDArray[np.float32]
) -> NDArray[np.float32]:
    """NDVI of a class on a day, from a double logistic, for pixels given in any shape."""
    above_m = elevation_m - np.float32(season.altitude_m)
    start = season.start + LATER_DAYS_PER_M * above_m + 4 * parcel
    end = season.end - EARLIER_DAYS_PER_M * above_m + 2 * parcel
    risen = 1 / (1 + np.exp(-season.rise * (day - start)))
    fallen = 1 / (1 + np.exp(season.fall * (day - end)))
    return season.winter + (season.summer - season.winter) * (risen + fallen - 1)


def mixture(day: int, band: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Dormant reflectance of each class in a band, and what full green adds to it.

    Returns:
        Two arrays, float32, indexed by class code.
    """
    dormant = np.zeros(len(Cover) + 1, np.float32)
    change = np.zeros(len(Cover) + 1, np.float32)
    for cover in Cover:
        green, rest = season_spectra(cover, day)
        dormant[cover] = rest[band]
        change[cover] = table()[green][band] - rest[band]
    return dormant, change


def vegetation(world: World, day: int) -> NDArray[np.float32]:
    """Share of the green spectrum in the mixture of classes that have a season; 0 elsewhere.

    The share is solved from the NDVI the season asks for; it may leave 0 to 1 a little, where
    the vegetation is drier or lusher than either spectrum of the table.

    Args:
        world: The world, or a part of it.
        day: Day of the year.

    Returns:
        Float32, dims ``(y, x)``.
    """
    share = np.zeros(world.cover.shape, np.float32)
    for cover, season in SEASONS.items():
        here = world.cover == cover
        ndvi = _ndvi(season, day, world.elevation_m[here], world.parcel[here])
        green_name, dormant = season_spectra(cover, day)
        green = table()[green_name]
        rise, drop = green["B08"] - dormant["B08"], green["B04"] - dormant["B04"]
        wanted = dormant["B04"] * (1 + ndvi) - dormant["B08"] * (1 - ndvi)
        mixed = wanted / (rise * (1 - ndvi) - drop * (1 + ndvi))
        share[here] = np.clip(mixed + np.float32(VIGOUR_STD) * world.vigour[here], -0.4, 1.1)
    return share


def greenness(world: World, day: int) -> NDArray[np.float32]:
    """Share of the green spectrum in each pixel's mixture, gardens of towns included.

    Returns:
        Float32, dims ``(y, x)`` of the world grid.
    """
    gardens = np.clip(0.3 * noise.spline("season/gardens", WORLD.shape, 3.5), 0, 0.6)
    return np.where(world.cover == Cover.BUILT_UP, gardens, vegetation(world, day))


def snow(world: World, day: int) -> NDArray[np.float32]:
    """Share of the ground under snow, 0 to 1, float32, dims ``(y, x)``."""
    line_m = np.interp(day, [d for d, _ in SNOW_LINE], [m for _, m in SNOW_LINE])
    down, east = np.gradient(world.elevation_m, np.float32(WORLD.pixel_m))
    lie_m = 160 * np.clip(down, -1, 1) + 70 * noise.fractal(
        "snow/drift", WORLD.shape, 40, octaves=5
    )
    lie_m -= 400 * np.clip(np.hypot(down, east) - 0.7, 0, None)
    share = 1 / (1 + np.exp(-(world.elevation_m + lie_m - line_m) / 25))
    share[world.cover == Cover.WATER] = 0
    share[world.cover == Cover.SPRUCE] *= 0.3
    share[world.cover == Cover.BEECH] *= 0.5
    return np.where(share > 0.02, share, 0).astype(np.float32)
