"""What a catalogue has of a region over many days, for the watch over its scenes.

A listing is whole or an error, never a part of the whole: scenes that are missing from it count as
withdrawn.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import pystac_client
from pystac_client.conformance import ConformanceClasses
from shapely.geometry import shape

from eo_assets.catalog.collections.model import StacItem
from eo_assets.catalog.providers import provider_for
from eo_assets.catalog.regions import Region
from eo_assets.cube.items import search_window
from eo_assets.errors import SourceContractError, SourceUnavailableError
from eo_assets.pipeline.catalog_search import catalog_errors, check_collection, open_catalog

_IDS_A_SEARCH = 100


class SceneListing(Protocol):
    """What a catalogue has of one region."""

    def between(self, first: dt.date, last: dt.date) -> list[StacItem]:
        """Give all items of solar days, both included.

        Raises:
            SourceUnavailableError: The listing is not whole.
            UnknownNameError: The catalogue does not have the collection.
        """

    def updated_since(self, moment: dt.datetime) -> Iterator[StacItem] | None:
        """Give items changed since a moment, in the order of the changes.

        Returns:
            The items, whenever acquired; None where the catalogue cannot search so.

        Raises:
            SourceContractError: It says it can, and what it gives is not what was asked for.
        """

    def by_ids(self, ids: Collection[str]) -> list[StacItem]:
        """Ask for items by their ids; give those that are there and over the region."""


@dataclass(frozen=True, kw_only=True)
class StacListing:
    """The listing of a STAC API.

    Attributes:
        catalog: What people call it.
        url: Its address, or a provider's id.
        region: The region, its collection included.
    """

    catalog: str
    url: str
    region: Region

    @cached_property
    def _client(self) -> pystac_client.Client:
        # whoever asks every few minutes need not insist: the next tick asks again
        return open_catalog(self.url, retries=0, timeout_s=(5, 20))

    def between(self, first: dt.date, last: dt.date) -> list[StacItem]:
        """See ``SceneListing``.

        Raises:
            SourceUnavailableError: The listing is not whole.
        """
        moments = search_window(first, last, self.region.centre[0])
        with catalog_errors(self.catalog, self.region.collection):
            items, matched = [], None
            for page in self._search(datetime=moments).pages_as_dicts():
                items += page["features"]
                matched = page.get("numberMatched", matched)
            if not items:
                check_collection(self._client, self.catalog, self.region.collection)
        unique = {str(item["id"]): item for item in items}
        if matched is not None and len(unique) < matched:
            raise SourceUnavailableError(
                f"The catalogue {self.catalog} counts {matched} items and lists {len(unique)}.",
                "Nothing is concluded from part of a listing; it is tried again.",
            )
        return list(unique.values())

    def updated_since(self, moment: dt.datetime) -> Iterator[StacItem] | None:
        """See ``SceneListing``."""
        with catalog_errors(self.catalog, self.region.collection):
            stated = provider_for(self.url).finds_updates
            able = stated is None and all(
                self._client.conforms_to(what)
                for what in (ConformanceClasses.QUERY, ConformanceClasses.SORT)
            )
        return self._updates(moment) if stated or able else None

    def _updates(self, moment: dt.datetime) -> Iterator[StacItem]:
        since = moment.astimezone(dt.UTC).replace(microsecond=0)
        search = self._search(
            query={"updated": {"gte": f"{since:%Y-%m-%dT%H:%M:%SZ}"}},
            sortby=[{"field": "properties.updated", "direction": "asc"}],
        )
        last = since
        with catalog_errors(self.catalog, self.region.collection):
            for item in search.items_as_dicts():
                changed = updated(item)
                if changed is None or changed < last:
                    raise SourceContractError(
                        f"The catalogue {self.catalog} does not search by the time of change.",
                        "Changes outside the look-back window are not seen.",
                    )
                last = changed
                yield item

    def by_ids(self, ids: Collection[str]) -> list[StacItem]:
        """See ``SceneListing``."""
        asked = sorted(ids)
        found: list[StacItem] = []
        with catalog_errors(self.catalog, self.region.collection):
            for start in range(0, len(asked), _IDS_A_SEARCH):
                # no outline: with ids, catalogues differ in whether other conditions count
                some = asked[start : start + _IDS_A_SEARCH]
                found += self._client.search(
                    collections=[self.region.collection], ids=some, limit=_IDS_A_SEARCH
                ).items_as_dicts()
        outline = self.region.outline
        return [i for i in found if i["id"] in ids and shape(i["geometry"]).intersects(outline)]

    def _search(self, **conditions: Any) -> pystac_client.ItemSearch:
        return self._client.search(
            collections=[self.region.collection],
            intersects=self.region.geometry,
            limit=provider_for(self.url).page_size,
            **conditions,
        )


def updated(item: StacItem) -> dt.datetime | None:
    """Read when an item was changed, as its catalogue states it.

    Args:
        item: A STAC item.

    Returns:
        The moment, UTC; None where it is not stated or cannot be read.
    """
    try:
        moment = dt.datetime.fromisoformat(str(item["properties"].get("updated")))
    except ValueError:
        return None
    return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
