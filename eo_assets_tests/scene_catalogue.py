"""A catalogue in memory that can be down, and the part of Dagster that decides which runs start."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from eo_assets.errors import SourceUnavailableError
from eo_assets.pipeline.catalog_search import used_items
from eo_assets.pipeline.scene_changes import known_scene, partition_date
from eo_assets.pipeline.scene_comparison import Watch
from eo_assets.pipeline.scene_listing import updated
from eo_assets.pipeline.scene_watch import Look, look
from eo_assets.storage.ledger import open_ledger
from eo_assets_tests.tiny_archive import Granule, planetary_computer_item, region

NOW = dt.datetime(2024, 6, 30, 12, tzinfo=dt.UTC)


def day(days_ago: int, now: dt.datetime = NOW) -> str:
    return str(now.date() - dt.timedelta(days=days_ago))


def scene(days_ago: int, tile: int = 0, *, baseline: str = "05.09", **properties) -> dict:
    """An item; its baseline is part of its id, as it is with Earth Search and not elsewhere."""
    item = planetary_computer_item(Granule(tile=tile, day=day(days_ago)))
    item["properties"] |= {"s2:processing_baseline": baseline, **properties}
    return item | {"id": f"{item['id']}_{baseline}"}


class Catalogue:
    """Items by id; see ``eo_assets.pipeline.scene_listing.SceneListing``."""

    def __init__(self, *items: dict, stamps: bool = False) -> None:
        self.items = {item["id"]: item for item in items}
        self.stamps = stamps
        self.down = False
        self.hides: set[str] = set()
        self.searches = 0

    def put(self, item: dict, now: dt.datetime = NOW) -> None:
        if self.stamps:
            item = item | {"properties": item["properties"] | {"updated": now.isoformat()}}
        self.items[item["id"]] = item

    def _answer(self) -> list[dict]:
        self.searches += 1
        if self.down:
            raise SourceUnavailableError("The catalogue does not answer: no connection.")
        return list(self.items.values())

    def between(self, first, last):
        return [
            item
            for item in self._answer()
            if first <= dt.date.fromisoformat(item["properties"]["datetime"][:10]) <= last
            and item["id"] not in self.hides
        ]

    def updated_since(self, moment):
        if not self.stamps:
            return None
        stamped = [item for item in self._answer() if "updated" in item["properties"]]
        return iter(sorted((i for i in stamped if updated(i) >= moment), key=updated))

    def by_ids(self, ids):
        return [item for item in self._answer() if item["id"] in ids]


def watch(**changes) -> Watch:
    plain = {
        "catalog": "made-up",
        "region": region(),
        "has_partition": lambda date: date >= dt.date(2020, 1, 1),
        "lookback_days": 30,
        "start_days": 7,
        "max_runs": 20,
    }
    return Watch(**(plain | changes))


class Dagster:
    """Keeps the cursor and starts runs, each name once."""

    def __init__(self, catalogue: Catalogue, ledger: Path, **changes) -> None:
        self.catalogue, self.ledger = catalogue, ledger
        self.watch = watch(**changes)
        self.cursor = ""
        self.keys: set[str] = set()
        self.runs: list[tuple[str, str]] = []
        """Partition and cause of each run, in their order."""
        self.made_of: dict[dt.date, frozenset[str]] = {}
        """Fingerprints each partition's last run was started for."""

    def look(self, now: dt.datetime = NOW, *, cursor: str | None = None) -> Look:
        """A look whose result nobody receives: a preview, or a tick that is cut off."""
        with open_ledger(self.ledger, "tests") as ledger:
            at = self.cursor if cursor is None else cursor
            return look(self.watch, self.catalogue, ledger, cursor=at, now=now)

    def tick(self, now: dt.datetime = NOW) -> Look:
        found = self.look(now)
        self.cursor = found.cursor
        for order in found.orders:
            if order.run_key in self.keys:
                continue
            self.keys.add(order.run_key)
            self.runs.append((order.partition_key, order.change.cause))
            prints = frozenset(known.fingerprint for known in order.change.scenes)
            assert self.made_of.get(order.change.date) != prints, "a run for what was made already"
            self.made_of[order.change.date] = prints
        return found

    def now_used(self) -> dict[dt.date, frozenset[str]]:
        """Fingerprints of the scenes each partition would be made of now."""
        days: dict[dt.date, list[dict]] = {}
        for item in self.catalogue.items.values():
            days.setdefault(partition_date(item, 25.0, "daily"), []).append(item)
        used = {date: used_items(items, self.watch.region, 100)[0] for date, items in days.items()}
        return {
            d: frozenset(known_scene(i).fingerprint for i in items) for d, items in used.items()
        }
