"""MiniBatchKMeans: k-means on random batches, the default.

Sculley 2010, "Web-scale k-means clustering", doi:10.1145/1772690.1772862.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from eo_assets.clustering.method import Fit, FloatArray


class MiniBatchKMeans:
    """Classes are the nearest centres in Euclidean distance."""

    name = "minibatch_kmeans"
    title = "Mini-batch k-means"
    # Several runs, because the local minimum a run ends in matters more than the sample's size;
    # scikit-learn's n_init compares starting points only.
    # No reassignment: it takes the centre of a small class, such as the last snow, for a bad one
    # and moves it away, which doubles the inertia of scenes with rare but distinct cover.
    parameters: Mapping[str, Any] = MappingProxyType(
        {
            "runs": 3,
            "init": "k-means++",
            "n_init": 10,
            "batch_size": 4096,
            "max_iter": 100,
            "reassignment_ratio": 0.0,
        }
    )

    def fit(self, features: FloatArray, n_clusters: int, *, seed: int) -> Fit:
        """See ``Method.fit``."""
        from sklearn.cluster import MiniBatchKMeans as Estimator

        settings = dict(self.parameters)
        seeds = np.random.SeedSequence(seed).generate_state(settings.pop("runs"))
        runs = [
            Estimator(n_clusters, random_state=int(run_seed), **settings).fit(features)
            for run_seed in seeds
        ]
        best = min(runs, key=lambda run: run.inertia_)
        return Fit(np.asarray(best.cluster_centers_, np.float64), float(best.inertia_))

    def scores(self, fit: Fit, planes: FloatArray) -> FloatArray:
        """Half the negative squared distance to each centre, up to a term all classes share."""
        half_norms = 0.5 * np.square(fit.centroids).sum(axis=1, keepdims=True)
        scores: FloatArray = fit.centroids @ planes - half_norms
        return scores


METHOD = MiniBatchKMeans()
