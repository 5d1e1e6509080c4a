"""The fields extension: return parts of items.

Contract: https://github.com/stac-api-extensions/fields. The most specific path decides, and at
the same path inclusion wins; ``id``, ``type`` and ``collection`` stay unless excluded by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

ALWAYS = frozenset({"id", "type", "collection"})
DEFAULT = frozenset(
    {"stac_version", "geometry", "bbox", "links", "assets", "properties.datetime",
     "properties.start_datetime", "properties.end_datetime"}
)  # fmt: skip


def select_fields(
    item: dict[str, Any], *, include: Iterable[str] | None, exclude: Iterable[str] | None
) -> dict[str, Any]:
    """A copy of an item with only the fields asked for.

    Args:
        item: A STAC item.
        include: Dotted paths to keep; with neither these nor exclusions, the few that make a
            valid item.
        exclude: Dotted paths to leave out; alone, everything else is kept.

    Returns:
        The reduced item. Paths that the item lacks are passed over.
    """
    included, excluded = set(include or ()), set(exclude or ())
    if not included and not excluded:
        included = set(DEFAULT)
    # names without a dot that are no top-level field mean properties, as in queries
    rules = dict.fromkeys((_full_path(item, name) for name in excluded), False)
    rules |= dict.fromkeys(ALWAYS - rules.keys(), True)
    rules |= dict.fromkeys((_full_path(item, name) for name in included), True)
    return _reduce(item, rules, prefix="", keep=not included)


def _full_path(item: dict[str, Any], name: str) -> str:
    top = name.split(".", 1)[0]
    if top in item or top in ALWAYS or top in {path.split(".")[0] for path in DEFAULT}:
        return name
    return f"properties.{name}"


def _reduce(
    node: dict[str, Any], rules: dict[str, bool], *, prefix: str, keep: bool
) -> dict[str, Any]:
    reduced: dict[str, Any] = {}
    for name, value in node.items():
        path = f"{prefix}{name}"
        keeps = rules.get(path, keep)
        deeper = any(rule.startswith(f"{path}.") for rule in rules)
        if deeper and isinstance(value, dict):
            part = _reduce(value, rules, prefix=f"{path}.", keep=keeps)
            if part or keeps:
                reduced[name] = part
        elif keeps:
            reduced[name] = value
    return reduced
