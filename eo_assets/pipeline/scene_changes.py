"""What changed between the scenes a product was made of and those there are now. Pure."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from eo_assets.catalog.collections.model import StacItem
from eo_assets.cube.items import acquisition_key, fingerprint, solar_day
from eo_assets.cube.scene import acquisition_time
from eo_assets.storage.ledger import KnownScene
from eo_assets.storage.partition import Cadence, period_start


@dataclass(frozen=True, kw_only=True)
class Change:
    """How the scenes of one partition differ from those known.

    Attributes:
        date: First day of the partition.
        scenes: All its scenes now.
        new: Ids of scenes whose acquisition was not known.
        replaced: Ids of scenes that took the place of another version, or have other content.
        withdrawn: Ids of known scenes whose acquisition is gone.
    """

    date: dt.date
    scenes: tuple[KnownScene, ...]
    new: tuple[str, ...]
    replaced: tuple[str, ...]
    withdrawn: tuple[str, ...]

    @property
    def cause(self) -> str:
        """Why, in words: ``new``, ``replaced``, ``withdrawn`` or several of them."""
        parts = {"new": self.new, "replaced": self.replaced, "withdrawn": self.withdrawn}
        return "+".join(name for name, ids in parts.items() if ids)

    @property
    def item_ids(self) -> tuple[str, ...]:
        """Ids of all scenes that changed."""
        return self.new + self.replaced + self.withdrawn

    def run_key(self, partition_key: str, *, revision: int, begun: str) -> str:
        """Name the run for this change, the same however often the change is found.

        Dagster never starts a second run of the same name. Scenes may return to what they were
        once, and revisions begin anew with the ledger: both are part of it.

        Args:
            partition_key: Of which partition.
            revision: Which change of the partition this is.
            begun: When its watch began.

        Returns:
            The name.
        """
        content = "\n".join([begun, *(scene.fingerprint for scene in self.scenes)])
        digest = hashlib.sha256(content.encode()).hexdigest()[:12]
        return f"{partition_key}:{revision}:{digest}"


def known_scene(item: StacItem) -> KnownScene:
    """Give what the ledger keeps of an item."""
    properties = item["properties"]
    times = (properties.get(key) for key in ("s2:generation_time", "updated", "created"))
    return KnownScene(
        id=str(item["id"]),
        fingerprint=fingerprint(item),
        acquisition=acquisition_key(item),
        baseline=str(properties.get("s2:processing_baseline", "")),
        made=next((str(time) for time in times if time), ""),
    )


def partition_date(item: StacItem, longitude: float, cadence: Cadence) -> dt.date:
    """Give the first day of the partition an item belongs to.

    Args:
        item: A STAC item.
        longitude: Of the region's centre, degrees east.
        cadence: Period of one partition.

    Returns:
        The day.
    """
    return period_start(solar_day(acquisition_time(item), longitude), cadence)


def compare(
    date: dt.date, before: Sequence[KnownScene], after: Iterable[KnownScene]
) -> Change | None:
    """Compare the known scenes of a partition with those it has now.

    Args:
        date: First day of the partition.
        before: The known ones.
        after: Those it has now, one version of each acquisition.

    Returns:
        The change; None when every scene is as it was.
    """
    scenes = tuple(sorted(after))
    was = {scene.acquisition: scene for scene in before}
    now = {scene.acquisition: scene for scene in scenes}
    change = Change(
        date=date,
        scenes=scenes,
        new=tuple(scene.id for key, scene in now.items() if key not in was),
        replaced=tuple(
            scene.id
            for key, scene in now.items()
            if key in was and was[key].fingerprint != scene.fingerprint
        ),
        withdrawn=tuple(scene.id for key, scene in was.items() if key not in now),
    )
    return change if change.item_ids else None
