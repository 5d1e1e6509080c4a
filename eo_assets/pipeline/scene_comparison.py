"""A catalogue's listing against the ledger: which partitions differ, with withdrawals confirmed."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from eo_assets.catalog.collections.model import StacItem
from eo_assets.catalog.regions import Region
from eo_assets.errors import SourceContractError, SourceUnavailableError
from eo_assets.pipeline.catalog_search import used_items
from eo_assets.pipeline.scene_changes import Change, compare, known_scene, partition_date
from eo_assets.pipeline.scene_listing import SceneListing
from eo_assets.storage.ledger import KnownScene, Ledger
from eo_assets.storage.partition import Cadence, Partition, period_start
from eo_assets.storage.store import digest_of

_MOST_VANISHED = 10
"""More scenes than that never vanish all at once: the catalogue has lost its index."""


@dataclass(frozen=True, kw_only=True)
class Watch:
    """What to watch and how.

    Attributes:
        catalog: What people call the catalogue.
        region: The region, its collection included.
        cadence: Period of one partition.
        max_cloud_cover_pct: Scenes that state more cloud are not used, per cent.
        has_partition: Whether a day is the first one of a partition.
        lookback_days: Length of the window that is listed whole each time, days.
        start_days: In the first look, scenes older than that are only recorded, days.
        max_runs: Most runs to start at a time.
    """

    catalog: str
    region: Region
    cadence: Cadence = "daily"
    max_cloud_cover_pct: float = 100.0
    has_partition: Callable[[dt.date], bool]
    lookback_days: int
    start_days: int
    max_runs: int

    @property
    def name(self) -> str:
        """Name of the watch; another catalogue, outline or cadence is another watch."""
        region = self.region
        content = json.dumps([self.catalog, region.geometry, self.cadence], sort_keys=True)
        return f"{region.id}/{region.collection}/{digest_of(content)[:12]}"

    def window(self, today: dt.date) -> tuple[dt.date, dt.date]:
        """Give first and last day of the window, whole partitions, the last one today's."""
        first = period_start(today - dt.timedelta(days=self.lookback_days), self.cadence)
        last = period_start(today, self.cadence)
        return first, Partition(self.region, last, self.cadence).last_date


def list_days(
    watch: Watch, listing: SceneListing, first: dt.date, last: dt.date
) -> dict[dt.date, list[StacItem]]:
    """Give all items of a period by the partition they belong to."""
    days: dict[dt.date, list[StacItem]] = {}
    for item in listing.between(first, last):
        # without a readable time it belongs to no partition
        with contextlib.suppress(SourceContractError):
            days.setdefault(date_of(watch, item), []).append(item)
    return days


def date_of(watch: Watch, item: StacItem) -> dt.date:
    """Give the first day of the partition an item belongs to."""
    return partition_date(item, watch.region.centre[0], watch.cadence)


def changes_between(
    watch: Watch,
    known: Mapping[dt.date, list[KnownScene]],
    listed: Mapping[dt.date, list[StacItem]],
) -> list[Change]:
    """Give the partitions whose used scenes differ, in their order."""
    changes = []
    for date in sorted({*known, *listed}):
        used, _ = used_items(listed.get(date, ()), watch.region, watch.max_cloud_cover_pct)
        changes.append(compare(date, known.get(date, ()), map(known_scene, used)))
    return [change for change in changes if change]


def day_changes(watch: Watch, listing: SceneListing, ledger: Ledger, date: dt.date) -> list[Change]:
    """Give the change of one partition, or none."""
    last = Partition(watch.region, date, watch.cadence).last_date
    listed, known = list_days(watch, listing, date, last), ledger.scenes(date, date)
    confirm_withdrawals(watch, listing, known, listed)
    return changes_between(watch, known, listed)


def confirm_withdrawals(
    watch: Watch,
    listing: SceneListing,
    known: Mapping[dt.date, list[KnownScene]],
    listed: Mapping[dt.date, list[StacItem]],
) -> None:
    """Ask by name for every scene that is missing from a listing.

    Raises:
        SourceUnavailableError: It is there after all, or everything is gone at once.
    """
    there = {str(item["id"]) for items in listed.values() for item in items}
    vanished = {scene.id: date for date in known for scene in known[date] if scene.id not in there}
    if not vanished:
        return
    if not there and len(vanished) > _MOST_VANISHED:
        raise SourceUnavailableError(
            f"It lists none of the {len(vanished)} scenes it had: more likely an outage.",
            "If they really were withdrawn, remove the ledger to begin anew.",
        )
    # one whose time of acquisition was corrected is found by its name and yet is not of that day
    for item in listing.by_ids(vanished):
        if date_of(watch, item) == vanished[str(item["id"])]:
            raise SourceUnavailableError(
                f"It does not list {item['id']} and yet has it: its listings are not whole.",
                "Nothing is concluded from part of a listing; it is tried again.",
            )
