"""A mosaic made small enough to look at: block averages, and histograms at full resolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eo_assets.catalog.indices import INDICES
from eo_assets.clustering.bands import Packed, StoredBand

Image = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]

LONGEST_PX = 900
"""Longest side of an overview."""

NDVI_BINS = np.linspace(-1, 1, 201)
"""Edges of the bins NDVI is counted in."""

REFLECTANCE_BINS = np.linspace(-0.1, 1.5, 641)
"""Edges of the bins reflectance is counted in; what lies beyond counts in the outer ones."""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A decimated mosaic.

    Attributes:
        reflectance: By band name: mean over the valid pixels of each block, ``(y, x)``, float32,
            NaN where there is none.
        source: 1-based position of the scene at the middle of each block, 0 for none; uint8.
        status: ``Status`` of the mosaic at the middle of each block, uint8.
        ndvi_counts: Pixels of the full mosaic in each of ``NDVI_BINS``.
        band_counts: By band name: pixels of the full mosaic in each of ``REFLECTANCE_BINS``.
        pixel_m: Size of an overview's pixel, metres.
    """

    reflectance: Mapping[str, Image]
    source: Codes
    status: Codes
    ndvi_counts: Counts
    band_counts: Mapping[str, Counts]
    pixel_m: float


def decimation(shape: Sequence[int]) -> int:
    """Pixels a side of the blocks that make a mosaic of ``shape`` an overview."""
    return max(-(-max(shape) // LONGEST_PX), 1)


def average(packed: Packed, band: StoredBand, factor: int) -> Image:
    """Average square blocks of valid pixels.

    Args:
        packed: ``(y, x)``.
        band: How it is packed.
        factor: Side of a block; blocks at the far edges may be smaller.

    Returns:
        Values in the band's units, NaN where a block has no valid pixel; float32.
    """
    rows, cols = (-(-side // factor) for side in packed.shape)
    padded = np.full((rows * factor, cols * factor), band.nodata, packed.dtype)
    padded[: packed.shape[0], : packed.shape[1]] = packed
    blocks = padded.reshape(rows, factor, cols, factor)
    valid = blocks != band.nodata
    count = valid.sum(axis=(1, 3))
    total = np.where(valid, blocks, 0).sum(axis=(1, 3), dtype=np.uint64)
    mean = total / np.where(count > 0, count, np.nan) * band.scale + band.offset
    return mean.astype(np.float32)


def middle(codes: npt.NDArray[np.integer], factor: int) -> Codes:
    """The code in the middle of each block, uint8 (larger codes become 255)."""
    rows, cols = (
        np.minimum(np.arange(0, side, factor) + factor // 2, side - 1) for side in codes.shape
    )
    return np.minimum(codes[np.ix_(rows, cols)], 255).astype(np.uint8)


def ndvi_histogram(packed: Mapping[str, Packed], bands: Sequence[StoredBand]) -> Counts:
    """Count pixels by NDVI; nothing is counted where a band it needs is missing.

    Args:
        packed: Packed values by band name, ``(y, x)``.
        bands: The bands.
    """
    ndvi = INDICES["ndvi"]
    by_name = {band.name: band for band in bands}
    if not all(any(name in packed for name in term.split("|")) for term in ndvi.bands):
        return np.zeros(len(NDVI_BINS) - 1, np.int64)
    needed = ndvi.bands_in(tuple(packed))
    values = ndvi.compute({name: by_name[name].unpack(packed[name]) for name in needed})
    counts, _ = np.histogram(values[np.isfinite(values)], NDVI_BINS)
    return counts.astype(np.int64)


def band_histogram(packed: Packed, band: StoredBand) -> Counts:
    """Count pixels by reflectance, in ``REFLECTANCE_BINS``.

    Args:
        packed: ``(y, x)``.
        band: How it is packed.
    """
    # packed values are few: they are counted as they are, and the counts binned
    pixels = np.bincount(packed.ravel(), minlength=np.iinfo(packed.dtype).max + 1)
    pixels[band.nodata] = 0
    values = np.clip(
        np.arange(pixels.size) * band.scale + band.offset, REFLECTANCE_BINS[0], REFLECTANCE_BINS[-1]
    )
    counts, _ = np.histogram(values, REFLECTANCE_BINS, weights=pixels)
    return counts.astype(np.int64)


def quantile(counts: Counts, edges: npt.NDArray[np.float64], share: float) -> float:
    """Value below which a share of counted pixels lie, interpolated within its bin."""
    below = np.concatenate([[0], np.cumsum(counts)])
    return float(np.interp(share * below[-1], below, edges))
