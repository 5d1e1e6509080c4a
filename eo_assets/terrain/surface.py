"""Slope, aspect and shade of a surface, from the nine heights around each pixel.

Every function takes heights with one pixel more on each side - the halo, ``HALO_PX`` - and gives
arrays without it. A pixel's value depends on its nine heights and its size on the ground alone, so
that any way of cutting up a grid gives the same bytes. Where one of the nine heights is unknown
(NaN) so is the result.

Gradients: B. K. P. Horn, "Hill shading and the reflectance map", Proceedings of the IEEE 69 (1981),
eq. for the weighted 3 × 3 differences; as ``gdaldem`` computes them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float32]
Size = float | npt.NDArray[np.float64]
"""Size of a pixel on the ground, metres: one number, or dims ``(y, 1)`` where rows differ."""

HALO_PX = 1
"""Pixels of height needed around what is computed."""

SHADE_MIN, SHADE_MAX = 1.0, 255.0
"""Of a hillshade; 0 is left for "unknown" where it is stored as a byte."""


def gradients(height_m: Float, *, dx_m: Size, dy_m: Size) -> tuple[Float, Float]:
    """Rise of a surface to the east and to the south.

    Args:
        height_m: Heights, metres, dims ``(y + 2, x + 2)``, rows from north to south; NaN unknown.
        dx_m: Width of a pixel on the ground, metres.
        dy_m: Height of a pixel on the ground, metres.

    Returns:
        Metres per metre, float32, each of dims ``(y, x)``: to the east, to the south.
    """
    z = np.asarray(height_m, np.float64)
    north, middle, south = z[:-2], z[1:-1], z[2:]
    columns = north + 2 * middle + south
    east = (columns[:, 2:] - columns[:, :-2]) / (8 * np.asarray(dx_m))
    across = south - north
    down = (across[:, :-2] + 2 * across[:, 1:-1] + across[:, 2:]) / (8 * np.asarray(dy_m))
    # the pixel in the middle has no weight: unknown it would be computed all the same
    known = np.isfinite(middle[:, 1:-1])
    unknown = np.float32(np.nan)
    return (
        np.where(known, east.astype(np.float32), unknown),
        np.where(known, down.astype(np.float32), unknown),
    )


def slope_deg(height_m: Float, *, dx_m: Size, dy_m: Size) -> Float:
    """Steepness: angle between the surface and the horizontal.

    Args:
        height_m: See ``gradients``.
        dx_m: See ``gradients``.
        dy_m: See ``gradients``.

    Returns:
        Degrees, 0 to 90, float32, dims ``(y, x)``; NaN unknown.
    """
    east, south = gradients(height_m, dx_m=dx_m, dy_m=dy_m)
    return np.degrees(np.arctan(np.hypot(east, south)))


def aspect_deg(height_m: Float, *, dx_m: Size, dy_m: Size) -> Float:
    """Direction a slope falls to, as a compass shows it: 0 north, 90 east.

    Args:
        height_m: See ``gradients``.
        dx_m: See ``gradients``.
        dy_m: See ``gradients``.

    Returns:
        Degrees, 0 up to but not 360, float32, dims ``(y, x)``; NaN unknown, and where it is flat.
    """
    east, south = gradients(height_m, dx_m=dx_m, dy_m=dy_m)
    direction = np.degrees(np.arctan2(-east, south)) % np.float32(360)
    flat = (east == 0) & (south == 0)
    # the remainder of a negative number close to zero rounds up to the whole circle
    return np.where(flat, np.float32(np.nan), np.where(direction >= 360, 0, direction)).astype(
        np.float32
    )


def hillshade(
    height_m: Float,
    *,
    dx_m: Size,
    dy_m: Size,
    azimuth_deg: float = 315.0,
    altitude_deg: float = 45.0,
    exaggeration: float = 1.0,
) -> Float:
    """Brightness of a matt surface under one light; no shadow is cast.

    Args:
        height_m: See ``gradients``.
        dx_m: See ``gradients``.
        dy_m: See ``gradients``.
        azimuth_deg: Direction the light comes from, degrees clockwise from north.
        altitude_deg: Height of the light above the horizon, degrees.
        exaggeration: Heights are multiplied by it.

    Returns:
        1 (dark) to 255, float32, dims ``(y, x)``; NaN unknown.
    """
    east, south = gradients(height_m, dx_m=dx_m, dy_m=dy_m)
    east, south = east * np.float32(exaggeration), south * np.float32(exaggeration)
    return _shade(_lit(east, south, azimuth_deg=azimuth_deg, altitude_deg=altitude_deg))


def multidirectional_hillshade(
    height_m: Float,
    *,
    dx_m: Size,
    dy_m: Size,
    altitude_deg: float = 45.0,
    exaggeration: float = 1.0,
) -> Float:
    """Brightness under four lights from the west half: ridges along a single light stay visible.

    The four lights and their blend by the direction of the slope are from R. K. Mark,
    "Multidirectional, oblique-weighted, shaded-relief image of the Island of Hawaii", USGS
    Open-File Report 92-422 (1992). As in ``gdaldem -multidirectional`` a light counts most where
    the slope faces it or turns its back to it; in the report, where light falls across the slope.

    Args:
        height_m: See ``gradients``.
        dx_m: See ``gradients``.
        dy_m: See ``gradients``.
        altitude_deg: Height of the lights above the horizon, degrees.
        exaggeration: Heights are multiplied by it.

    Returns:
        1 (dark) to 255, float32, dims ``(y, x)``; NaN unknown.
    """
    east, south = gradients(height_m, dx_m=dx_m, dy_m=dy_m)
    east, south = east * np.float32(exaggeration), south * np.float32(exaggeration)
    aspect = np.arctan2(-east, south)
    total = np.zeros_like(east)
    for azimuth_deg in (225.0, 270.0, 315.0, 360.0):
        weight = np.cos(aspect - np.float32(np.radians(azimuth_deg))) ** 2
        total += weight * _lit(east, south, azimuth_deg=azimuth_deg, altitude_deg=altitude_deg)
    # the weights of the four lights add up to two
    return _shade(total / np.float32(2))


def _lit(east: Float, south: Float, *, azimuth_deg: float, altitude_deg: float) -> Float:
    """Cosine of the angle between the surface's normal and the light, not below 0."""
    azimuth, altitude = np.radians(azimuth_deg), np.radians(altitude_deg)
    # the normal is (-east, south, 1) in directions east, north, up
    light_east = np.float32(np.sin(azimuth) * np.cos(altitude))
    light_north = np.float32(np.cos(azimuth) * np.cos(altitude))
    light_up = np.float32(np.sin(altitude))
    cosine = light_up - east * light_east + south * light_north
    lit = np.maximum(cosine / np.sqrt(1 + east * east + south * south), 0)
    return lit.astype(np.float32, copy=False)


def _shade(lit: Float) -> Float:
    return np.float32(SHADE_MIN) + np.float32(SHADE_MAX - SHADE_MIN) * lit
