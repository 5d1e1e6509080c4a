"""From a sample of pixels to a model: standardise, choose the number of classes, fit, order."""

from __future__ import annotations

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


def fit_classes(
    reflectance: FloatArray,
    features: tuple[str, ...],
    *,
    method: str,
    n_clusters: int | None,
    k_range: tuple[int, int],
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
        k_range: Smallest and largest number of classes the scan tries.
        seed: Of every random choice.

    Returns:
        The classification; None when the sample has fewer different pixels than classes.

    Raises:
        UnknownNameError: There is no method of that name.
    """
    chosen = get_method(method)
    if len(np.unique(reflectance, axis=0)) < (n_clusters or k_range[0]):
        return None
    scaler = Scaler.of(reflectance)
    standardised = scaler.apply(reflectance)
    silhouettes = Silhouettes(standardised)
    scan = scan_k(chosen, standardised, silhouettes, k_range=k_range, seed=seed)
    suggestion = suggest_k(scan)
    k = n_clusters or (suggestion.n_clusters if suggestion else k_range[0])
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
    return Classification(model, scan, suggestion, _sample_table(model, reflectance, silhouettes))


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
