"""A small true-colour picture of a mosaic, for lists and asset pages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from PIL import Image

from eo_assets.places import Place, writing
from eo_assets.places.zarrs import zarr_at

EDGE_PX = 512
STRIP_PX = 4_000_000
"""Pixels read at once."""

_BRIGHT = 0.25
"""Reflectance shown as white; brighter than most land, darker than snow and cloud."""


def write_thumbnail(paths: tuple[Place, Place]) -> None:
    """Write a thumbnail of a mosaic; runs on a worker.

    Bands red, green and blue in true colour, or the first band in grey where one is missing;
    transparent where there is no observation.

    Args:
        paths: The mosaic's Zarr, and the PNG to write.
    """
    mosaic, target = paths
    group = zarr.open_group(**zarr_at(mosaic), mode="r")
    names = ("red", "green", "blue")
    if not all(name in group for name in names):
        names = (min(name for name, array in group.arrays() if "scale_factor" in array.attrs),) * 3
    with ThreadPoolExecutor(len(names)) as pool:
        bands = list(pool.map(lambda name: _decimated(group[name]), names))
    colours = np.stack([_stretched(band) for band in bands], axis=-1)
    alpha = np.where(bands[0] > 0, 255, 0).astype(np.uint8)
    with writing(target) as path:
        Image.fromarray(np.dstack([colours, alpha]), "RGBA").save(path, compress_level=2)


def _decimated(array: Any) -> npt.NDArray[np.float32]:
    step = max(-(-max(array.shape) // EDGE_PX), 1)
    rows = []
    # strips of whole chunks and squares: a large mosaic never lies in memory as a whole
    height = max(STRIP_PX // array.shape[1] // array.chunks[0], 1) * array.chunks[0]
    height = max(height // step, 1) * step
    for start in range(0, array.shape[0], height):
        strip = array[start : start + height]
        strip = strip[: strip.shape[0] // step * step, : strip.shape[1] // step * step]
        if strip.size:
            n = _sums(strip > 0, step, np.uint16)
            rows.append(_sums(strip, step, np.uint32) / np.maximum(n, 1))
    scale = float(array.attrs.get("scale_factor", 1.0))
    return np.concatenate(rows).astype(np.float32) * np.float32(scale)


def _sums(pixels: npt.NDArray[Any], step: int, dtype: Any) -> npt.NDArray[Any]:
    """Add up squares; whole rows first, which is several times faster than both at once."""
    rows = pixels.reshape(-1, step, pixels.shape[1]).sum(axis=1, dtype=dtype)
    total: npt.NDArray[Any] = rows.reshape(len(rows), -1, step).sum(axis=2)
    return total


def _stretched(band: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    return (255 * np.clip(band / _BRIGHT, 0, 1) ** 0.6).astype(np.uint8)
