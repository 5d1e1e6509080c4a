"""Which items there are: the snapshot of a search for one region and solar day.

Everything later computes from this snapshot and not from the live catalogue, so that a product
can be made again as it was.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

import pystac_client

from eo_assets.catalog.providers import provider_for
from eo_assets.catalog.regions import Region
from eo_assets.cube.items import Excluded, fingerprint, search_window, unsigned
from eo_assets.errors import RegionError
from eo_assets.pipeline.catalog_search import (
    catalog_errors,
    check_collection,
    open_catalog,
    used_items,
)
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Record, Store, digest_of

STEP = "stac_items"
ITEMS = "items.json"

NO_SCENE = "no_scene"
ALL_TOO_CLOUDY = "all_too_cloudy"


@dataclass(frozen=True, kw_only=True)
class Search:
    """What to ask a catalogue.

    Attributes:
        catalog: What people call it: a provider's id, an address, a directory.
        url: Address of its STAC API; a provider's id will do.
        lasting: The address will still be there later, so that links to items are worth keeping.
        partition: Region and day.
        max_cloud_cover_pct: Scenes that state more cloud are left out, per cent.
    """

    catalog: str
    url: str
    lasting: bool = True
    partition: Partition
    max_cloud_cover_pct: float = 100.0


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """What the search found.

    Attributes:
        items: Items to use, unsigned, ordered by id.
        excluded: Items found and not used, with the reason.
    """

    items: tuple[dict[str, Any], ...]
    excluded: tuple[Excluded, ...]


def materialise(search: Search, *, store: Store, runner: TaskRunner) -> Record:
    """Search the catalogue and publish the snapshot.

    Args:
        search: What to ask.
        store: Where to publish.
        runner: Where the search runs.

    Returns:
        The record; empty with ``no_scene`` or ``all_too_cloudy`` when no item is left.

    Raises:
        SourceUnavailableError: The catalogue does not answer.
        UnknownNameError: The catalogue does not have the collection.
        RegionError: The catalogue has the collection but nothing at all over the region.
        ConfigurationError: The catalogue denies access.
        StorageError: The snapshot cannot be stored.
    """
    partition = search.partition
    [snapshot] = runner.map(find_items, [search], label="STAC search")
    empty = None
    if not snapshot.items:
        empty = ALL_TOO_CLOUDY if snapshot.excluded else NO_SCENE
    fingerprints = {item["id"]: fingerprint(item) for item in snapshot.items}
    collection = {
        "type": "FeatureCollection",
        "features": list(snapshot.items),
        "eo_assets": {
            "excluded": [asdict(excluded) for excluded in snapshot.excluded],
            "fingerprints": fingerprints,
            "catalog": search.catalog,
        },
    }
    record = Record(
        step=STEP,
        region=partition.region.id,
        collection=partition.region.collection,
        date=str(partition.date),
        empty=empty,
        summary={
            "items": len(snapshot.items),
            "excluded": len(snapshot.excluded),
            **_cloud_cover(snapshot),
        },
        files={"items": ITEMS},
        digest=digest_of(json.dumps(fingerprints, sort_keys=True)),
    )
    with store.publish(partition, STEP) as folder:
        (folder / ITEMS).write_text(json.dumps(collection, indent=1), encoding="utf-8")
        store.write_record(folder, record)
    return record


def _cloud_cover(snapshot: Snapshot) -> dict[str, float]:
    covers = [item["properties"].get("eo:cloud_cover") for item in snapshot.items]
    stated = [float(cover) for cover in covers if cover is not None]
    return {"cloud_cover_pct": round(sum(stated) / len(stated), 2)} if stated else {}


def find_items(search: Search) -> Snapshot:
    """Search a catalogue for a region and solar day.

    Args:
        search: What to ask.

    Returns:
        The items to use and those left out.

    Raises:
        SourceUnavailableError: The catalogue does not answer.
        UnknownNameError: The catalogue does not have the collection.
        RegionError: The catalogue has the collection but nothing at all over the region.
        ConfigurationError: The catalogue denies access, or is none.
    """
    with catalog_errors(search.catalog, search.partition.region.collection):
        return _find_items(search)


def _find_items(search: Search) -> Snapshot:
    region = search.partition.region
    provider = provider_for(search.url)
    client = open_catalog(search.url)
    period = search.partition
    start, end = search_window(period.date, period.last_date, region.centre[0])
    found = list(
        client.search(
            collections=[region.collection],
            intersects=region.geometry,
            datetime=(start, end),
            limit=provider.page_size,
        ).items_as_dicts()
    )
    if not found:
        _explain_nothing(client, region, search.catalog)
    kept, excluded = used_items(found, region, search.max_cloud_cover_pct)
    items = tuple(unsigned(item, keep_links=search.lasting) for item in kept)
    return Snapshot(items=items, excluded=excluded)


def _explain_nothing(client: pystac_client.Client, region: Region, catalog: str) -> None:
    # no item on a day is ordinary; a collection or a region the catalogue lacks is a mistake
    check_collection(client, catalog, region.collection)
    if _any_item(client, region.collection, region.geometry):
        return
    west, south, east, north = region.bbox_4326
    swapped = box_geometry(south, west, north, east)
    hint = "Check the region's outline, or use another catalogue or collection."
    if max(abs(west), abs(east)) <= 90 and _any_item(client, region.collection, swapped):
        hint = "With longitude and latitude swapped there are items: GeoJSON has longitude first."
    raise RegionError(
        f"Nothing in {region.collection} of {catalog} covers region {region.id!r} "
        f"(west {west:g}, south {south:g}, east {east:g}, north {north:g}) on any date.",
        hint,
    )


def _any_item(client: pystac_client.Client, collection: str, geometry: dict[str, Any]) -> bool:
    search = client.search(collections=[collection], intersects=geometry, max_items=1, limit=1)
    return next(search.items_as_dicts(), None) is not None


def box_geometry(west: float, south: float, east: float, north: float) -> dict[str, Any]:
    """Give a bounding box as a GeoJSON Polygon."""
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}
