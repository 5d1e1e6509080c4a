"""Mean spectrum and size of each class, summed exactly so that blocks cannot change a digit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eo_assets.clustering.bands import Packed, StoredBand
from eo_assets.clustering.model import Labels

Counts = npt.NDArray[np.int64]

# what a core's own cache holds
_PIXELS_AT_A_TIME = 8192


@dataclass(frozen=True)
class ClassSums:
    """Sums of packed values by class and band.

    Packed values are integers, so the sums are exact and their order does not matter: int64 holds
    the squares of two thousand million pixels.

    Attributes:
        pixels: Labelled pixels, ``(class,)``; the first is class 1.
        count: Labelled pixels with a valid value in the band, ``(class, band)``.
        total: Sum of packed values, ``(class, band)``.
        squares: Sum of squared packed values, ``(class, band)``.
    """

    pixels: Counts
    count: Counts
    total: Counts
    squares: Counts


def sum_by_class(
    labels: Labels, planes: Packed, bands: Sequence[StoredBand], *, n_clusters: int
) -> ClassSums:
    """Sum the packed values of one block.

    Args:
        labels: Class ids of the block, 0 where there is none; at most 2 million pixels, which keeps
            the sums of squares within what float64 counts exactly.
        planes: Packed values, ``(band, ...)``, each plane in the shape of ``labels``.
        bands: The bands of the planes.
        n_clusters: Number of classes.
    """
    flat = labels.reshape(-1)
    packed = planes.reshape(len(planes), -1)
    nodata = np.array([[band.nodata] for band in bands], np.uint16)
    ids = np.arange(1, n_clusters + 1, dtype=np.uint8)[:, None]
    sums = np.zeros((4, n_clusters, len(bands)))
    for start in range(0, flat.size, _PIXELS_AT_A_TIME):
        part = slice(start, start + _PIXELS_AT_A_TIME)
        member = (flat[part] == ids).astype(np.float64)
        valid = (packed[:, part] != nodata).astype(np.float64)
        values = packed[:, part] * valid
        sums[0] += member.sum(axis=1, keepdims=True)
        # sums of whole numbers below 2**53: exact in any order
        sums[1] += member @ valid.T
        sums[2] += member @ values.T
        sums[3] += member @ np.square(values).T
    pixels, count, total, squares = sums.astype(np.int64)
    return ClassSums(pixels[:, 0], count, total, squares)


def add_up(parts: Iterable[ClassSums]) -> ClassSums:
    """Sums of all blocks together; there is at least one."""
    pixels, count, total, squares = zip(
        *((part.pixels, part.count, part.total, part.squares) for part in parts), strict=True
    )
    return ClassSums(sum(pixels), sum(count), sum(total), sum(squares))
