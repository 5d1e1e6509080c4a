"""What the ground segments make of a scene: Sentinel-2's SCL and Landsat's QA_PIXEL.

Both are derived from what the sensor saw, with thresholds in the manner of the real processors,
and are therefore wrong in the real processors' manner: thin rims are missed, bright roofs and
snow next to rock are taken for something else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

SCL_NAMES = {
    0: "nodata_pixel", 1: "saturated_defective_pixel", 2: "dark_features", 3: "cloud_shadow",
    4: "vegetation", 5: "not_vegetated", 6: "water", 7: "unclassified",
    8: "medium_proba_clouds", 9: "high_proba_clouds", 10: "thin_cirrus", 11: "snow_ice",
}  # fmt: skip
"""Name of each SCL class in the ``s2:…_percentage`` properties."""

SNOW_NDSI, SNOW_GREEN = 0.42, 0.15


def scene_classification(
    rho: Mapping[str, NDArray[np.float32]],
    *,
    cloud: NDArray[np.float32],
    cirrus: NDArray[np.float32],
    shadow: NDArray[np.float32],
    inside: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Classify a Sentinel-2 scene at 20 m, dims ``(y, x)``, uint8.

    Args:
        rho: Observed reflectance of B02, B03, B04, B08 and B11 at 20 m.
        cloud: Opacity of the clouds, 0–1.
        cirrus: Opacity of the veil, 0–1.
        shadow: Opacity of the cloud in front of the sun, 0–1.
        inside: Whether the pixel lies within the swath.
    """
    ndvi = (rho["B08"] - rho["B04"]) / (rho["B08"] + rho["B04"])
    ndsi = (rho["B03"] - rho["B11"]) / (rho["B03"] + rho["B11"])
    scl = np.full(cloud.shape, 5, np.uint8)
    scl[ndvi > 0.36] = 4
    scl[(rho["B08"] < 0.11) & (ndvi < 0.6)] = 2
    scl[(rho["B08"] < 0.07) & (ndvi < 0.1)] = 6
    scl[(cloud > 0.05) & (cloud <= 0.12)] = 7
    scl[shadow > 0.17] = 3
    scl[(ndsi > SNOW_NDSI) & (rho["B03"] > SNOW_GREEN)] = 11
    scl[cirrus > 0.055] = 10
    scl[(rho["B02"] > 0.21) & (ndsi < 0.0)] = 8
    scl[cloud > 0.12] = 8
    scl[cloud > 0.62] = 9
    scl[~inside] = 0
    return scl


def qa_pixel(
    rho: Mapping[str, NDArray[np.float32]],
    *,
    cloud: NDArray[np.float32],
    cirrus: NDArray[np.float32],
    shadow: NDArray[np.float32],
) -> NDArray[np.uint16]:
    """Pack Landsat Collection 2 quality bits at 30 m, dims ``(y, x)``, uint16.

    Arguments as for :func:`scene_classification`, bands named as Sentinel-2's. Bit 6, clear,
    means neither cloud nor dilated cloud; it may stand beside shadow, snow or water.

    References:
        USGS, Landsat 8-9 Collection 2 Level 2 Science Product Guide: QA_PIXEL.
    """
    ndvi = (rho["B08"] - rho["B04"]) / (rho["B08"] + rho["B04"])
    ndsi = (rho["B03"] - rho["B11"]) / (rho["B03"] + rho["B11"])
    is_cloud = cloud > 0.2
    dilated = ndimage.binary_dilation(is_cloud, iterations=3) & ~is_cloud
    is_cirrus = cirrus > 0.07
    is_shadow = (shadow > 0.25) & ~is_cloud
    is_snow = (ndsi > SNOW_NDSI) & (rho["B03"] > SNOW_GREEN) & ~is_cloud
    is_water = (rho["B08"] < 0.07) & (ndvi < 0.1) & ~is_cloud & ~is_shadow

    def confidence(high: NDArray[np.bool_], offset: int) -> NDArray[np.uint16]:
        return np.where(high, 3 << offset, 1 << offset).astype(np.uint16)

    bits = confidence(is_cloud, 8) | confidence(is_shadow, 10)
    bits |= confidence(is_snow, 12) | confidence(is_cirrus, 14)
    clear = ~is_cloud & ~dilated
    flags = {1: dilated, 2: is_cirrus, 3: is_cloud, 4: is_shadow, 5: is_snow, 6: clear, 7: is_water}
    for bit, flag in flags.items():
        bits |= flag.astype(np.uint16) << np.uint16(bit)
    return bits
