"""MiniBatchKMeans: k-means on random batches, the default.

Sculley 2010, "Web-scale k-means clustering", doi:10.1145/1772690.1772862.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from eo_assets.clustering.linear import Linear
from eo_assets.clustering.method import Fit, FloatArray
from eo_assets.clustering.space import Scaling


@dataclass(frozen=True)
class MiniBatchKMeans:
    """Classes are the nearest centres in Euclidean distance.

    Several runs, because the local minimum a run ends in matters more than the sample's size;
    scikit-learn's ``n_init`` compares starting points only. No reassignment: it takes the centre
    of a small class, such as the last snow, for a bad one and moves it away, which doubles the
    inertia of scenes with rare but distinct cover.
    """

    name: ClassVar[str] = "minibatch_kmeans"
    title: ClassVar[str] = "Mini-batch k-means"
    scaling: ClassVar[Scaling] = "robust"

    runs: Annotated[int, Field(ge=1, le=100)] = 3
    init: Literal["k-means++", "random"] = "k-means++"
    n_init: Annotated[int, Field(ge=1, le=100)] = 10
    batch_size: Annotated[int, Field(ge=16)] = 4096
    max_iter: Annotated[int, Field(ge=1)] = 100
    reassignment_ratio: Annotated[float, Field(ge=0, le=1)] = 0.0

    @property
    def parameters(self) -> Mapping[str, Any]:
        """See ``Method.parameters``."""
        return asdict(self)

    def fit(self, features: FloatArray, n_clusters: int, *, seed: int) -> Fit:
        """See ``Method.fit``."""
        from sklearn.cluster import MiniBatchKMeans as Estimator

        settings = asdict(self)
        seeds = np.random.SeedSequence(seed).generate_state(settings.pop("runs"))
        runs = [
            Estimator(n_clusters, random_state=int(run_seed), **settings).fit(features)
            for run_seed in seeds
        ]
        best = min(runs, key=lambda run: run.inertia_)
        return Fit(np.asarray(best.cluster_centers_, np.float64), float(best.inertia_))

    def scores(self, fit: Fit, planes: FloatArray) -> FloatArray:
        """Half the negative squared distance to each centre, up to a term all classes share."""
        return self.linear(fit).apply(planes)

    def linear(self, fit: Fit) -> Linear:
        """See ``Method.linear``."""
        half_norms = 0.5 * np.square(fit.centroids).sum(axis=1, keepdims=True)
        return Linear(fit.centroids, -half_norms)


METHOD = MiniBatchKMeans
