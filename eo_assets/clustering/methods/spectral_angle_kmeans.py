"""Spherical k-means: classes are directions in spectral space, compared by spectral angle.

Sun and shade on a slope scale a spectrum as a whole and hardly turn it, so that classes by angle
follow the cover rather than the light. What differs in brightness alone - light and dark soil, two
levels of turbid water - is one class to it.

Spectral angle: Kruse et al. 1993, doi:10.1016/0034-4257(93)90013-N. Spherical k-means: Dhillon and
Modha 2001, doi:10.1023/A:1007612920971.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from eo_assets.clustering.linear import Linear
from eo_assets.clustering.method import Fit, FloatArray
from eo_assets.clustering.space import Scaling


@dataclass(frozen=True)
class SpectralAngleKMeans:
    """Classes are the directions nearest by angle."""

    name: ClassVar[str] = "spectral_angle_kmeans"
    title: ClassVar[str] = "Spectral-angle (spherical) k-means"
    scaling: ClassVar[Scaling] = "unit"

    n_init: Annotated[int, Field(ge=1, le=100)] = 5
    max_iter: Annotated[int, Field(ge=1)] = 200

    @property
    def parameters(self) -> Mapping[str, Any]:
        """See ``Method.parameters``."""
        return asdict(self)

    def fit(self, features: FloatArray, n_clusters: int, *, seed: int) -> Fit:
        """See ``Method.fit``; the centres have length 1."""
        from sklearn.cluster import KMeans

        # for unit vectors half the squared distance is one minus the cosine of the angle
        directions = _unit(features)
        found = KMeans(n_clusters, random_state=seed, **asdict(self)).fit(directions)
        centroids = _unit(np.asarray(found.cluster_centers_, np.float64))
        cosines = (directions @ centroids.T).max(axis=1)
        return Fit(centroids, float(np.sum(2 - 2 * cosines)))

    def scores(self, fit: Fit, planes: FloatArray) -> FloatArray:
        """Cosine of the angle to each centre, times the pixel's length, which all share."""
        return self.linear(fit).apply(planes)

    def linear(self, fit: Fit) -> Linear:
        """See ``Method.linear``."""
        return Linear(fit.centroids, np.zeros((len(fit.centroids), 1)))


def _unit(vectors: FloatArray) -> FloatArray:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: FloatArray = vectors / np.maximum(length, np.finfo(np.float64).tiny)
    return unit


METHOD = SpectralAngleKMeans
