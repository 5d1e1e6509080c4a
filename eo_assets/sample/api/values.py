"""How property values compare: numbers, booleans, points in time and texts, never mixed.

STAC writes times as text, with or without fractions of a second and in any UTC offset, so
comparing the texts would order ``10:00:00.5Z`` before ``10:00:00Z``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", re.IGNORECASE)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Comparable = tuple[str, int | float | str]
"""Kind (``boolean``, ``number``, ``time`` or ``text``) and a value that compares within it."""


def timestamp_us(value: object) -> int | None:
    """Microseconds since 1970 of an RFC 3339 text, or None if it is not one."""
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        return None
    try:
        moment = datetime.fromisoformat(value.upper())
    except ValueError:
        return None
    return (moment - EPOCH) // timedelta(microseconds=1)


def comparable(value: object) -> Comparable | None:
    """The kind of a JSON value and what to compare; None for null, lists and objects."""
    if isinstance(value, bool):
        return "boolean", int(value)
    if isinstance(value, int | float):
        return "number", value
    if isinstance(value, str):
        moment_us = timestamp_us(value)
        return ("text", value) if moment_us is None else ("time", moment_us)
    return None


def kind_of(value: object) -> str:
    """The kind of a JSON value in words, for messages."""
    known = comparable(value)
    if known is not None:
        return known[0]
    if isinstance(value, list):
        return "list"
    return "null" if value is None else "object"


def property_of(item: dict[str, Any], name: str) -> Any:
    """A value of an item by the name searches use; None when the item lacks it.

    ``id`` and ``collection`` stand at the top of an item; every other name is a property, with or
    without the prefix ``properties.``.
    """
    if name in {"id", "collection"}:
        return item.get(name)
    return item["properties"].get(name.removeprefix("properties."))
