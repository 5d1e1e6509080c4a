"""STAC items before they become scenes: their day, their versions, their fingerprints.

No network and no pixels.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from eo_assets.catalog.collections.model import StacItem
from eo_assets.cube.scene import acquisition_time
from eo_assets.errors import ConfigurationError

Filters = Mapping[str, Any]
"""Conditions on item properties; see ``not_wanted``."""

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
    "in": lambda found, wanted: found in wanted,
}

_DATASTRIP_START = re.compile(r"_S(\d{8}T\d{6})")
_TOKEN_PARAMETERS = {"sig", "se", "st", "sp", "X-Amz-Signature", "token", "access_token"}


def longitude_shift(longitude: float) -> dt.timedelta:
    """Give how far local solar time is ahead of UTC, in whole hours as Open Data Cube counts it.

    Args:
        longitude: Degrees east.

    Returns:
        The shift; negative west of Greenwich.
    """
    return dt.timedelta(hours=int(longitude / 15))


def solar_day(time: dt.datetime, longitude: float) -> dt.date:
    """Give the local solar day of a moment.

    Args:
        time: The moment, aware.
        longitude: Degrees east.

    Returns:
        The day.
    """
    return (time.astimezone(dt.UTC) + longitude_shift(longitude)).date()


def search_window(
    first: dt.date, last: dt.date, longitude: float
) -> tuple[dt.datetime, dt.datetime]:
    """Give the moments that fall on solar days.

    Args:
        first: First day.
        last: Last day.
        longitude: Degrees east.

    Returns:
        First and last moment, UTC, both included.

    Raises:
        ConfigurationError: They lie at an end of the calendar.
    """
    try:
        start = dt.datetime.combine(first, dt.time(), dt.UTC) - longitude_shift(longitude)
        end = dt.datetime.combine(last, dt.time(), dt.UTC) - longitude_shift(longitude)
        return start, end + dt.timedelta(days=1) - dt.timedelta(milliseconds=1)
    except OverflowError as error:
        raise ConfigurationError(
            f"Nothing was observed from {first} to {last}.", "Choose days since 1972."
        ) from error


@dataclass(frozen=True)
class Excluded:
    """An item that was found and is not used.

    Attributes:
        id: Its id.
        reason: Why, for people.
    """

    id: str
    reason: str


def acquisition_key(item: StacItem) -> str:
    """Identify what an item shows: platform, moment and tile.

    Two items that agree in it are versions of the same pixels. Two datastrips of one tile and
    pass show different parts of it and differ.

    Args:
        item: A STAC item.

    Returns:
        The key.
    """
    properties: Mapping[str, Any] = item.get("properties", {})
    platform = str(properties.get("platform", "")).lower()
    tile = properties.get("s2:mgrs_tile") or properties.get("grid:code")
    if tile:
        strip = _DATASTRIP_START.search(str(properties.get("s2:datastrip_id", "")))
        moment = strip[1] if strip else f"{acquisition_time(item):%Y%m%dT%H%M}"
        return f"{platform}/{moment}/{str(tile).removeprefix('MGRS-')}"
    if "landsat:wrs_path" in properties:
        path, row = properties["landsat:wrs_path"], properties["landsat:wrs_row"]
        return f"{platform}/{acquisition_time(item):%Y%m%d}/{path}{row}"
    return str(item["id"])


def _version(item: StacItem) -> tuple[float, int, str, str]:
    properties = item.get("properties", {})
    try:
        baseline = float(properties.get("s2:processing_baseline", 0))
    except (TypeError, ValueError):
        baseline = 0.0
    tier = {"T1": 2, "T2": 1}.get(str(properties.get("landsat:collection_category")), 0)
    times = (properties.get(k) for k in ("s2:generation_time", "updated", "created"))
    return baseline, tier, next((str(time) for time in times if time), ""), str(item["id"])


def newest_versions(items: Iterable[StacItem]) -> tuple[list[StacItem], list[Excluded]]:
    """Keep one version of each acquisition: the newest baseline, then the newest generation.

    Args:
        items: STAC items, in any order; an item may come twice.

    Returns:
        The kept items ordered by id, and the others with the reason.
    """
    ordered = sorted(items, key=lambda item: (_version(item), acquisition_key(item)))
    # of an item that comes twice the newer one stays, in whichever order they came
    unique = {str(item["id"]): item for item in ordered}
    newest: dict[str, StacItem] = {}
    losers: list[Excluded] = []
    for item in sorted(unique.values(), key=_version, reverse=True):
        winner = newest.setdefault(acquisition_key(item), item)
        if winner is not item:
            losers.append(
                Excluded(str(item["id"]), f"an older version of {winner['id']}, which is used")
            )
    kept = sorted(newest.values(), key=lambda item: str(item["id"]))
    return kept, sorted(losers, key=lambda loser: loser.id)


def too_cloudy(items: Iterable[StacItem], limit_pct: float) -> list[Excluded]:
    """Tell which items state more cloud than wanted.

    Args:
        items: STAC items.
        limit_pct: Most cloud to accept, per cent.

    Returns:
        Those above the limit, with the reason. Items that state no cloud cover pass.
    """
    return [
        Excluded(str(item["id"]), f"cloud cover {cover:.0f} % is above {limit_pct:g} %")
        for item in items
        if (cover := item.get("properties", {}).get("eo:cloud_cover")) is not None
        and cover > limit_pct
    ]


def not_wanted(items: Iterable[StacItem], filters: Filters) -> list[Excluded]:
    """Tell which items' properties do not meet conditions.

    Applied here rather than by the catalogue, because catalogues differ in what they filter by,
    some ignore what they do not know, and what was left out is to be known.

    Args:
        items: STAC items.
        filters: For each property a value it has to equal (case does not matter), or conditions
            by operator: ``{"platform": "sentinel-2b", "view:sun_elevation": {"gte": 30}}``.

    Returns:
        Those that do not meet a condition, with the reason. An item without the property does
        not meet it.
    """
    return [
        Excluded(str(item["id"]), reason)
        for item in items
        if (reason := _unmet(item.get("properties", {}), filters))
    ]


def _unmet(properties: Mapping[str, Any], filters: Filters) -> str:
    for name, wanted in filters.items():
        conditions = wanted if isinstance(wanted, Mapping) else {"eq": wanted}
        for how, value in conditions.items():
            if not _meets(properties.get(name), how, value):
                return f"{name} is {properties.get(name)!r}, not {how} {value!r}"
    return ""


def _meets(found: Any, how: str, wanted: Any) -> bool:
    if found is None:
        return False
    if isinstance(found, str) and not isinstance(wanted, list):
        found, wanted = found.casefold(), str(wanted).casefold()
    try:
        return bool(OPERATORS[how](found, wanted))
    except TypeError:  # a number compared with text
        return False


def fingerprint(item: StacItem) -> str:
    """Identify an item's content, so that a changed item is recognised.

    Args:
        item: A STAC item.

    Returns:
        Sixteen hexadecimal digits of what it shows, its baseline, when it was made and changed,
        and the checksums of its files where it states them.
    """
    files = {key: value.get("file:checksum", "") for key, value in item["assets"].items()}
    content = [str(item["id"]), acquisition_key(item), *map(str, _version(item))]
    content += [str(item["properties"].get("updated", "")), str(sorted(files.items()))]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def unsigned(item: StacItem, *, keep_links: bool = True) -> dict[str, Any]:
    """Copy an item without access tokens and without links around its catalogue.

    Args:
        item: A STAC item as served.
        keep_links: Whether to keep its link to itself.

    Returns:
        The copy; signed hrefs have lost their query.
    """
    stac_assets = {
        key: {**stac_asset, "href": _unsigned_href(str(stac_asset["href"]))}
        for key, stac_asset in item["assets"].items()
    }
    links = [link for link in item.get("links", []) if keep_links and link.get("rel") == "self"]
    return {**item, "assets": stac_assets, "links": links}


def _unsigned_href(href: str) -> str:
    if _TOKEN_PARAMETERS & set(parse_qs(urlsplit(href).query)):
        return href.partition("?")[0]
    return href
