"""The true surface reflectance of the sample world on one day: what a perfect sensor would see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from eo_assets.sample import fires, noise, season
from eo_assets.sample.grid import WORLD
from eo_assets.sample.landcover import Cover
from eo_assets.sample.spectra import table
from eo_assets.sample.sun import RESIDUAL, relative_irradiance, sun_at

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

    from eo_assets.sample.world import World

BAND_STD = 0.007
"""Relative standard deviation of a pixel in one band alone."""

BLUR_PX = 0.6
"""Width (standard deviation, pixels) of the optics' blur at 10 m: mixes classes at borders."""

BRIGHTNESS_STD_SHARE = 0.45
"""Share of a class's relative standard deviation that all bands have in common."""


class Surface:
    """The ground on one day; bands are computed when asked for.

    Args:
        world: The static world.
        moment: Acquisition in UTC: day of the year and position of the sun follow from it.
    """

    def __init__(self, world: World, moment: datetime) -> None:
        self._world = world
        self._day = moment.timetuple().tm_yday
        self._greenness = season.greenness(world, self._day)
        self._snow = season.snow(world, self._day)
        self._char = fires.char_share(world, moment.date())
        spread = np.zeros(len(Cover) + 1, np.float32)
        for cover in Cover:
            name, _ = season.season_spectra(cover, self._day)
            spread[cover] = BRIGHTNESS_STD_SHARE * table()[name]["relative_sd"]
        light = relative_irradiance(world.elevation_m, sun_at(moment))
        self._light = 1 + np.float32(RESIDUAL) * (np.clip(light, 0.1, 2.2) - 1)
        gain = np.take(spread, world.cover) * (world.texture + 0.8 * world.parcel)
        self._gain = np.exp(gain) * self._light

    def reflectance(self, band: str) -> NDArray[np.float32]:
        """Surface reflectance of a band (``B04``), 0–1, float32, 10 m, dims ``(y, x)``."""
        dormant, change = season.mixture(self._day, band)
        rho = np.take(change, self._world.cover)
        rho *= self._greenness
        rho += np.take(dormant, self._world.cover)
        if self._char is not None:
            rho += self._char * (np.float32(table()[fires.CHAR][band]) - rho)
        rho *= self._gain
        white = np.float32(table()["snow"][band]) * self._light
        rho += self._snow * (white - rho)
        rho *= 1 + np.float32(BAND_STD) * noise.white(f"texture/{band}", WORLD.shape)
        return ndimage.gaussian_filter(rho, BLUR_PX, truncate=3)
