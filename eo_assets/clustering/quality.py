"""How well a number of classes fits: silhouettes, classical indices and the elbow."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from eo_assets.clustering.method import FloatArray, Method
from eo_assets.clustering.threads import one_thread

SILHOUETTE_PIXELS = 5000
"""Silhouettes need all pairwise distances: of this many pixels."""


@dataclass(frozen=True)
class Suggestion:
    """A number of classes and why."""

    n_clusters: int
    reason: str


class Silhouettes:
    """Silhouettes of one set of pixels under several labellings.

    The distances are computed once, ``n * n`` float32: 100 MB for 5000 pixels.

    References:
        Rousseeuw 1987, doi:10.1016/0377-0427(87)90125-7.
    """

    def __init__(self, features: FloatArray) -> None:
        """Prepare for the first pixels of a sample ``(pixel, feature)``, standardised."""
        from scipy.spatial.distance import cdist

        self.features = features = features[:SILHOUETTE_PIXELS]
        self._distances = cdist(features, features).astype(np.float32)

    def of(self, labels: npt.NDArray[np.intp]) -> FloatArray:
        """How much closer each pixel is to its own class than to the next one.

        Args:
            labels: Class of each pixel, from 0.

        Returns:
            ``(pixel,)``, from -1 to 1; 0 for a pixel alone in its class; NaN for every pixel when
            all are of one class.
        """
        members = np.bincount(labels)
        if np.count_nonzero(members) < 2:
            return np.full(labels.size, np.nan)
        membership = np.eye(members.size, dtype=np.float32)[labels]
        # the last digits of sums would depend on the number of cores
        with one_thread():
            total = (self._distances @ membership).astype(np.float64)
        each = np.arange(labels.size)
        own = total[each, labels] / np.maximum(members[labels] - 1, 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = total / members
        mean[:, members == 0] = np.inf
        mean[each, labels] = np.inf
        nearest = mean.min(axis=1)
        wider = np.maximum(own, nearest)
        silhouettes = np.divide(nearest - own, wider, out=np.zeros_like(own), where=wider > 0)
        return np.where(members[labels] > 1, silhouettes, 0.0)


def scan_k(
    method: Method,
    features: FloatArray,
    silhouettes: Silhouettes,
    *,
    ks: Sequence[int],
    seed: int,
) -> pd.DataFrame:
    """Fit several numbers of classes and measure each.

    Args:
        method: The clustering method.
        features: The sample ``(pixel, feature)``, standardised, in its fixed order.
        silhouettes: Of the same sample; its pixels measure all but the inertia.
        ks: Numbers of classes to try.
        seed: Of every random choice.

    Returns:
        One row a number of classes: ``k``, ``inertia`` (sum of squared distances of standardised
        features), ``silhouette`` (higher is better), ``calinski_harabasz`` (higher),
        ``davies_bouldin`` (lower). Numbers too large for the sample's different pixels are left
        out.
    """
    from sklearn.metrics import calinski_harabasz_score, davies_bouldin_score

    few = silhouettes.features
    n_different = len(np.unique(few, axis=0))
    rows = []
    with one_thread():
        for k in (k for k in ks if k < n_different):
            fit = method.fit(features, k, seed=seed)
            labels = method.scores(fit, few.T).argmax(axis=0)
            measured = {
                "k": k,
                "inertia": fit.inertia,
                "silhouette": float(silhouettes.of(labels).mean()),
                "calinski_harabasz": np.nan,
                "davies_bouldin": np.nan,
            }
            if len(np.unique(labels)) > 1:
                measured["calinski_harabasz"] = calinski_harabasz_score(few, labels)
                measured["davies_bouldin"] = davies_bouldin_score(few, labels)
            rows.append(measured)
    columns = ["k", "inertia", "silhouette", "calinski_harabasz", "davies_bouldin"]
    return pd.DataFrame(rows, columns=columns).astype({"k": "int64"})


def suggest_k(scan: pd.DataFrame) -> Suggestion | None:
    """Suggest a number of classes from a scan: the elbow, else the best silhouette.

    The silhouette alone favours two or three classes wherever water, snow or shade stand apart,
    so it decides only where inertia has no clear bend.

    References:
        Satopaa et al. 2011, "Finding a 'kneedle' in a haystack", doi:10.1109/ICDCSW.2011.20.
    """
    if scan.empty or scan["silhouette"].isna().all():
        return None
    elbow = _elbow(scan)
    measured = scan[scan["silhouette"].notna()]
    by_k = dict(zip(measured["k"].tolist(), measured["silhouette"].tolist(), strict=True))
    best = max(by_k, key=lambda k: by_k[k])
    others = _other_indices(scan)
    if elbow is None:
        return Suggestion(
            best,
            f"Inertia has no clear elbow; {best} classes have the best silhouette "
            f"({by_k[best]:.2f}){others}.",
        )
    return Suggestion(
        elbow,
        f"Inertia bends at {elbow} classes (elbow), silhouette {by_k[elbow]:.2f}; "
        f"the best silhouette is {by_k[best]:.2f} at {best}{others}.",
    )


def _other_indices(scan: pd.DataFrame) -> str:
    titles = {
        "calinski_harabasz": ("Calinski-Harabasz", 1),
        "davies_bouldin": ("Davies-Bouldin", -1),
    }
    found = [
        f"{title} is best at {scan['k'].iloc[int(np.nanargmax(sign * scan[name].to_numpy()))]}"
        for name, (title, sign) in titles.items()
        if name in scan and scan[name].notna().any()
    ]
    return "".join(f", {text}" for text in found)


def _elbow(scan: pd.DataFrame) -> int | None:
    from kneed import KneeLocator

    if len(scan) < 4:
        return None
    with warnings.catch_warnings():
        # it warns where there is no elbow, which the result says as well
        warnings.simplefilter("ignore", UserWarning)
        found = KneeLocator(scan["k"], scan["inertia"], curve="convex", direction="decreasing").knee
    return None if found is None else int(found)
