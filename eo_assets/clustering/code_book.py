"""The code book of a region: which classes there are, whatever the date.

It is founded by one date, the reference, whose model it keeps for good. Later dates are labelled
with that model, so that land that has not changed keeps its class whatever the order in which
dates are processed. What is unlike every class of the reference founds new classes, which are
added and never changed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from eo_assets.clustering.identity import match, width_of
from eo_assets.clustering.method import FloatArray
from eo_assets.clustering.model import Additions, ClassIdentity, ClusterModel
from eo_assets.clustering.palette import addition_colour
from eo_assets.errors import StaleArtifactError

SCHEMA = 1

MOST_CLASSES = 250
"""Class ids are bytes."""


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """What a date takes from the code book.

    Attributes:
        mosaic: Digest of the mosaic that was looked at.
        additions: Ids of the added classes that occur.
    """

    mosaic: str
    additions: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CodeBook:
    """Classes that keep their id, name and colour over time.

    Attributes:
        reference: Date that founded it, ISO 8601.
        valid_pct: Share of the region the reference shows, per cent.
        model: The reference's model.
        additions: Classes found later, in the order they were found.
        dates: What each date processed so far takes from it.
    """

    reference: str
    valid_pct: float
    model: ClusterModel
    additions: Additions = field(default_factory=Additions.none)
    dates: Mapping[str, Appearance] = field(default_factory=dict)

    @property
    def classes(self) -> tuple[ClassIdentity, ...]:
        """All classes of all dates."""
        return (*self.model.identities, *self.additions.identities)

    @classmethod
    def found(
        cls, model: ClusterModel, *, date: str, mosaic: str, valid_pct: float = 100.0
    ) -> CodeBook:
        """Begin with the model of a reference date and the digest of its mosaic."""
        dates = {date: Appearance(mosaic=mosaic)}
        return cls(reference=date, valid_pct=valid_pct, model=model, dates=dates)

    @classmethod
    def again(
        cls, model: ClusterModel, *, date: str, mosaic: str, reference: str, valid_pct: float
    ) -> CodeBook:
        """A book of one date only, from the model that labelled it; see ``model_for``.

        Args:
            model: The model, added classes included.
            date: The date, ISO 8601.
            mosaic: Digest of its mosaic.
            reference: Date that founded the book the model is from.
            valid_pct: Share of the region that date shows, per cent.
        """
        added = tuple(identity.class_id for identity in model.additions.identities)
        return cls(
            reference=reference,
            valid_pct=valid_pct,
            model=model.with_additions(Additions.none()),
            additions=model.additions,
            dates={date: Appearance(mosaic=mosaic, additions=added)},
        )

    def model_for(self, date: str) -> ClusterModel:
        """The model that labels a date: the reference's, and the added classes that occur."""
        ids = self.dates[date].additions if date in self.dates else ()
        known = self.additions.identities
        rows = [row for row, identity in enumerate(known) if identity.class_id in ids]
        if not rows:
            return self.model
        chosen = Additions(
            centroids=self.additions.centroids[rows], identities=tuple(known[row] for row in rows)
        )
        return self.model.with_additions(chosen)

    def knows(self, date: str, mosaic: str) -> bool:
        """Whether this mosaic of the date has been looked at."""
        return date in self.dates and self.dates[date].mosaic == mosaic

    def seen(
        self, date: str, mosaic: str, *, groups: FloatArray, names: Sequence[str] = ()
    ) -> CodeBook:
        """Enter what a date shows beside the reference's classes.

        Groups are matched to the classes added before; what matches none is added. A mosaic
        entered before changes nothing.

        Args:
            date: The date, ISO 8601.
            mosaic: Digest of its mosaic.
            groups: Centres of what is unlike the reference, ``(group, dimension)``.
            names: A hint for each group.
        """
        if self.knows(date, mosaic):
            return self
        found = match(groups, self.additions.centroids, gate=width_of(self.model))
        centroids, identities = list(self.additions.centroids), list(self.additions.identities)
        ids = []
        for group, name, row in zip(groups, names, found, strict=True):
            if row is not None:
                ids.append(identities[row].class_id)
            elif len(self.model.identities) + len(identities) < MOST_CLASSES:
                number = len(identities)
                identity = ClassIdentity(
                    class_id=len(self.model.identities) + number + 1,
                    name=name,
                    colour=addition_colour(number),
                    since=date,
                )
                centroids.append(group)
                identities.append(identity)
                ids.append(identity.class_id)
        additions = (
            Additions(centroids=np.stack(centroids), identities=tuple(identities))
            if identities
            else self.additions
        )
        entry = Appearance(mosaic=mosaic, additions=tuple(sorted(ids)))
        return replace(self, additions=additions, dates={**self.dates, date: entry})

    def to_json(self) -> str:
        """Write as JSON; ``from_json`` restores every number exactly."""
        plain = {
            "schema": SCHEMA,
            "reference": self.reference,
            "valid_pct": self.valid_pct,
            "model": self.model.with_additions(self.additions).to_plain(),
            "dates": {date: asdict(entry) for date, entry in sorted(self.dates.items())},
        }
        return json.dumps(plain, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> CodeBook:
        """Read what ``to_json`` wrote.

        Raises:
            StaleArtifactError: It was written by an incompatible version.
        """
        plain: dict[str, Any] = json.loads(text)
        if plain.get("schema") != SCHEMA:
            raise StaleArtifactError(
                "The code book was written by an incompatible version.",
                "Remove it and materialise clusters of all dates again.",
            )
        model = ClusterModel.from_plain(plain["model"])
        return cls(
            reference=plain["reference"],
            valid_pct=plain["valid_pct"],
            model=model.with_additions(Additions.none()),
            additions=model.additions,
            dates={
                date: Appearance(mosaic=entry["mosaic"], additions=tuple(entry["additions"]))
                for date, entry in plain["dates"].items()
            },
        )
