"""Gaussian mixture: classes have a size, a shape and a share of the ground each.

Where k-means cuts half-way between two centres, a mixture lets a wide class (grassland) reach into
the neighbourhood of a narrow one (water). Dempster, Laird and Rubin 1977,
doi:10.1111/j.2517-6161.1977.tb01600.x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from eo_assets.clustering.method import Fit, FloatArray, row_of_highest, squared_distances
from eo_assets.clustering.space import Scaling


@dataclass(frozen=True)
class GaussianMixture:
    """Classes are normal distributions; a pixel belongs to the likeliest.

    Attributes:
        n_init: Starts, of which the likeliest is kept.
        max_iter: Most steps of expectation and maximisation.
        tol: Gain of mean log-likelihood below which it has converged.
        reg_covar: Added to every variance, standardised: keeps classes of a few pixels alive.
        fit_pixels: Learns from this many pixels of the sample at most: each step costs the square
            of the number of features.
    """

    name: ClassVar[str] = "gaussian_mixture"
    title: ClassVar[str] = "Gaussian mixture"
    scaling: ClassVar[Scaling] = "robust"

    n_init: Annotated[int, Field(ge=1, le=20)] = 1
    max_iter: Annotated[int, Field(ge=1)] = 100
    tol: Annotated[float, Field(gt=0)] = 1e-3
    reg_covar: Annotated[float, Field(gt=0)] = 1e-3
    fit_pixels: Annotated[int, Field(ge=100)] = 20_000

    @property
    def parameters(self) -> Mapping[str, Any]:
        """See ``Method.parameters``."""
        return asdict(self)

    def fit(self, features: FloatArray, n_clusters: int, *, seed: int) -> Fit:
        """See ``Method.fit``."""
        import warnings

        from sklearn.exceptions import ConvergenceWarning
        from sklearn.mixture import GaussianMixture as Estimator

        settings = asdict(self)
        few = features[: settings.pop("fit_pixels")]
        with warnings.catch_warnings():
            # the last step is used as it is; more of them move few pixels
            warnings.simplefilter("ignore", ConvergenceWarning)
            found = Estimator(n_clusters, random_state=seed, **settings).fit(few)
        # y = x P with P Pᵀ the inverse covariance, so that |y - m P|² is Mahalanobis' distance
        whiten = np.ascontiguousarray(np.swapaxes(found.precisions_cholesky_, 1, 2))
        extra = {
            "whiten": whiten,
            "whitened_centre": np.einsum("kij,kj->ki", whiten, found.means_),
            "log_prior": np.log(found.weights_)
            + np.log(np.diagonal(whiten, axis1=1, axis2=2)).sum(axis=1),
        }
        fit = Fit(np.asarray(found.means_, np.float64), 0.0, extra)
        rows = row_of_highest(self.scores(fit, features.T))
        inertia = float(squared_distances(features.T, fit.centroids[rows].T).sum())
        return Fit(fit.centroids, inertia, extra)

    def linear(self, fit: Fit) -> None:  # noqa: ARG002
        """See ``Method.linear``: the distance to a normal distribution is quadratic."""
        return

    def scores(self, fit: Fit, planes: FloatArray) -> FloatArray:
        """Log of prior times density of each class, up to a constant all classes share."""
        scores = np.empty((len(fit.centroids), planes.shape[1]))
        parts = (fit.extra[name] for name in ("whiten", "whitened_centre", "log_prior"))
        for row, whiten, centre, log_prior in zip(scores, *parts, strict=True):
            row[:] = log_prior - 0.5 * squared_distances(whiten @ planes, centre[:, None])
        return scores


METHOD = GaussianMixture
