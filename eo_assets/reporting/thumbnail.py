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
READ_PIXELS = 2_048**2
"""Pixels read at once, but a row of chunks at least."""

SAMPLES = 8
"""Rows and columns a pixel of the thumbnail is averaged from at least, where there are as many."""

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
    apart = max(step // SAMPLES, 1)
    height, width = (length // step * step for length in array.shape)
    row_of_chunks = array.chunks[0]
    rows = max(READ_PIXELS // (row_of_chunks * array.shape[1]), 1) * row_of_chunks
    means, rest = [], np.empty((0, width), array.dtype)
    # a large mosaic never lies in memory as a whole, and no chunk is decoded twice: a row of
    # squares that a piece ends in is left to the next
    for top in range(0, height, rows):
        piece = np.concatenate([rest, array[top : min(top + rows, height), :width]])
        whole = len(piece) // step * step
        means.append(_means(_sampled(piece[:whole], step, apart), -(-step // apart)))
        rest = piece[whole:]
    scale = float(array.attrs.get("scale_factor", 1.0))
    return np.concatenate(means).astype(np.float32) * np.float32(scale)


def _sampled(pixels: npt.NDArray[Any], step: int, apart: int) -> npt.NDArray[Any]:
    """Keep every so manieth row and column of each square."""
    if apart == 1:
        return pixels
    height, width = (length // step for length in pixels.shape)
    kept = pixels.reshape(height, step, width, step)[:, ::apart, :, ::apart]
    return kept.reshape(height * kept.shape[1], width * kept.shape[3])


def _means(pixels: npt.NDArray[Any], step: int) -> npt.NDArray[np.float64]:
    """Average what there are observations of in each square."""
    n = _sums(pixels > 0, step, np.uint16)
    mean: npt.NDArray[np.float64] = _sums(pixels, step, np.uint32) / np.maximum(n, 1)
    return mean


def _sums(pixels: npt.NDArray[Any], step: int, dtype: Any) -> npt.NDArray[Any]:
    """Add up squares; whole rows first, which is several times faster than both at once."""
    rows = pixels.reshape(-1, step, pixels.shape[1]).sum(axis=1, dtype=dtype)
    total: npt.NDArray[Any] = rows.reshape(len(rows), pixels.shape[1] // step, step).sum(axis=2)
    return total


def _stretched(band: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    return (255 * np.clip(band / _BRIGHT, 0, 1) ** 0.6).astype(np.uint8)
