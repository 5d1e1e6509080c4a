"""How large a pixel is on the ground: what a slope is divided by.

Map projections stretch. In the Mercator projection of web maps a pixel shown as 30 m covers 21 m
at 46° N; slopes computed from what the grid says would be too gentle by that factor.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from odc.geo.geobox import GeoBox
from pyproj import CRS, Proj

from eo_assets.errors import GridMismatchError

Float = npt.NDArray[np.float64]


def ground_pixel_m(geobox: GeoBox) -> tuple[Float, Float]:
    """Give the true width and height of a grid's pixels on the WGS 84 ellipsoid.

    Exact for longitude and latitude and for Mercator grids, where it depends on the row alone and
    hence not on the window. Other projected grids are taken as they are: UTM is true to 0.1 %.

    Args:
        geobox: A grid, north up.

    Returns:
        Width and height of a pixel, metres, float64, dims ``(y, 1)`` each.

    Raises:
        GridMismatchError: The grid is rotated.
    """
    transform = geobox.transform
    if transform.b or transform.d:
        raise GridMismatchError("Terrain needs a grid that is north up; this one is rotated.")
    rows = (np.arange(geobox.shape[0], dtype=np.float64) + 0.5)[:, np.newaxis]
    y = transform.f + transform.e * rows
    width, height = np.full_like(y, abs(transform.a)), np.full_like(y, abs(transform.e))
    crs = CRS.from_user_input(str(geobox.crs))
    if crs.is_geographic:
        return _on_ellipsoid(crs, y, width, height)
    if _is_mercator(crs):
        # PROJ gives scale factors of web maps on the sphere: 0.2 % off in width at 46° N
        to_degrees = Proj(crs)
        left, latitude = to_degrees(np.zeros_like(y), y, inverse=True)
        right, _ = to_degrees(width, y, inverse=True)
        _, north = to_degrees(np.zeros_like(y), y + height / 2, inverse=True)
        _, south = to_degrees(np.zeros_like(y), y - height / 2, inverse=True)
        return _on_ellipsoid(crs, latitude, right - left, north - south)
    return width, height


def _on_ellipsoid(crs: CRS, latitude: Float, width: Float, height: Float) -> tuple[Float, Float]:
    """Lengths of an extent in degrees at a latitude, from the ellipsoid's radii of curvature."""
    ellipsoid = crs.ellipsoid
    assert ellipsoid is not None
    a, b = ellipsoid.semi_major_metre, ellipsoid.semi_minor_metre
    squared = 1 - (b / a) ** 2
    angle = np.radians(latitude)
    bulge = 1 - squared * np.sin(angle) ** 2
    along_parallel = a / np.sqrt(bulge) * np.cos(angle)
    along_meridian = a * (1 - squared) / bulge**1.5
    return np.radians(width) * along_parallel, np.radians(height) * along_meridian


def _is_mercator(crs: CRS) -> bool:
    operation = crs.coordinate_operation
    name = operation.method_name if operation else ""
    return "Mercator" in name and "Transverse" not in name
