"""A fitted classification as plain numbers, to be stored, compared and applied again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from eo_assets.clustering.method import Fit, FloatArray
from eo_assets.clustering.space import FeatureSpace
from eo_assets.errors import StaleArtifactError

SCHEMA = 2
"""To be raised when models stored before can no longer be read."""

Labels = npt.NDArray[np.uint8]

NODATA = 0
"""Label of pixels without an observation; classes count from 1."""


@dataclass(frozen=True, kw_only=True)
class ClassIdentity:
    """What stays the same of a class from date to date.

    Attributes:
        class_id: Its label on maps.
        name: A hint from its spectrum when it was first seen; no land-cover label.
        colour: ``#RRGGBB``.
        since: Date it was first seen, ISO 8601; empty for a model of one date alone.
    """

    class_id: int
    name: str
    colour: str
    since: str = ""


@dataclass(frozen=True, kw_only=True)
class Additions:
    """Classes found on later dates; they take only pixels unlike every class of the reference.

    Attributes:
        centroids: Their centres, ``(class, dimension)``.
        identities: Who they are.
    """

    centroids: FloatArray
    identities: tuple[ClassIdentity, ...]

    @classmethod
    def none(cls) -> Additions:
        """No class."""
        return cls(centroids=np.zeros((0, 0)), identities=())


@dataclass(frozen=True, kw_only=True)
class ClusterModel:
    """Everything needed to label another pixel the same way.

    Attributes:
        method: Name of the clustering method.
        parameters: What the method was set to.
        space: Where classes are told apart.
        fit: The classes in the coordinates of the space, in the order of ``identities``.
        gates: Distance from its centre beyond which a pixel is unlike its class, ``(class,)``.
        identities: Id, name and colour of each class.
        additions: Classes beside the fitted ones.
        seed: Of every random choice.
        n_sample: Number of pixels it learned from.
        versions: Versions of the software that fitted it, by package.
    """

    method: str
    parameters: Mapping[str, Any]
    space: FeatureSpace
    fit: Fit
    gates: FloatArray
    identities: tuple[ClassIdentity, ...]
    additions: Additions = field(default_factory=Additions.none)
    seed: int
    n_sample: int
    versions: Mapping[str, str]

    @property
    def features(self) -> tuple[str, ...]:
        """Bands and indices it looks at, in order."""
        return self.space.names

    @property
    def classes(self) -> tuple[ClassIdentity, ...]:
        """All classes, fitted ones first."""
        return (*self.identities, *self.additions.identities)

    @property
    def class_ids(self) -> tuple[int, ...]:
        """Labels of all classes."""
        return tuple(identity.class_id for identity in self.classes)

    @property
    def n_clusters(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def centroids(self) -> FloatArray:
        """Centres of all classes in the coordinates of the space, ``(class, dimension)``."""
        if not self.additions.identities:
            return self.fit.centroids
        return np.concatenate([self.fit.centroids, self.additions.centroids])

    def with_additions(self, additions: Additions) -> ClusterModel:
        """The same model with other classes beside the fitted ones."""
        return replace(self, additions=additions)

    def to_plain(self) -> dict[str, Any]:
        """Plain numbers and texts, JSON-ready."""
        return {
            "schema": SCHEMA,
            "method": self.method,
            "parameters": dict(self.parameters),
            "space": self.space.to_plain(),
            "fit": {
                "centroids": self.fit.centroids.tolist(),
                "inertia": self.fit.inertia,
                "extra": {name: array.tolist() for name, array in self.fit.extra.items()},
            },
            "gates": self.gates.tolist(),
            "identities": [asdict(identity) for identity in self.identities],
            "additions": {
                "centroids": self.additions.centroids.tolist(),
                "identities": [asdict(identity) for identity in self.additions.identities],
            },
            "seed": self.seed,
            "n_sample": self.n_sample,
            "versions": dict(self.versions),
        }

    def to_json(self) -> str:
        """Write as JSON; ``from_json`` restores every number exactly."""
        return json.dumps(self.to_plain(), indent=1)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> ClusterModel:
        """Read what ``to_plain`` gave.

        Raises:
            StaleArtifactError: It was written by an incompatible version.
        """
        if plain.get("schema") != SCHEMA:
            raise StaleArtifactError(
                "The cluster model was written by an incompatible version.",
                "Materialise clusters again.",
            )
        fit, additions = plain["fit"], plain["additions"]
        return cls(
            method=plain["method"],
            parameters=plain["parameters"],
            space=FeatureSpace.from_plain(plain["space"]),
            fit=Fit(
                _array(fit["centroids"]),
                fit["inertia"],
                {name: _array(values) for name, values in fit["extra"].items()},
            ),
            gates=_array(plain["gates"]),
            identities=_identities(plain["identities"]),
            additions=Additions(
                centroids=_array(additions["centroids"]),
                identities=_identities(additions["identities"]),
            )
            if additions["identities"]
            else Additions.none(),
            seed=plain["seed"],
            n_sample=plain["n_sample"],
            versions=plain["versions"],
        )

    @classmethod
    def from_json(cls, text: str) -> ClusterModel:
        """Read what ``to_json`` wrote.

        Raises:
            StaleArtifactError: It was written by an incompatible version.
        """
        return cls.from_plain(json.loads(text))


def _array(values: Any) -> FloatArray:
    return np.asarray(values, np.float64)


def _identities(plain: Any) -> tuple[ClassIdentity, ...]:
    return tuple(ClassIdentity(**identity) for identity in plain)
