"""Partitions: a solar day and a region."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import dagster as dg

DATE = "date"
REGION = "region"


def date_by_region(first_date: dt.date, regions: Iterable[str]) -> dg.MultiPartitionsDefinition:
    """Define the partitions of every asset.

    Args:
        first_date: First date with a partition.
        regions: Region ids.

    Returns:
        Dates up to today, by regions; keys read ``2023-07-15|bucegi``.
    """
    return dg.MultiPartitionsDefinition(
        {
            # without the offset today's scenes would have no partition before midnight UTC
            DATE: dg.DailyPartitionsDefinition(start_date=first_date.isoformat(), end_offset=1),
            REGION: dg.StaticPartitionsDefinition(list(regions)),
        }
    )


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
