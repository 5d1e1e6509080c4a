"""A fitted classifier and what belongs to it; stored without pickle, and only read if trusted.

``model.skops`` holds the estimator as skops writes it, ``model.json`` all else and the checksum of
the former. Reading refuses a file that is not the one written, and any type that is not listed
here: nothing a file names is ever imported because the file names it.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

from eo_assets.errors import StaleArtifactError, UntrustedArtifactError
from eo_assets.places import Place

SCHEMA = 1
"""To be raised when models stored before can no longer be read."""

ESTIMATOR = "model.skops"
DESCRIPTION = "model.json"

_ADDRESS = re.compile(r'(?<="__id__": )\d+|\b\d+(?=\.npy)')

TRUSTED = (
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss._loss.CyHalfMultinomialLoss",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
)
"""Types beyond those skops itself trusts, which the methods here consist of."""


@dataclass(frozen=True)
class LandCoverClass:
    """A class people have named.

    Attributes:
        code: Its number on maps, from 1.
        name: Its name.
        colour: ``#RRGGBB``.
    """

    code: int
    name: str
    colour: str


@dataclass(frozen=True, kw_only=True)
class LandCoverModel:
    """Everything needed to classify another pixel the same way.

    Attributes:
        method: Name of the method.
        features: What it looks at, in order.
        classes: The classes, by code; the estimator knows them by their codes.
        estimator: The fitted estimator.
        seed: Of every random choice.
        n_pixels: Pixels it learned from.
        n_polygons: Polygons they lie in.
        versions: Versions of the software that fitted it, by package.
    """

    method: str
    features: tuple[str, ...]
    classes: tuple[LandCoverClass, ...]
    estimator: Any
    seed: int
    n_pixels: int
    n_polygons: int
    versions: Mapping[str, str]

    def save(self, folder: Place) -> None:
        """Write ``model.skops`` and ``model.json`` into a folder."""
        import skops.io

        content = _canonical(skops.io.dumps(self.estimator))
        (folder / ESTIMATOR).write_bytes(content)
        described = _described(self)
        described["sha256"] = hashlib.sha256(content).hexdigest()
        text = json.dumps({"schema": SCHEMA, **described}, indent=1)
        (folder / DESCRIPTION).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Place) -> LandCoverModel:
        """Read what ``save`` wrote.

        Raises:
            StaleArtifactError: It was written by an incompatible version.
            UntrustedArtifactError: The estimator is not the one that was written, or consists of
                something that is not trusted.
        """
        record = json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))
        if record.pop("schema", None) != SCHEMA:
            raise StaleArtifactError(
                f"The model in {folder} was written by an incompatible version.",
                "Materialise land_cover again.",
            )
        content = (folder / ESTIMATOR).read_bytes()
        if hashlib.sha256(content).hexdigest() != record.pop("sha256"):
            raise UntrustedArtifactError(
                f"{folder / ESTIMATOR} is not the file that was written.",
                "Materialise land_cover again, and find out who changed it.",
            )
        return cls(
            **{
                **record,
                "features": tuple(record["features"]),
                "classes": tuple(LandCoverClass(**one) for one in record["classes"]),
            },
            estimator=read_estimator(content, origin=str(folder / ESTIMATOR)),
        )


def _canonical(content: bytes) -> bytes:
    """Write the same model as the same bytes: skops notes addresses in memory, zip files the time.

    Args:
        content: What skops wrote.

    Returns:
        The same with addresses numbered as they are met.
    """
    out, numbers = io.BytesIO(), dict[str, str]()

    def number(address: re.Match[str]) -> str:
        return numbers.setdefault(address.group(), str(len(numbers) + 1))

    with ZipFile(io.BytesIO(content)) as old, ZipFile(out, "w") as new:
        schema = _ADDRESS.sub(number, old.read("schema.json").decode())
        members = {_ADDRESS.sub(number, name): name for name in old.namelist()}
        for name in sorted(members):
            data = schema.encode() if name == "schema.json" else old.read(members[name])
            new.writestr(ZipInfo(name), data)
    return out.getvalue()


def _described(model: LandCoverModel) -> dict[str, Any]:
    """All of a model but its estimator, JSON-ready."""
    return {
        "method": model.method,
        "features": list(model.features),
        "classes": [asdict(one) for one in model.classes],
        "seed": model.seed,
        "n_pixels": model.n_pixels,
        "n_polygons": model.n_polygons,
        "versions": dict(model.versions),
    }


def read_estimator(content: bytes, *, origin: str) -> Any:
    """Read an estimator that consists of trusted types only.

    Args:
        content: What skops wrote.
        origin: Where it is from, for messages.

    Returns:
        The estimator.

    Raises:
        UntrustedArtifactError: It holds anything else, or is not a model file at all.
    """
    import skops.io

    try:
        unknown = sorted(set(skops.io.get_untrusted_types(data=content)) - set(TRUSTED))
    except (BadZipFile, KeyError, ValueError) as error:
        raise UntrustedArtifactError(
            f"{origin} is not a model file.", "Materialise land_cover again."
        ) from error
    if unknown:
        raise UntrustedArtifactError(
            f"{origin} holds what is not trusted: {', '.join(unknown)}.",
            "Do not use it; materialise land_cover again.",
        )
    return skops.io.loads(content, trusted=list(TRUSTED))
