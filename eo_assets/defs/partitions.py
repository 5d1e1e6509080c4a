"""Partitions: a solar day and a region."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import dagster as dg

from eo_assets.storage.partition import Cadence

DATE = "date"
REGION = "region"


def date_by_region(
    first_date: dt.date, regions: Iterable[str], cadence: Cadence = "daily"
) -> dg.MultiPartitionsDefinition:
    """Define the partitions of every asset.

    Args:
        first_date: First date with a partition.
        regions: Region ids.
        cadence: Period of one partition; a week starts on Monday, a year with the first date's.

    Returns:
        Periods up to today's, by regions; keys read ``2023-07-15|bucegi``.
    """
    return dg.MultiPartitionsDefinition(
        {
            DATE: dates_from(first_date, cadence),
            REGION: by_region(regions),
        }
    )


def by_region(regions: Iterable[str]) -> dg.StaticPartitionsDefinition:
    """Define the partitions of assets that are about no one date: regions alone."""
    return dg.StaticPartitionsDefinition(list(regions))


def dates_from(
    first_date: dt.date, cadence: Cadence = "daily"
) -> dg.TimeWindowPartitionsDefinition:
    """Define the periods from a date up to today's; see ``date_by_region``."""
    # without the offset today's scenes would have no partition before the period is over
    start: dict[str, Any] = {"start_date": first_date.isoformat(), "end_offset": 1}
    if cadence == "daily":
        return dg.DailyPartitionsDefinition(**start)
    if cadence == "weekly":
        return dg.WeeklyPartitionsDefinition(**start, day_offset=1)
    if cadence == "yearly":
        start["start_date"] = first_date.replace(month=1, day=1).isoformat()
        return dg.TimeWindowPartitionsDefinition(
            start=start["start_date"], fmt="%Y-%m-%d", cron_schedule="0 0 1 1 *", end_offset=1
        )
    return dg.MonthlyPartitionsDefinition(**start)


def split_key(key: str) -> tuple[dt.date, str]:
    """Give date and region of a partition key.

    Args:
        key: ``2023-07-15|bucegi``.

    Returns:
        Date and region id.
    """
    # a run launched by tag alone carries the key as plain text, not as its dimensions
    date, region = str(key).split("|")
    return dt.date.fromisoformat(date), region


def names_by_region(prefix: str, regions: Iterable[str]) -> dict[str, str]:
    """Name what there is one of for each region: sensors, checks.

    Args:
        prefix: What the names start with.
        regions: Region ids.

    Returns:
        Names by region id. Names have no hyphens; an underscore more tells ``a-b`` from ``a_b``.
    """
    names: dict[str, str] = {}
    for region in sorted(regions):
        name = f"{prefix}_{region.replace('-', '_')}"
        while name in names.values():
            name += "_"
        names[region] = name
    return names
