"""What a clustering method has to offer; each method is one file in ``methods/``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from eo_assets.clustering.linear import FloatArray, Linear
from eo_assets.clustering.space import Scaling

__all__ = ["Fit", "FloatArray", "Method", "row_of_highest", "squared_distances"]


@dataclass(frozen=True)
class Fit:
    """What a method learned, in the coordinates of a feature space.

    Attributes:
        centroids: Class centres, ``(class, dimension)``.
        inertia: Sum of squared distances of the sample to the centre of its class.
        extra: Further arrays the method needs to assign pixels; the first axis is the class.
    """

    centroids: FloatArray
    inertia: float
    extra: Mapping[str, FloatArray] = field(default_factory=dict)

    def reordered(self, order: npt.NDArray[np.intp]) -> Fit:
        """The same fit with its classes in another order: ``order[new] = old``."""
        extra = {name: array[order] for name, array in self.extra.items()}
        return Fit(self.centroids[order], self.inertia, extra)


class Method(Protocol):
    """A way to group pixels by their features; its fields are its parameters.

    Attributes:
        name: The name people choose it by; the name of its file.
        title: For people.
        scaling: How features are standardised for it unless people choose otherwise.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    scaling: ClassVar[Scaling]

    @property
    def parameters(self) -> Mapping[str, Any]:
        """What it is set to, JSON-ready, for the record."""
        ...

    def fit(self, features: FloatArray, n_clusters: int, *, seed: int) -> Fit:
        """Learn the classes of a sample.

        Args:
            features: ``(pixel, dimension)``, standardised, finite; the order of the pixels matters
                to some methods, so callers keep it fixed.
            n_clusters: Number of classes, at most the number of different pixels.
            seed: Fixes every random choice.

        Returns:
            The classes, in any order.
        """
        ...

    def linear(self, fit: Fit) -> Linear | None:
        """Scores as a linear function of standardised features; None where they are not one."""
        ...

    def scores(self, fit: Fit, planes: FloatArray) -> FloatArray:
        """Say how well each pixel fits each class.

        Args:
            fit: What ``fit`` returned.
            planes: ``(dimension, pixel)``, standardised.

        Returns:
            ``(class, pixel)``; a pixel belongs to the class of its highest score.
        """
        ...


def row_of_highest(scores: FloatArray) -> npt.NDArray[np.uint8]:
    """``argmax(axis=0)``, the first on a tie; several times faster for few rows."""
    highest = scores[0].copy()
    row = np.zeros(highest.size, np.uint8)
    for number in range(1, len(scores)):
        row[scores[number] > highest] = number
        np.maximum(highest, scores[number], out=highest)
    return row


def squared_distances(planes: FloatArray, centres: FloatArray) -> FloatArray:
    """Squared distance of each pixel ``(dimension, pixel)`` to its own centre, of that shape."""
    distances: FloatArray = np.square(planes - centres).sum(axis=0)
    return distances
