"""Relief from elevation: shade, slope, aspect, by true pixel size, so that zooming changes nothing.

Horn's weighted differences of the eight neighbours, as GDAL's ``gdaldem`` and ESRI use them.

References:
    Horn 1981, doi:10.1109/PROC.1981.11918.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from eo_assets.cube.functions import Parameter, register

Array = npt.NDArray[Any]
PixelSize = tuple[Array, Array]


def gradients(elevation: Array, pixel_m: PixelSize) -> tuple[Array, Array]:
    """Give how elevation rises towards east and towards north, metres a metre.

    Args:
        elevation: Metres, north up, dims ``(y, x)``.
        pixel_m: Width and height of pixels on the ground, broadcastable.

    Returns:
        Two arrays in the shape of ``elevation``; NaN at its edge and beside missing pixels.
    """
    east, north = np.full(elevation.shape, np.nan), np.full(elevation.shape, np.nan)
    z = elevation.astype(np.float64)
    a, b, c = z[:-2, :-2], z[:-2, 1:-1], z[:-2, 2:]
    d, f = z[1:-1, :-2], z[1:-1, 2:]
    g, h, i = z[2:, :-2], z[2:, 1:-1], z[2:, 2:]
    inner = (slice(1, -1), slice(1, -1))
    east[inner] = ((c + 2 * f + i) - (a + 2 * d + g)) / 8
    north[inner] = ((a + 2 * b + c) - (g + 2 * h + i)) / 8
    return east / pixel_m[0], north / pixel_m[1]


def slope(elevation: Array, *, pixel_m: PixelSize) -> Array:
    """Give the slope, degrees from horizontal."""
    east, north = gradients(elevation, pixel_m)
    return np.degrees(np.arctan(np.hypot(east, north)))


def aspect(elevation: Array, *, pixel_m: PixelSize) -> Array:
    """Give where the slope faces, degrees clockwise from north; NaN where it is level."""
    east, north = gradients(elevation, pixel_m)
    facing = np.degrees(np.arctan2(-east, -north)) % 360
    return np.where((east == 0) & (north == 0), np.nan, facing)


def hillshade(
    elevation: Array, *, pixel_m: PixelSize, azimuth_deg: float, altitude_deg: float
) -> Array:
    """Give the cosine of the angle between the ground and the light, 0-1."""
    east, north = gradients(elevation, pixel_m)
    azimuth, altitude = np.radians(azimuth_deg), np.radians(altitude_deg)
    light = np.cos(altitude) * np.array([np.sin(azimuth), np.cos(azimuth)])
    shade = (np.sin(altitude) - east * light[0] - north * light[1]) / np.sqrt(
        1 + east * east + north * north
    )
    return np.clip(shade, 0, 1)


SLOPE = register(
    "slope", slope, inputs=("elevation",), halo_px=1, takes_pixel_size=True, title="Slope, degrees"
)
ASPECT = register(
    "aspect",
    aspect,
    inputs=("elevation",),
    halo_px=1,
    takes_pixel_size=True,
    title="Aspect, degrees clockwise from north",
)
HILLSHADE = register(
    "hillshade",
    hillshade,
    inputs=("elevation",),
    halo_px=1,
    parameters={
        "azimuth_deg": Parameter(default=315, minimum=0, maximum=360),
        "altitude_deg": Parameter(default=45, minimum=0, maximum=90),
    },
    takes_pixel_size=True,
    title="Shaded relief",
)
