"""From a sample of pixels to a model: standardise, choose the number of classes, fit, order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from eo_assets.clustering.hints import brightness_of, describe, index_of
from eo_assets.clustering.method import FloatArray, row_of_highest, squared_distances
from eo_assets.clustering.methods import get_method
from eo_assets.clustering.model import ClassIdentity, ClusterModel
from eo_assets.clustering.palette import class_colours
from eo_assets.clustering.quality import Silhouettes, scan_k, suggest_k
from eo_assets.clustering.space import FeatureSpace, Scaling
from eo_assets.clustering.threads import one_thread

FEWEST_CLASSES = 2
"""Of any classification."""

GATE = 3.0
"""A pixel is unlike its class beyond this many root mean square distances from the centre."""

_SOFTWARE = ("eo-assets", "numpy", "scikit-learn")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what classes a sample is grouped into.

    Attributes:
        method: Name of the clustering method.
        parameters: What to set of it otherwise than by default.
        n_clusters: Number of classes; None takes the one a scan suggests.
        features: Bands and indices.
        scaling: How features are standardised; None for the method's own way.
        pca_share: See ``FeatureSpace.of``.
        seed: Of every random choice.
    """

    method: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    n_clusters: int | None
    features: tuple[str, ...]
    scaling: Scaling | None = None
    pca_share: float = 0.0
    seed: int = 0

    def space_of(self, values: FloatArray) -> FeatureSpace:
        """The space that features ``(feature, pixel)`` of a sample span."""
        scaling = self.scaling or get_method(self.method).scaling
        with one_thread():
            return FeatureSpace.of(values, self.features, scaling=scaling, pca_share=self.pca_share)


def scan_classes(coordinates: FloatArray, recipe: Recipe, *, ks: Sequence[int]) -> pd.DataFrame:
    """Measure several numbers of classes on a sample.

    Args:
        coordinates: The sample, ``(pixel, dimension)``, in its fixed order.
        recipe: How to group.
        ks: Numbers of classes.

    Returns:
        One row a number of classes, see ``quality.scan_k``.

    Raises:
        ConfigurationError: There is no such method or parameter.
    """
    method = get_method(recipe.method, recipe.parameters)
    return scan_k(method, coordinates, Silhouettes(coordinates), ks=ks, seed=recipe.seed)


def fit_classes(
    values: FloatArray,
    reflectance: Mapping[str, FloatArray],
    recipe: Recipe,
    *,
    k_scan: pd.DataFrame,
    date: str = "",
) -> ClusterModel | None:
    """Learn classes from a sample.

    Class ids rise with the NDVI of the class mean, then with its brightness, so that the same
    classes get the same ids whatever order the method found them in.

    Args:
        values: Features of the sample, ``(feature, pixel)``, finite, in its fixed order.
        reflectance: Bands of the sample, each ``(pixel,)``, by name.
        recipe: How to group.
        k_scan: Measures of several numbers of classes, from ``scan_classes``; may be empty.
        date: When the sample was observed, ISO 8601.

    Returns:
        The model; None when the sample has fewer different pixels than classes.

    Raises:
        ConfigurationError: There is no such method or parameter.
    """
    method = get_method(recipe.method, recipe.parameters)
    suggestion = suggest_k(k_scan)
    k = recipe.n_clusters or (suggestion.n_clusters if suggestion else FEWEST_CLASSES)
    if not _has_different(values, k):
        return None
    space = recipe.space_of(values)
    coordinates = space.apply(values)
    with one_thread():
        fit = method.fit(np.ascontiguousarray(coordinates.T), k, seed=recipe.seed)
        rows = row_of_highest(method.scores(fit, coordinates))
        spectra = class_spectra(reflectance, rows, k)
        order = _canonical_order(spectra)
        fit = fit.reordered(order)
        rows = row_of_highest(method.scores(fit, coordinates))
    return ClusterModel(
        method=recipe.method,
        parameters=method.parameters,
        space=space,
        fit=fit,
        gates=_gates(fit.centroids, coordinates, rows),
        identities=tuple(
            ClassIdentity(class_id=row + 1, name=describe(spectra[old]), colour=colour, since=date)
            for row, (old, colour) in enumerate(zip(order, class_colours(k), strict=True))
        ),
        seed=recipe.seed,
        n_sample=values.shape[1],
        versions={package: version(package) for package in _SOFTWARE},
    )


def _has_different(values: FloatArray, k: int) -> bool:
    """Whether there are ``k`` different pixels; the first few nearly always tell."""
    return any(len(np.unique(part.T, axis=0)) >= k for part in (values[:, : 16 * k], values))


def class_spectra(
    reflectance: Mapping[str, FloatArray], rows: npt.NDArray[np.integer[Any]], n_classes: int
) -> list[dict[str, float]]:
    """Mean spectrum of each class of a sample; NaN for a class without pixels."""
    count = np.bincount(rows, minlength=n_classes)
    size = np.where(count > 0, count, np.nan)
    means = {
        band: np.bincount(rows, values, n_classes) / size for band, values in reflectance.items()
    }
    return [{band: float(mean[row]) for band, mean in means.items()} for row in range(n_classes)]


def _canonical_order(spectra: Sequence[Mapping[str, float]]) -> npt.NDArray[np.intp]:
    ndvi = np.nan_to_num([index_of("ndvi", spectrum) for spectrum in spectra])
    brightness = np.array([brightness_of(spectrum) for spectrum in spectra])
    return np.lexsort((brightness, ndvi))


def _gates(
    centroids: FloatArray, coordinates: FloatArray, rows: npt.NDArray[np.uint8]
) -> FloatArray:
    squared = squared_distances(coordinates, centroids[rows].T)
    count = np.bincount(rows, minlength=len(centroids))
    mean = np.bincount(rows, squared, len(centroids)) / np.maximum(count, 1)
    # a class of equal pixels is as wide as the narrowest of the others
    narrowest = mean[mean > 0].min(initial=np.inf)
    gates: FloatArray = GATE * np.sqrt(np.where(mean > 0, mean, np.nan_to_num(narrowest, posinf=0)))
    return gates
