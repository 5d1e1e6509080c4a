"""Which scenes show the same period: pass, local solar day, week, month, season."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from eo_assets.cube.graph.operations import Period
from eo_assets.cube.items import solar_day
from eo_assets.cube.scene import Scene


def periods(
    scenes: Sequence[Scene], positions: Iterable[int], by: Period
) -> list[tuple[str, list[int]]]:
    """Group scenes by period.

    Args:
        scenes: The scenes.
        positions: Positions of the scenes to group.
        by: The period.

    Returns:
        First moment or day of each period, ISO 8601, and its scenes' positions; in order of time.
        Two passes that begin at the same moment stay apart.
    """
    groups: dict[str, list[int]] = {}
    for position in positions:
        groups.setdefault(_key(scenes[position], by), []).append(position)
    labelled = [
        (_start(scenes, group) if by == "pass" else key, key, group)
        for key, group in groups.items()
    ]
    return [(label, group) for label, _, group in sorted(labelled)]


def _start(scenes: Sequence[Scene], group: Sequence[int]) -> str:
    first = min(scenes[position].acquired for position in group)
    return first.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(scene: Scene, by: Period) -> str:
    if by == "pass":
        return scene.pass_id
    west, _, east, _ = scene.bbox_4326
    day = solar_day(scene.acquired, (west + east) / 2)
    return first_day(day, by).isoformat()


def first_day(day: dt.date, by: Period) -> dt.date:
    """Give the first day of the period a day lies in; a winter begins in December."""
    match by:
        case "week":
            return day - dt.timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "season":
            month = day.month // 3 * 3
            return dt.date(day.year, month, 1) if month else dt.date(day.year - 1, 12, 1)
    return day
