"""Clouds, cirrus and shadows of one acquisition, with the truth about them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from eo_assets.sample import noise
from eo_assets.sample.grid import REGION, WORLD
from eo_assets.sample.spectra import table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eo_assets.sample.schedule import Weather
    from eo_assets.sample.sun import Sun

CLOUDY = 0.1
"""Opacity from which the truth calls a pixel cloudy."""

SHADOWED = 0.15
"""Opacity of the cloud in front of the sun from which the truth calls a pixel shadowed."""

DIRECT_SHARE = {
    "B01": 0.42, "B02": 0.46, "B03": 0.50, "B04": 0.54, "B05": 0.56, "B06": 0.58, "B07": 0.58,
    "B08": 0.58, "B8A": 0.60, "B11": 0.64, "B12": 0.66,
}  # fmt: skip
"""Share of a band's light that a thick cloud takes away: blue skies light shadows."""

_STEP = 2  # clouds are simulated at 20 m
_MARGIN = 300  # of their pixels: 6 km, from where a low sun still throws shadows into the region


@dataclass(frozen=True)
class Sky:
    """What stands between ground and sensor, all of dims ``(y, x)`` on the world grid.

    Attributes:
        cloud: Opacity of the clouds, 0–1, float32.
        cirrus: Opacity of the high veil, 0–1, float32.
        shadow: Opacity of the cloud in front of the sun, 0–1, float32; 0 under clouds.
        billow: Brightness of the clouds relative to their mean, float32.
    """

    cloud: NDArray[np.float32]
    cirrus: NDArray[np.float32]
    shadow: NDArray[np.float32]
    billow: NDArray[np.float32]

    def observe(self, rho: NDArray[np.float32], band: str) -> NDArray[np.float32]:
        """Surface reflectance as it appears below this sky, float32, dims ``(y, x)``."""
        seen = rho * (1 - np.float32(DIRECT_SHARE[band]) * self.shadow)
        white = np.float32(table()["cloud_thick"][band])
        seen += self.cirrus * (np.float32(0.75) * white - seen)
        seen += self.cloud * (white * self.billow - seen)
        return seen

    def truth(self) -> NDArray[np.uint8]:
        """0 clear, 1 cloud or cirrus, 2 cloud shadow, uint8, dims ``(y, x)``."""
        truth = np.zeros(WORLD.shape, np.uint8)
        truth[self.shadow >= SHADOWED] = 2
        truth[(self.cloud >= CLOUDY) | (self.cirrus >= CLOUDY)] = 1
        return truth


def _opacity(density: NDArray[np.float32], cover: float, softness: float) -> NDArray[np.float32]:
    """Opacity of a random density such that a share ``cover`` of the region is cloudy."""
    if cover <= 0:
        return np.zeros_like(density)
    rows, columns = REGION.window_in(WORLD)
    inner = density[
        _MARGIN + rows.start // _STEP : _MARGIN + rows.stop // _STEP,
        _MARGIN + columns.start // _STEP : _MARGIN + columns.stop // _STEP,
    ]
    edge = np.quantile(inner, 1 - cover)
    rise = np.clip((density - edge) / np.float32(softness) + np.float32(0.2), 0, 1)
    return rise * rise * (3 - 2 * rise)


def _to_world(coarse: NDArray[np.float32]) -> NDArray[np.float32]:
    """Bring the simulated sky from 20 m with its margin to the world's 10 m."""
    inner = coarse[_MARGIN - 1 : -_MARGIN + 1, _MARGIN - 1 : -_MARGIN + 1]
    fine = np.repeat(np.repeat(inner, _STEP, axis=0), _STEP, axis=1)
    return ndimage.uniform_filter(fine, 3)[_STEP:-_STEP, _STEP:-_STEP]


def _shadow(
    opacity: NDArray[np.float32], elevation_m: NDArray[np.float32], weather: Weather, sun: Sun
) -> NDArray[np.float32]:
    """Opacity met on the way from each ground pixel to the sun, dims ``(y, x)`` of the world."""
    ground = elevation_m[::_STEP, ::_STEP]
    pixel_m = WORLD.pixel_m * _STEP
    reach = np.clip(weather.base_m - ground, 150, None) * math.tan(math.radians(sun.zenith_deg))
    reach = np.minimum(reach / pixel_m, _MARGIN - 2)
    row, column = np.mgrid[: ground.shape[0], : ground.shape[1]].astype(np.float32)
    azimuth = math.radians(sun.azimuth_deg)
    towards = [
        row + _MARGIN - reach * math.cos(azimuth),
        column + _MARGIN + reach * math.sin(azimuth),
    ]
    cast = ndimage.map_coordinates(opacity, towards, order=1)
    return _to_world(np.pad(ndimage.gaussian_filter(cast, 1.0), _MARGIN))


def make_sky(name: str, weather: Weather, elevation_m: NDArray[np.float32], sun: Sun) -> Sky:
    """Simulate the sky of one acquisition.

    Args:
        name: Name of the acquisition, the sky's seed.
        weather: How much of which cloud.
        elevation_m: Elevation on the world grid, metres, dims ``(y, x)``.
        sun: Position of the sun: shadows lie on the other side.

    Returns:
        The sky over the world grid.
    """
    shape = (WORLD.height // _STEP + 2 * _MARGIN, WORLD.width // _STEP + 2 * _MARGIN)
    cell = weather.size_m / (WORLD.pixel_m * _STEP)
    density = noise.fractal(f"sky/{name}/density", shape, cell, octaves=6, gain=0.55)
    opacity = _opacity(density, weather.cover, weather.softness)
    veil = noise.fractal(f"sky/{name}/veil", shape, 220, octaves=5, gain=0.5)
    cirrus = np.float32(0.22) * _opacity(veil, weather.cirrus, 2.0)
    billow = 1 + np.float32(0.10) * noise.fractal(f"sky/{name}/billow", shape, 16, octaves=3)
    billow += np.float32(0.12) * np.clip(density - density.mean(), -1.5, 1.5)
    cloud = _to_world(opacity)
    shadow = _shadow(opacity, elevation_m, weather, sun)
    return Sky(
        cloud=cloud,
        cirrus=_to_world(cirrus),
        shadow=shadow * (1 - cloud),
        billow=_to_world(billow),
    )
