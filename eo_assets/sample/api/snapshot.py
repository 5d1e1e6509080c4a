"""An immutable, indexed view of all items: what a search runs on while others write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from eo_assets.sample.api.files import to_json
from eo_assets.sample.api.footprints import footprint_of
from eo_assets.sample.api.values import timestamp_us


@dataclass(frozen=True, slots=True)
class Entry:
    """One item of the archive.

    Attributes:
        item: The item as it stands on disk, with ``collection`` always set.
        path: Its file.
        footprint: EPSG:4326; None if the item has no geometry.
        when_us: What it is ordered by: ``datetime``, or ``start_datetime`` where that is null;
            microseconds since 1970.
        start_us: Begin of the time it covers, as ``when_us``.
        end_us: End of it, included.
    """

    item: dict[str, Any]
    path: Path
    footprint: BaseGeometry | None
    when_us: int
    start_us: int
    end_us: int

    @property
    def key(self) -> tuple[str, str]:
        """Collection and id, which together name an item."""
        return self.item["collection"], self.item["id"]

    @property
    def rank(self) -> tuple[int, str, str]:
        """Default order: newest first, then by id and collection."""
        return -self.when_us, self.item["id"], self.item["collection"]


def entry_of(item: dict[str, Any], path: Path) -> Entry:
    """Check what the index needs of an item and take it out.

    Raises:
        ValueError: The id, collection, times, bbox, geometry or assets are not what STAC asks
            for; the message continues "item X: ".
    """
    for name, kind in (("id", str), ("collection", str), ("properties", dict), ("assets", dict)):
        if not isinstance(item.get(name), kind) or (kind is str and not item[name]):
            wanted = "a text" if kind is str else "an object"
            raise ValueError(f"its '{name}' is missing or not {wanted}.")
    bbox = item.get("bbox", [0, 0, 0, 0])
    if (
        not isinstance(bbox, list)
        or len(bbox) not in {4, 6}
        or any(isinstance(v, str) for v in bbox)
    ):
        raise ValueError("its 'bbox' is not a list of 4 or 6 numbers.")
    to_json(item)
    times = {
        name: item["properties"].get(name)
        for name in ("datetime", "start_datetime", "end_datetime")
    }
    moments = {name: timestamp_us(value) for name, value in times.items()}
    for name, value in times.items():
        if value is not None and moments[name] is None:
            raise ValueError(f"its {name} {value!r} is not an RFC 3339 date-time.")
    when_us, start_us, end_us = moments.values()
    if start_us is None or end_us is None:
        start_us = end_us = when_us
    if start_us is None or end_us is None:
        raise ValueError("it has neither datetime nor start_datetime and end_datetime.")
    return Entry(
        item=item,
        path=path,
        footprint=footprint_of(item),
        when_us=start_us if when_us is None else when_us,
        start_us=start_us,
        end_us=end_us,
    )


class Snapshot:
    """All items at one moment, in default order, with an index of space and time."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = sorted(entries, key=lambda entry: entry.rank)

    @cached_property
    def _tree(self) -> shapely.STRtree:
        # None, an item without a geometry, is never found; the type hints leave it out
        footprints = np.array([entry.footprint for entry in self.entries], dtype=object)
        return shapely.STRtree(footprints)

    @cached_property
    def _times_us(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        starts = np.array([entry.start_us for entry in self.entries], dtype=np.int64)
        return starts, np.array([entry.end_us for entry in self.entries], dtype=np.int64)

    def of_collection(self, collection_id: str) -> list[Entry]:
        """The items of one collection, in default order."""
        return [entry for entry in self.entries if entry.item["collection"] == collection_id]

    def select(
        self, *, area: BaseGeometry | None, interval_us: tuple[int | None, int | None] | None
    ) -> list[Entry]:
        """The items in an area and an interval of time, in default order.

        Args:
            area: EPSG:4326; items whose footprint intersects it; None for everywhere, which
                includes items without a geometry.
            interval_us: Begin and end, both included, in microseconds since 1970; None is open.

        Returns:
            The entries in default order.
        """
        chosen = np.ones(len(self.entries), dtype=bool)
        if area is not None:
            chosen[:] = False
            chosen[self._tree.query(area, predicate="intersects")] = True
        if interval_us is not None:
            starts, ends = self._times_us
            begin, end = interval_us
            if begin is not None:
                chosen &= ends >= begin
            if end is not None:
                chosen &= starts <= end
        return [self.entries[index] for index in np.flatnonzero(chosen)]
