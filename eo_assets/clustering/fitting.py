"""From a sample of pixels to a model: standardise, choose the number of classes, fit, order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
import numpy.typing as npt
import pandas as pd

from eo_assets.clustering.hints import brightness_of, index_of
from eo_assets.clustering.method import FloatArray
from eo_assets.clustering.methods import get_method
from eo_assets.clustering.model import ClusterModel, Scaler
from eo_assets.clustering.quality import (
    Silhouettes,
    Suggestion,
    scan_k,
    suggest_k,
)
from eo_assets.clustering.threads import one_thread

FEWEST_CLASSES = 2
"""Of any classification."""

_SOFTWARE = ("eo-assets", "numpy", "scikit-learn")


@dataclass(frozen=True)
class Classification:
    """A fitted model and how good it is.

    Attributes:
        model: The model, its classes in the order of their ids.
        k_scan: One row a number of classes, see ``quality.scan_k``.
        suggestion: The number of classes the scan suggests; None when it could not try any.
        sample: The first pixels of the sample: reflectance by band, ``class_id`` and
            ``silhouette``.
    """

    model: ClusterModel
    k_scan: pd.DataFrame
    suggestion: Suggestion | None
    sample: pd.DataFrame


def scan_classes(
    reflectance: FloatArray, *, method: str, ks: Sequence[int], seed: int
) -> pd.DataFrame:
    """Measure several numbers of classes on a sample.

    Args:
        reflectance: The sample, ``(pixel, feature)``, finite, in its fixed order.
        method: Name of the clustering method.
        ks: Numbers of classes.
        seed: Of every random choice.

    Returns:
        One row a number of classes, see ``quality.scan_k``.

    Raises:
        UnknownNameError: There is no method of that name.
    """
    standardised = Scaler.of(reflectance).apply(reflectance)
    silhouettes = Silhouettes(standardised)
    return scan_k(get_method(method), standardised, silhouettes, ks=ks, seed=seed)


def fit_classes(
    reflectance: FloatArray,
    features: tuple[str, ...],
    *,
    method: str,
    n_clusters: int | None,
    k_scan: pd.DataFrame,
    seed: int,
) -> Classification | None:
    """Learn classes from a sample.

    Class ids rise with the NDVI of the class mean, then with its brightness, so that the same
    classes get the same ids whatever order the method found them in.

    Args:
        reflectance: The sample, ``(pixel, feature)``, finite, in its fixed order.
        features: Band names.
        method: Name of the clustering method.
        n_clusters: Number of classes; None takes the one the scan suggests.
        k_scan: Measures of several numbers of classes, from ``scan_classes``; may be empty.
        seed: Of every random choice.

    Returns:
        The classification; None when the sample has fewer different pixels than classes.

    Raises:
        UnknownNameError: There is no method of that name.
    """
    chosen = get_method(method)
    suggestion = suggest_k(k_scan)
    k = n_clusters or (suggestion.n_clusters if suggestion else FEWEST_CLASSES)
    if len(np.unique(reflectance, axis=0)) < k:
        return None
    scaler = Scaler.of(reflectance)
    standardised = scaler.apply(reflectance)
    with one_thread():
        fit = chosen.fit(standardised, k, seed=seed)
    fit = fit.reordered(_canonical_order(scaler.undo(fit.centroids), features))
    model = ClusterModel(
        method=method,
        features=features,
        scaler=scaler,
        fit=fit,
        parameters=dict(chosen.parameters),
        seed=seed,
        n_sample=len(reflectance),
        versions={package: version(package) for package in _SOFTWARE},
    )
    with one_thread():
        sample = _sample_table(model, reflectance, Silhouettes(standardised))
    return Classification(model, k_scan, suggestion, sample)


def _canonical_order(centroids: FloatArray, features: tuple[str, ...]) -> npt.NDArray[np.intp]:
    spectra = [dict(zip(features, centroid, strict=True)) for centroid in centroids]
    ndvi = np.nan_to_num([index_of("ndvi", spectrum) for spectrum in spectra])
    brightness = np.array([brightness_of(spectrum) for spectrum in spectra])
    return np.lexsort((brightness, ndvi))


def _sample_table(
    model: ClusterModel, reflectance: FloatArray, silhouettes: Silhouettes
) -> pd.DataFrame:
    few = silhouettes.features
    labels = get_method(model.method).scores(model.fit, few.T).argmax(axis=0)
    table = pd.DataFrame(reflectance[: len(few)], columns=list(model.features))
    table["class_id"] = (labels + 1).astype(np.uint8)
    table["silhouette"] = silhouettes.of(labels)
    return table
