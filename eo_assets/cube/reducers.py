"""Reducing several observations of a pixel to one.

Each reducer looks at one pixel at a time and at observations in a fixed order, so that its result
depends neither on neighbours nor on how the work is cut up. Observations are packed values; 0
means "not observed".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from eo_assets.cube.radiometry import PACKED_MAX, Packed

Float = npt.NDArray[np.float64]
Choice = npt.NDArray[np.intp]

NOT_SPECTRAL = frozenset({"lwir11", "elevation"})
"""Bands that measure something else than reflectance and take no part in spectral distances."""

GEOMEDIAN_STEPS = 100
GEOMEDIAN_TOLERANCE = 0.05
"""Packed steps, 5e-6 reflectance; movement below which a geometric median has settled."""

REACHED = 1e-3
"""Packed steps; nearer than that a centre has met an observation."""


@dataclass(frozen=True)
class Reduced:
    """One observation a pixel.

    Attributes:
        values: Packed values, dims ``(band, pixel)``.
        choice: Which observation was taken, ``(pixel,)``; None where values are a mixture.
    """

    values: Packed
    choice: Choice | None


Reducer = Callable[[Packed, npt.NDArray[np.bool_], tuple[str, ...]], Reduced]
"""Takes packed values ``(time, band, pixel)``, which observations are valid ``(time, pixel)``, and
the names of the bands. Pixels without a valid observation give 0."""


def median(values: Packed, valid: npt.NDArray[np.bool_], bands: tuple[str, ...]) -> Reduced:
    """Take the median of each band on its own; of an even number, the mean of the middle two."""
    del bands
    observed = valid[:, np.newaxis] & (values != 0)
    n = observed.sum(axis=0)
    # unobserved values sort to the end, behind every valid one
    ordered = _sorted(np.where(observed, values, np.uint16(65535)))
    low = np.take_along_axis(ordered, (np.maximum(n - 1, 0) // 2)[np.newaxis], axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(n // 2, len(values) - 1)[np.newaxis], axis=0)[0]
    middle = (low.astype(np.uint32) + high + 1) // 2
    return Reduced(values=np.where(n > 0, middle, 0).astype(np.uint16), choice=None)


def _sorted(values: Packed) -> Packed:
    """Sort along the first dimension, in place: many pixels, few observations each.

    Batcher's odd-even merge sort compares whole images instead of walking each pixel's column
    through memory, which is an order of magnitude faster.

    References:
        Batcher 1968, doi:10.1145/1468075.1468121; Knuth, The Art of Computer Programming, 5.2.2 M.
    """
    n = len(values)
    for low, high in _comparators(n):
        smaller = np.minimum(values[low], values[high])
        np.maximum(values[low], values[high], out=values[high])
        values[low] = smaller
    return values


@lru_cache(maxsize=64)
def _comparators(n: int) -> tuple[tuple[int, int], ...]:
    """List which of ``n`` numbers to compare, one pair after the other, to sort them."""
    pairs = []
    first = p = 1 << max((n - 1).bit_length() - 1, 0)
    while p and n > 1:
        q, r, d = first, 0, p
        while d:
            pairs += [(i, i + d) for i in range(n - d) if i & p == r]
            q, r, d = q // 2, p, (q - p if q > p else 0)
        p //= 2
    return tuple(pairs)


def max_ndvi(values: Packed, valid: npt.NDArray[np.bool_], bands: tuple[str, ...]) -> Reduced:
    """Take the observation with the highest NDVI, the first of equals.

    References:
        Holben 1986, doi:10.1080/01431168608948945.
    """
    nir_name = "nir" if "nir" in bands else "nir08"
    nir = values[:, bands.index(nir_name)].astype(np.int64)
    red = values[:, bands.index("red")].astype(np.int64)
    usable = valid & (nir > 0) & (red > 0)
    ndvi = np.where(usable, (nir - red) / np.maximum(nir + red, 1), -np.inf)
    return _chosen(values, ndvi.argmax(axis=0), usable)


def medoid(values: Packed, valid: npt.NDArray[np.bool_], bands: tuple[str, ...]) -> Reduced:
    """Take the observation closest to all others: its spectrum was really measured.

    References:
        Flood 2013, doi:10.3390/rs5126481.
    """
    del bands
    usable = valid & (values != 0).all(axis=1)
    total = np.zeros(valid.shape)
    for one in range(len(values)):
        for other in range(one + 1, len(values)):
            # whole numbers: exact in any order
            difference = values[one].astype(np.int64) - values[other]
            distance = np.sqrt((difference * difference).sum(axis=0).astype(np.float64))
            distance *= usable[one] & usable[other]
            total[one] += distance
            total[other] += distance
    return _chosen(values, np.where(usable, total, np.inf).argmin(axis=0), usable)


def geomedian(values: Packed, valid: npt.NDArray[np.bool_], bands: tuple[str, ...]) -> Reduced:
    """Take the spectrum with the smallest sum of distances to all observations.

    It keeps the relations between bands, unlike a median of each. Weiszfeld's iteration, started
    at the mean; it stops for a pixel when it moves less than ``GEOMEDIAN_TOLERANCE``. It never
    quite arrives where the median is one of the observations, so the nearest one is tried.

    References:
        Roberts et al. 2017, doi:10.1109/TGRS.2017.2723896; Weiszfeld 1937; Vardi and Zhang 2000,
        doi:10.1073/pnas.97.4.1423, on iterations that meet an observation.
    """
    del bands
    usable = valid & (values != 0).all(axis=1)
    n = usable.sum(axis=0)
    weights = usable.astype(np.float64)
    spectra = values.astype(np.float64)
    centre = _weighted_mean(spectra, weights)
    moving = np.flatnonzero(n > 1)
    for _ in range(GEOMEDIAN_STEPS):
        if not moving.size:
            break
        before = centre[:, moving]
        moved = _pulled(spectra[:, :, moving], weights[:, moving], before)
        centre[:, moving] = moved
        moving = moving[_length(moved - before) > GEOMEDIAN_TOLERANCE]
    distance = np.stack([_length(spectrum - centre) for spectrum in spectra])
    nearest = np.where(usable, distance, np.inf).argmin(axis=0)
    there = np.take_along_axis(spectra, nearest[np.newaxis, np.newaxis], axis=0)[0]
    # of two observations every point between is a median: there the mean stays
    settled = (n > 2) & (_pulled(spectra, weights, there) == there).all(axis=0)
    packed = np.clip(np.rint(np.where(settled, there, centre)), 1, PACKED_MAX)
    return Reduced(values=np.where(n > 0, packed, 0).astype(np.uint16), choice=None)


def _pulled(spectra: Float, weights: Float, centre: Float) -> Float:
    """Move centres one step: each observation pulls the less the further away it is.

    Observations a centre has reached hold it back. It stays exactly where it is when all the
    others together pull no harder than that: this is the median then.
    """
    distance = np.stack([_length(spectrum - centre) for spectrum in spectra])
    reached = distance < REACHED
    pull = np.where(reached, 0, weights / np.maximum(distance, REACHED))
    towards = _weighted_mean(spectra, pull)
    force = _length(towards - centre) * pull.sum(axis=0)
    held = (weights * reached).sum(axis=0)
    free = 1 - np.minimum(held / np.maximum(force, 1e-12), 1)
    moved: Float = np.where(free > 0, free * towards + (1 - free) * centre, centre)
    return moved


def _length(vectors: Float) -> Float:
    """Give the lengths of vectors, dims ``(band, pixel)``."""
    total = np.zeros(vectors.shape[1:])
    # one band after the other, as in ``_weighted_mean``
    for component in vectors:
        total += component * component
    return np.sqrt(total)


def _weighted_mean(spectra: Float, weights: Float) -> Float:
    total = np.zeros(spectra.shape[1:])
    # one observation after the other: a library's summation order may depend on array sizes
    for spectrum, weight in zip(spectra, weights, strict=True):
        total += spectrum * weight
    sums = np.zeros(weights.shape[1:])
    for weight in weights:
        sums += weight
    mean: Float = total / np.where(sums > 0, sums, 1)
    return mean


def _chosen(values: Packed, choice: Choice, usable: npt.NDArray[np.bool_]) -> Reduced:
    taken = np.take_along_axis(values, choice[np.newaxis, np.newaxis], axis=0)[0]
    return Reduced(values=np.where(usable.any(axis=0), taken, 0).astype(np.uint16), choice=choice)


def reduce_observations(
    method: str, values: Packed, valid: npt.NDArray[np.bool_], bands: tuple[str, ...]
) -> Reduced:
    """Reduce by a method that looks at reflectance; other bands follow.

    Where the method takes one observation, temperature is that observation's; else its median.

    Args:
        method: Name of the method.
        values: Packed values, dims ``(time, band, pixel)``.
        valid: Which observations are valid, dims ``(time, pixel)``.
        bands: Names of the bands.

    Returns:
        One observation a pixel, in the order of ``bands``.
    """
    spectral = [i for i, name in enumerate(bands) if name not in NOT_SPECTRAL]
    if len(spectral) == len(bands) or not spectral:
        return REDUCERS[method](values, valid, bands)
    names = tuple(bands[i] for i in spectral)
    reduced = REDUCERS[method](values[:, spectral], valid, names)
    result = np.zeros(values.shape[1:], np.uint16)
    result[spectral] = reduced.values
    others = [i for i in range(len(bands)) if i not in spectral]
    if reduced.choice is None:
        result[others] = median(values[:, others], valid, ()).values
    else:
        taken = np.take_along_axis(values[:, others], reduced.choice[np.newaxis, np.newaxis], 0)[0]
        result[others] = np.where((reduced.values != 0).any(axis=0), taken, 0)
    return Reduced(values=result, choice=reduced.choice)


REDUCERS: Mapping[str, Reducer] = {
    "median": median,
    "medoid": medoid,
    "geomedian": geomedian,
    "max_ndvi": max_ndvi,
}
