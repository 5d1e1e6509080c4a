"""Which days have scenes over a region, for people to choose from."""

from __future__ import annotations

import datetime as dt

from pydantic import BaseModel

from eo_assets.catalog.collections import get_collection
from eo_assets.catalog.regions import Region
from eo_assets.cube.graph import LoadSearch
from eo_assets.cube.items import newest_versions, solar_day
from eo_assets.cube.scene import acquisition_time
from eo_assets.pipeline.sources import CatalogueSearch
from eo_assets.tiles.limits import MAX_DAYS
from eo_assets.tiles.problems import TooMuchError

MAX_ITEMS = 2000


class SceneEntry(BaseModel):
    """A scene: cloud as its provider states it."""

    id: str
    acquired: dt.datetime
    platform: str
    cloud_cover_pct: float | None


class DayEntry(BaseModel):
    """A local solar day with scenes; its cloud is the mean of them."""

    date: dt.date
    cloud_cover_pct: float | None
    scenes: list[SceneEntry]


def days_with_scenes(
    region: Region, first: dt.date, last: dt.date, search: CatalogueSearch
) -> list[DayEntry]:
    """List the days that have scenes over a region.

    Args:
        region: The region with its collection; its filters apply.
        first: First local solar day.
        last: Last.
        search: Searches the catalogue.

    Returns:
        Oldest first.

    Raises:
        TooMuchError: The period is too long.
        ConfigurationError: The catalogue lacks the collection, or denies access.
        SourceUnavailableError: It does not answer.
    """
    if not 0 <= (last - first).days < MAX_DAYS:
        raise TooMuchError(
            f"{first} to {last} are not 1 to {MAX_DAYS} days.", "Ask for a shorter period."
        )
    found = search(
        LoadSearch(
            collection=region.collection,
            bands=get_collection(region.collection).default_bands[:1],
            outline=region.geometry,
            first=first,
            last=last,
            filters=region.filters,
            max_scenes=MAX_ITEMS,
        )
    )
    days: dict[dt.date, list[SceneEntry]] = {}
    for item in newest_versions(found)[0]:
        properties, acquired = item["properties"], acquisition_time(item)
        scene = SceneEntry(
            id=item["id"],
            acquired=acquired,
            platform=str(properties.get("platform", "")),
            cloud_cover_pct=properties.get("eo:cloud_cover"),
        )
        days.setdefault(solar_day(acquired, region.centre[0]), []).append(scene)
    return [_day(day, scenes) for day, scenes in sorted(days.items())]


def _day(day: dt.date, scenes: list[SceneEntry]) -> DayEntry:
    stated = [one.cloud_cover_pct for one in scenes if one.cloud_cover_pct is not None]
    mean = round(sum(stated) / len(stated), 1) if stated else None
    return DayEntry(date=day, cloud_cover_pct=mean, scenes=scenes)
