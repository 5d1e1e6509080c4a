"""Recognising classes on another date: what lies within their gates, what is new, what drifts.

All distances are in the coordinates of the model's space: standard deviations of the reference.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from eo_assets.clustering.method import FloatArray, squared_distances
from eo_assets.clustering.methods import get_method
from eo_assets.clustering.model import ClusterModel
from eo_assets.clustering.predict import class_rows
from eo_assets.clustering.threads import one_thread

NEW_SHARE = 0.01
"""Pixels unlike every class found a new one when they are this share of the sample, at least."""

MOST_NEW = 4
"""New classes of one date, at most."""

_COMPACT = 0.9


@dataclass(frozen=True, kw_only=True)
class Recognition:
    """How the pixels of a date lie to the classes of a model.

    Attributes:
        rows: Row of each pixel's class in ``model.classes``, ``(pixel,)``.
        unlike: Pixels beyond the gate of their class, ``(pixel,)``.
        drift: Distance of each class's mean from its centre, ``(class,)``; NaN without a pixel.
        share: Share of the pixels in each class, 0-1, ``(class,)``.
    """

    rows: npt.NDArray[np.uint8]
    unlike: npt.NDArray[np.bool_]
    drift: FloatArray
    share: FloatArray

    @property
    def mean_drift(self) -> float:
        """Drift of the classes, each weighted by its share of the pixels."""
        return float(np.nansum(self.drift * self.share))


def width_of(model: ClusterModel) -> float:
    """How far a class reaches typically: the median of the gates."""
    return float(np.median(model.gates))


def recognise(model: ClusterModel, coordinates: FloatArray) -> Recognition:
    """Find the class of each pixel and how well it fits.

    Args:
        model: The model of the code book.
        coordinates: A date's sample in the model's space, ``(dimension, pixel)``, at least one.
    """
    method = get_method(model.method, model.parameters)
    with one_thread():
        rows = class_rows(model, method, coordinates)
    centroids, n_classes = model.centroids, model.n_clusters
    gates = np.append(model.gates, np.full(n_classes - len(model.gates), width_of(model)))
    distances = squared_distances(coordinates, centroids[rows].T)
    count = np.bincount(rows, minlength=n_classes)
    size = np.where(count > 0, count, np.nan)
    means = np.stack([np.bincount(rows, axis, n_classes) / size for axis in coordinates], axis=1)
    return Recognition(
        rows=rows,
        unlike=distances > np.square(gates)[rows],
        drift=np.sqrt(np.square(means - centroids).sum(axis=1)),
        share=count / rows.size,
    )


def find_new_groups(model: ClusterModel, coordinates: FloatArray) -> FloatArray:
    """Group the pixels that are unlike every class.

    The fewest groups are taken whose pixels lie as close together as those of the known classes.

    Args:
        model: The model, without additions.
        coordinates: A date's sample in the model's space, ``(dimension, pixel)``.

    Returns:
        Centres of the groups large enough to become classes, ``(group, dimension)``, the largest
        first; often none.
    """
    from sklearn.cluster import KMeans

    unlike = coordinates[:, recognise(model, coordinates).unlike].T
    fewest = max(NEW_SHARE * coordinates.shape[1], 2 * MOST_NEW)
    if len(unlike) < fewest:
        return np.zeros((0, len(coordinates)))
    with one_thread():
        for k in range(1, MOST_NEW + 1):
            found = KMeans(k, n_init=3, random_state=model.seed).fit(unlike)
            centres = np.asarray(found.cluster_centers_, np.float64)
            distances = np.linalg.norm(unlike - centres[found.labels_], axis=1)
            if np.mean(distances <= width_of(model)) >= _COMPACT:
                break
    count = np.bincount(found.labels_, minlength=len(centres))
    order = np.argsort(-count, kind="stable")
    return centres[[row for row in order if count[row] >= fewest]]


def match(groups: FloatArray, known: FloatArray, *, gate: float) -> list[int | None]:
    """Assign groups to known classes so that the distances are smallest together.

    Pairs further apart than the gate are no match, and do not keep others from matching.

    Args:
        groups: Centres, ``(group, dimension)``.
        known: Centres, ``(class, dimension)``; may be none.
        gate: Largest distance of a match.

    Returns:
        Row of the known class of each group, None for a group that is new.

    References:
        Kuhn 1955, doi:10.1002/nav.3800020109.
    """
    if not len(groups) or not len(known):
        return [None] * len(groups)
    distances = cdist(groups, known)
    # a pair beyond the gate costs more than all pairs within it together
    allowed = distances <= gate
    costs = np.where(allowed, distances, gate * (min(distances.shape) + 1))
    rows, columns = linear_sum_assignment(costs)
    found: dict[Any, Any] = {
        int(row): int(column)
        for row, column in zip(rows, columns, strict=True)
        if allowed[row, column]
    }
    return [found.get(row) for row in range(len(groups))]
