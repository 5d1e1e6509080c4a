"""The space classes are told apart in: chosen bands and indices, standardised, perhaps rotated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from eo_assets.catalog.indices import INDICES
from eo_assets.clustering.bands import Packed, StoredBand, scales_of, unpack_all, valid_in_all
from eo_assets.clustering.linear import FloatArray, Linear

Scaling = Literal["robust", "standard", "unit"]
"""``robust``: median and interquartile range; ``standard``: mean and standard deviation; ``unit``:
each pixel's features divided by their length, so that light and shade on the same cover agree."""

SCALINGS: tuple[str, ...] = get_args(Scaling)

_NORMAL_IQR = 1.3489795003921634
"""Interquartile range of the standard normal distribution: twice its 75 % quantile."""


@dataclass(frozen=True, kw_only=True)
class FeatureSpace:
    """How a pixel's reflectance becomes the coordinates a method sees.

    A coordinate is ``rotation @ ((feature - center) / spread)``. Robust scaling is the default:
    mean and standard deviation would let a little snow, ten times brighter than the rest, squeeze
    all other cover together.

    Attributes:
        names: Bands and indices, in order.
        scaling: See ``Scaling``.
        center: Subtracted from each feature.
        spread: Each feature is divided by it.
        rotation: Principal components ``(component, feature)`` of the standardised features; None
            to use the features as they are.
        explained: Share of the variance each component explains, 0-1; empty without components.
    """

    names: tuple[str, ...]
    scaling: Scaling
    center: FloatArray
    spread: FloatArray
    rotation: FloatArray | None = None
    explained: FloatArray = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(
        cls, values: FloatArray, names: Sequence[str], *, scaling: Scaling, pca_share: float = 0.0
    ) -> FeatureSpace:
        """Learn the space from a sample.

        Where half the pixels share one value the robust spread is the standard deviation; a
        feature that never varies keeps its size.

        Args:
            values: Features ``(feature, pixel)``, finite.
            names: Their names.
            scaling: See ``Scaling``.
            pca_share: Keep as many principal components as explain this share of the variance of
                the standardised features, 0-1; 0 keeps the features themselves.
        """
        center, spread = np.zeros(len(values)), np.ones(len(values))
        if scaling != "unit":
            plain = values.std(axis=1)
            # rounding gives equal values a deviation of about 1e-17
            least = 1e-9 * np.abs(values).max(axis=1)
            low, center, high = np.percentile(values, [25, 50, 75], axis=1)
            width = (high - low) / _NORMAL_IQR
            if scaling == "standard":
                center, width = values.mean(axis=1), plain
            spread = np.where(width > least, width, np.where(plain > least, plain, 1.0))
        space = cls(names=tuple(names), scaling=scaling, center=center, spread=spread)
        if pca_share <= 0:
            return space
        rotation, explained = _principal_components(space.apply(values), pca_share)
        return cls(
            names=space.names,
            scaling=scaling,
            center=center,
            spread=spread,
            rotation=rotation,
            explained=explained,
        )

    @property
    def n_dimensions(self) -> int:
        """Number of coordinates."""
        return len(self.names) if self.rotation is None else len(self.rotation)

    def apply(self, values: FloatArray) -> FloatArray:
        """Coordinates ``(dimension, pixel)`` of features ``(feature, pixel)``."""
        if self.scaling == "unit":
            length = np.sqrt(np.square(values).sum(axis=0))
            scaled = values / np.maximum(length, np.finfo(np.float64).tiny)
        else:
            scaled = values - self.center[:, None]
            scaled /= self.spread[:, None]
        return scaled if self.rotation is None else self.rotation @ scaled

    def linear(self, bands: Sequence[StoredBand]) -> Linear | None:
        """Coordinates as a linear function of packed bands.

        Args:
            bands: The bands, in their order.

        Returns:
            The function; None where a feature is an index or pixels are scaled one by one.
        """
        at = {band.name: number for number, band in enumerate(bands)}
        if self.scaling == "unit" or not set(self.names) <= set(at):
            return None
        gain, shift = scales_of([bands[at[name]] for name in self.names])
        weights = np.zeros((len(self.names), len(bands)))
        rows = np.arange(len(self.names))
        weights[rows, [at[name] for name in self.names]] = gain / self.spread
        bias = ((shift - self.center) / self.spread)[:, None]
        rotation = np.eye(len(rows)) if self.rotation is None else self.rotation
        return Linear(rotation @ weights, rotation @ bias)

    def to_plain(self) -> dict[str, Any]:
        """Plain numbers; ``from_plain`` restores every one exactly."""
        return {
            "names": list(self.names),
            "scaling": self.scaling,
            "center": self.center.tolist(),
            "spread": self.spread.tolist(),
            "rotation": None if self.rotation is None else self.rotation.tolist(),
            "explained": self.explained.tolist(),
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> FeatureSpace:
        """Read what ``to_plain`` gave."""
        rotation = plain["rotation"]
        return cls(
            names=tuple(plain["names"]),
            scaling=plain["scaling"],
            center=np.asarray(plain["center"], np.float64),
            spread=np.asarray(plain["spread"], np.float64),
            rotation=None if rotation is None else np.asarray(rotation, np.float64),
            explained=np.asarray(plain["explained"], np.float64),
        )


def _principal_components(coordinates: FloatArray, share: float) -> tuple[FloatArray, FloatArray]:
    covariance = np.atleast_2d(np.cov(coordinates, bias=True))
    variances, vectors = np.linalg.eigh(covariance)
    variances, vectors = np.maximum(variances[::-1], 0), vectors[:, ::-1].T
    # a direction has no sign of its own: its largest part is made positive
    largest = np.abs(vectors).argmax(axis=1)
    vectors = vectors * np.sign(vectors[np.arange(len(vectors)), largest])[:, None]
    explained = variances / max(float(variances.sum()), np.finfo(np.float64).tiny)
    # rounding may leave the sum of all shares just below 1
    kept = min(int(np.searchsorted(np.cumsum(explained), share - 1e-12)) + 1, len(explained))
    return np.ascontiguousarray(vectors[:kept]), explained[:kept]


def bands_for(names: Sequence[str], available: Sequence[str]) -> tuple[str, ...]:
    """The bands that features are computed from, each once, in the order of ``available``.

    Args:
        names: Bands and indices.
        available: Bands at hand.

    Raises:
        ConfigurationError: A band of an index is missing.
    """
    needed = {
        band
        for name in names
        for band in (INDICES[name].bands_in(tuple(available)) if name in INDICES else (name,))
    }
    return tuple(band for band in available if band in needed)


def feature_values(
    names: Sequence[str], planes: Packed, bands: Sequence[StoredBand]
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Features of packed pixels.

    Args:
        names: Bands and indices.
        planes: Packed reflectance, ``(band, pixel)``.
        bands: The bands of the planes; at least those the features need.

    Returns:
        Features ``(feature, pixel)``, float64, 0 where they are not valid; and where they are: all
        their bands are observed and no index divides by zero.
    """
    at = {band.name: number for number, band in enumerate(bands)}
    needed = [at[name] for name in bands_for(names, tuple(at))]
    valid = valid_in_all(planes[needed], [bands[number] for number in needed])
    reflectance = unpack_all(planes[needed], [bands[number] for number in needed])
    by_name = {bands[number].name: row for number, row in zip(needed, reflectance, strict=True)}
    values = np.empty((len(names), planes.shape[1]))
    for row, name in zip(values, names, strict=True):
        row[:] = INDICES[name].compute(by_name) if name in INDICES else by_name[name]
    valid &= np.isfinite(values).all(axis=0)
    values[:, ~valid] = 0
    return values, valid
