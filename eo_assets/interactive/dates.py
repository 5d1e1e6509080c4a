"""Periods as people write them: ``2023-07-15``, ``2023-06/2023-08``, ``2023``."""

from __future__ import annotations

import calendar
import datetime as dt
import re

from eo_assets.errors import ConfigurationError

Dates = str | dt.date | tuple[dt.date, dt.date]
"""A day, a month, a year, two of them with ``/`` between, or first and last day."""

_PART = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")


def period_of(dates: Dates) -> tuple[dt.date, dt.date]:
    """Give the first and the last day of a period.

    Args:
        dates: The period.

    Returns:
        Its local solar days, both included.

    Raises:
        ConfigurationError: It is no period, or ends before it begins.
    """
    match dates:
        case (first, last):
            pass
        case dt.date():
            first = last = dates
        case str():
            begin, _, end = dates.partition("/")
            first, last = _span(begin)[0], _span(end or begin)[1]
    if last < first:
        raise ConfigurationError(
            f"The period {dates!r} ends before it begins.", "Give the earlier day first."
        )
    return first, last


def _span(text: str) -> tuple[dt.date, dt.date]:
    if parts := _PART.fullmatch(text.strip()):
        year, month, day = (int(part) if part else None for part in parts.groups())
        try:
            first = dt.date(year or 0, month or 1, day or 1)
        except ValueError:
            pass
        else:
            last_month = month or 12
            last_day = day or calendar.monthrange(first.year, last_month)[1]
            return first, dt.date(first.year, last_month, last_day)
    raise ConfigurationError(
        f"{text!r} is no day, month or year.", "Such as 2023-07-15, 2023-07, or 2023-06/2023-08."
    )
