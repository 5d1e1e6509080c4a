"""Where the sun stands, and how much more or less of it a slope receives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eo_assets.sample.grid import CENTRE_LON_LAT, WORLD

if TYPE_CHECKING:
    from datetime import datetime

    from numpy.typing import NDArray

RESIDUAL = 0.5
"""Share of the terrain's illumination that atmospheric and terrain correction leave in L2A."""


@dataclass(frozen=True)
class Sun:
    """Position of the sun, degrees; the azimuth clockwise from north."""

    zenith_deg: float
    azimuth_deg: float


def sun_at(moment: datetime) -> Sun:
    """The sun over the region's centre at a moment in UTC, to about half a degree.

    References:
        Spencer (1971) for declination and equation of time, as given by NOAA's Global
        Monitoring Laboratory, "General Solar Position Calculations".
    """
    hour = moment.hour + moment.minute / 60 + moment.second / 3600
    year = 2 * math.pi / 365 * (moment.timetuple().tm_yday - 1 + (hour - 12) / 24)
    minutes = 229.18 * (
        0.000075
        + 0.001868 * math.cos(year)
        - 0.032077 * math.sin(year)
        - 0.014615 * math.cos(2 * year)
        - 0.040849 * math.sin(2 * year)
    )
    declination = (
        0.006918
        - 0.399912 * math.cos(year)
        + 0.070257 * math.sin(year)
        - 0.006758 * math.cos(2 * year)
        + 0.000907 * math.sin(2 * year)
        - 0.002697 * math.cos(3 * year)
        + 0.00148 * math.sin(3 * year)
    )
    lon, lat = CENTRE_LON_LAT
    angle = math.radians((hour * 60 + minutes + 4 * lon) / 4 - 180)
    phi = math.radians(lat)
    up = math.sin(phi) * math.sin(declination)
    up += math.cos(phi) * math.cos(declination) * math.cos(angle)
    north = math.cos(phi) * math.sin(declination)
    north -= math.sin(phi) * math.cos(declination) * math.cos(angle)
    east = -math.cos(declination) * math.sin(angle)
    return Sun(math.degrees(math.acos(up)), math.degrees(math.atan2(east, north)) % 360)


def relative_irradiance(elevation_m: NDArray[np.float32], sun: Sun) -> NDArray[np.float32]:
    """Direct sunlight on the slope relative to level ground: ``cos i / cos θs``, at least 0.

    Args:
        elevation_m: Elevation on the world grid, metres, dims ``(y, x)``.
        sun: Position of the sun.

    Returns:
        1 on level ground, more on slopes that face the sun, float32, dims ``(y, x)``.
    """
    down, east = np.gradient(elevation_m, np.float32(WORLD.pixel_m))
    azimuth = math.radians(sun.azimuth_deg)
    towards = np.float32(-math.sin(azimuth)) * east + np.float32(math.cos(azimuth)) * down
    cosine = 1 + np.float32(math.tan(math.radians(sun.zenith_deg))) * towards
    return np.maximum(cosine, 0) / np.sqrt(1 + down**2 + east**2)
