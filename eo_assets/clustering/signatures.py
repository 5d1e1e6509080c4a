"""Mean spectrum and size of each class, summed exactly so that blocks cannot change a digit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eo_assets.clustering.bands import Packed, StoredBand
from eo_assets.clustering.model import Labels

Counts = npt.NDArray[np.int64]


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
    rows = [
        _sums(flat, plane.reshape(-1), n_clusters, band.nodata)
        for plane, band in zip(planes, bands, strict=True)
    ]
    count, total, squares = (np.stack(part, axis=1) for part in zip(*rows, strict=True))
    return ClassSums(_histogram(flat, n_clusters), count, total, squares)


def add_up(parts: Iterable[ClassSums]) -> ClassSums:
    """Sums of all blocks together; there is at least one."""
    pixels, count, total, squares = zip(
        *((part.pixels, part.count, part.total, part.squares) for part in parts), strict=True
    )
    return ClassSums(sum(pixels), sum(count), sum(total), sum(squares))


def _sums(
    labels: Labels, values: Packed, n_clusters: int, nodata: int
) -> tuple[Counts, Counts, Counts]:
    labelled = np.where(values == nodata, np.uint8(0), labels)
    weights = values.astype(np.float64)
    total = _histogram(labelled, n_clusters, weights)
    squares = _histogram(labelled, n_clusters, np.square(weights))
    return _histogram(labelled, n_clusters), total, squares


def _histogram(
    labels: Labels, n_clusters: int, weights: npt.NDArray[np.float64] | None = None
) -> Counts:
    return np.bincount(labels, weights, n_clusters + 1)[1:].astype(np.int64)
