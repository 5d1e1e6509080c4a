"""A fitted classification as plain numbers, to be stored, compared and applied again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eo_assets.clustering.method import Fit, FloatArray
from eo_assets.errors import StaleArtifactError

SCHEMA = 1
"""To be raised when models stored before can no longer be read."""

Labels = npt.NDArray[np.uint8]

NODATA = 0
"""Label of pixels without an observation; classes count from 1."""

_NORMAL_IQR = 1.3489795003921634
"""Interquartile range of the standard normal distribution: twice its 75 % quantile."""


@dataclass(frozen=True, kw_only=True)
class Scaler:
    """Standardises features: ``(value - center) / spread``, one of each a feature, reflectance.

    The center is the median and the spread the interquartile range of a normal distribution with
    standard deviation 1. Mean and standard deviation would let a little snow, ten times brighter
    than the rest, squeeze all other cover together.
    """

    center: FloatArray
    spread: FloatArray

    @classmethod
    def of(cls, features: FloatArray) -> Scaler:
        """Learn from a sample ``(pixel, feature)``.

        Where half the pixels share one value the spread is the standard deviation; a feature that
        never varies keeps its size.
        """
        low, center, high = np.percentile(features, [25, 50, 75], axis=0)
        robust, plain = (high - low) / _NORMAL_IQR, features.std(axis=0)
        spread = np.where(robust > 0, robust, np.where(plain > 0, plain, 1.0))
        return cls(center=center, spread=spread)

    def apply(self, features: FloatArray) -> FloatArray:
        """Standardise ``(pixel, feature)``."""
        return (features - self.center) / self.spread

    def undo(self, standardised: FloatArray) -> FloatArray:
        """Back to reflectance, ``(pixel, feature)``."""
        return standardised * self.spread + self.center


@dataclass(frozen=True, kw_only=True)
class ClusterModel:
    """Everything needed to label another pixel the same way.

    Attributes:
        method: Name of the clustering method.
        features: Bands it looks at, in order.
        scaler: How reflectance was standardised.
        fit: The classes in standardised features, in the order of their ids (first is id 1).
        parameters: What the method was set to.
        seed: Of every random choice.
        n_sample: Number of pixels it learned from.
        versions: Versions of the software that fitted it, by package.
    """

    method: str
    features: tuple[str, ...]
    scaler: Scaler
    fit: Fit
    parameters: Mapping[str, Any]
    seed: int
    n_sample: int
    versions: Mapping[str, str]

    @property
    def n_clusters(self) -> int:
        """Number of classes."""
        return len(self.fit.centroids)

    @property
    def class_ids(self) -> tuple[int, ...]:
        """Labels of the classes: 1 to ``n_clusters``."""
        return tuple(range(1, self.n_clusters + 1))

    @property
    def centroids(self) -> FloatArray:
        """Class means in surface reflectance, ``(class, feature)``."""
        return self.scaler.undo(self.fit.centroids)

    def to_json(self) -> str:
        """Write as JSON; ``from_json`` restores every number exactly."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, default=_to_plain, indent=1)

    @classmethod
    def from_json(cls, text: str) -> ClusterModel:
        """Read what ``to_json`` wrote.

        Raises:
            StaleArtifactError: It was written by an incompatible version.
        """
        record = json.loads(text)
        if record.pop("schema", None) != SCHEMA:
            raise StaleArtifactError(
                "The cluster model was written by an incompatible version.",
                "Materialise clusters again.",
            )
        scaler, fit = record.pop("scaler"), record.pop("fit")
        return cls(
            **{**record, "features": tuple(record["features"])},
            scaler=Scaler(center=_array(scaler["center"]), spread=_array(scaler["spread"])),
            fit=Fit(
                _array(fit["centroids"]),
                fit["inertia"],
                {name: _array(values) for name, values in fit["extra"].items()},
            ),
        )


def _array(values: Any) -> FloatArray:
    return np.asarray(values, np.float64)


def _to_plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return dict(value)
