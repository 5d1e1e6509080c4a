"""What a clustering method has to offer; each method is one file in ``methods/``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """What a method learned, in standardised features.

    Attributes:
        centroids: Class means, ``(class, feature)``, standardised.
        inertia: Sum of squared distances of the sample to its class mean.
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
    """A way to group pixels by their features.

    Attributes:
        name: The name people choose it by; the name of its file.
        title: For people.
        parameters: What it was set to, JSON-ready, for the record.
    """

    name: str
    title: str
    parameters: Mapping[str, Any]

    def fit(self, features: FloatArray, n_clusters: int, *, seed: int) -> Fit:
        """Learn the classes of a sample.

        Args:
            features: ``(pixel, feature)``, standardised, finite; the order of the pixels matters
                to some methods, so callers keep it fixed.
            n_clusters: Number of classes, at most the number of different pixels.
            seed: Fixes every random choice.

        Returns:
            The classes, in any order.
        """
        ...

    def scores(self, fit: Fit, planes: FloatArray) -> FloatArray:
        """Say how well each pixel fits each class.

        Args:
            fit: What ``fit`` returned.
            planes: ``(feature, pixel)``, standardised.

        Returns:
            ``(class, pixel)``; a pixel belongs to the class of its highest score.
        """
        ...
