"""What is measured of a segment: pixels, means, deviations; exact over any number of tiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from eo_assets.segmentation.method import Labels

_SQUARE_METRES_PER_HECTARE = 10_000


@dataclass(frozen=True)
class Sums:
    """Sums over the pixels of some segments.

    Attributes:
        segments: Their numbers, rising.
        pixels: Pixels of each.
        totals: By layer, the sum of its values; float64.
        squares: By layer, the sum of their squares; float64.
    """

    segments: npt.NDArray[np.int64]
    pixels: npt.NDArray[np.int64]
    totals: Mapping[str, npt.NDArray[np.float64]]
    squares: Mapping[str, npt.NDArray[np.float64]]


def sum_by_segment(labels: Labels, layers: Mapping[str, npt.NDArray[np.generic]]) -> Sums:
    """Add up layers by segment.

    Args:
        labels: Segment of each pixel, 0 for none.
        layers: Values by name, in the shape of the labels, finite where there is a segment.

    Returns:
        The sums.
    """
    inside = labels > 0
    segments, place = np.unique(labels[inside], return_inverse=True)
    values = {name: layer[inside].astype(np.float64) for name, layer in layers.items()}

    def added(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.bincount(place, weights, minlength=len(segments)).astype(np.float64, copy=False)

    return Sums(
        segments=segments.astype(np.int64),
        pixels=np.bincount(place, minlength=len(segments)).astype(np.int64),
        totals={name: added(value) for name, value in values.items()},
        squares={name: added(value * value) for name, value in values.items()},
    )


def add_up(parts: Sequence[Sums]) -> Sums:
    """Add sums of several tiles, in their order."""
    numbers = np.concatenate([part.segments for part in parts])
    segments, place = np.unique(numbers, return_inverse=True)

    def added(pieces: list[npt.NDArray[np.generic]]) -> npt.NDArray[np.float64]:
        weights = np.concatenate(pieces)
        return np.bincount(place, weights, minlength=len(segments)).astype(np.float64, copy=False)

    return Sums(
        segments=segments,
        pixels=added([part.pixels for part in parts]).astype(np.int64),
        totals={name: added([part.totals[name] for part in parts]) for name in parts[0].totals},
        squares={name: added([part.squares[name] for part in parts]) for name in parts[0].squares},
    )


def segment_table(
    sums: Sums, scales: Mapping[str, tuple[float, float]], *, pixel_area_m2: float
) -> pd.DataFrame:
    """Describe each segment.

    Args:
        sums: Sums over all its pixels.
        scales: Scale and offset of each layer's stored values.
        pixel_area_m2: Ground area of a pixel.

    Returns:
        One row a segment: ``segment_id, pixels, area_ha``, and ``<layer>_mean, <layer>_sd`` of
        each layer in its units; the population's standard deviation.
    """
    columns: dict[str, npt.NDArray[np.generic]] = {
        "segment_id": sums.segments,
        "pixels": sums.pixels,
        "area_ha": sums.pixels * pixel_area_m2 / _SQUARE_METRES_PER_HECTARE,
    }
    for name, (scale, offset) in scales.items():
        mean = sums.totals[name] / sums.pixels
        variance = np.maximum(sums.squares[name] / sums.pixels - mean * mean, 0)
        columns[f"{name}_mean"] = (mean * scale + offset).astype(np.float32)
        columns[f"{name}_sd"] = (np.sqrt(variance) * scale).astype(np.float32)
    return pd.DataFrame(columns)
