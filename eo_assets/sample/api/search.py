"""One page of an item search: select, order, cut, and a token for what follows.

Paging is by position in the order, not by count: a token names the last item of its page, so
items added or withdrawn meanwhile neither repeat nor hide others.
"""

from __future__ import annotations

import base64
import hashlib
import json
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any, Self

from shapely.geometry.base import BaseGeometry
from stac_fastapi.types.errors import InvalidQueryParameter

from eo_assets.sample.api.query import compile_query
from eo_assets.sample.api.snapshot import Entry, Snapshot
from eo_assets.sample.api.values import Comparable, comparable, kind_of, property_of

MISSING = (1,)


@dataclass(frozen=True, slots=True)
class SortField:
    """A property to order by; items that lack it come last in both directions."""

    name: str
    descending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Criteria:
    """What a search asks for; None means no restriction.

    Attributes:
        collections: Collection ids.
        ids: Item ids.
        area: EPSG:4326.
        interval_us: Begin and end, included, microseconds since 1970; None is open.
        query: Property name to operator to operand.
        order: Applied before the default order, which breaks ties.
        limit: Items a page.
        token: Of the page before.
    """

    collections: frozenset[str] | None = None
    ids: frozenset[str] | None = None
    area: BaseGeometry | None = None
    interval_us: tuple[int | None, int | None] | None = None
    query: dict[str, dict[str, Any]] | None = None
    order: tuple[SortField, ...] = ()
    limit: int = 10
    token: str | None = None

    def digest(self, position: Position) -> str:
        """Ties a position to this search, so that a token fits no other search."""
        parts = [
            sorted(self.collections or []), sorted(self.ids or []),
            self.area.wkb_hex if self.area is not None else None, self.interval_us, self.query,
            [(field.name, field.descending) for field in self.order],
            position.values, position.rank,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of results: its items, how many match in all, and the next page's token."""

    entries: list[Entry]
    n_matched: int
    next_token: str | None


@dataclass(frozen=True, slots=True)
class Position:
    """Where an item stands in an order: its values of the ordering fields, then its rank."""

    values: list[Comparable | None]
    rank: tuple[int, str, str]

    @classmethod
    def of(cls, entry: Entry, order: tuple[SortField, ...]) -> Self:
        """The position of an item."""
        return cls(_values(entry, order), entry.rank)

    def key(self, order: tuple[SortField, ...]) -> tuple[Any, ...]:
        """What Python compares."""
        return *_sort_keys(self.values, order), self.rank


def find(snapshot: Snapshot, criteria: Criteria) -> Page:
    """Run a search.

    Raises:
        InvalidQueryParameter: The query or the order does not fit the items, or the token is not
            one of this search.
    """
    # decoded first: a bad token is an error even where nothing matches
    after = None if criteria.token is None else _decode(criteria.token, criteria)
    found = snapshot.select(area=criteria.area, interval_us=criteria.interval_us)
    if criteria.collections is not None:
        found = [entry for entry in found if entry.item["collection"] in criteria.collections]
    if criteria.ids is not None:
        found = [entry for entry in found if entry.item["id"] in criteria.ids]
    if criteria.query:
        meets = compile_query(criteria.query)
        found = [entry for entry in found if meets(entry.item)]

    order = criteria.order
    if order:
        # the sort is stable and the items come in default order, which so breaks ties
        found.sort(key=lambda entry: _sort_keys(_values(entry, order), order))
    begin = 0
    if after is not None:
        begin = bisect_right(
            found, after.key(order), key=lambda e: Position.of(e, order).key(order)
        )
    page = found[begin : begin + criteria.limit]
    more = begin + len(page) < len(found)
    token = _encode(Position.of(page[-1], order), criteria) if more else None
    return Page(page, len(found), token)


class _Descending:
    """Turns the order of texts around, which cannot be negated."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def __lt__(self, other: Self) -> bool:
        return other.text < self.text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Descending) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)


def _values(entry: Entry, order: tuple[SortField, ...]) -> list[Comparable | None]:
    return [_sortable(entry.item, field.name) for field in order]


def _sortable(item: dict[str, Any], name: str) -> Comparable | None:
    value = property_of(item, name)
    found = comparable(value)
    if found is None and value is not None:
        message = f"sortby: '{name}' is a {kind_of(value)} in item '{item['id']}': it has no order."
        raise InvalidQueryParameter(message)
    return found


def _sort_keys(
    values: list[Comparable | None], order: tuple[SortField, ...]
) -> tuple[tuple[Any, ...], ...]:
    return tuple(
        MISSING
        if value is None
        else (0, value[0], _turned(value[1]) if field.descending else value[1])
        for value, field in zip(values, order, strict=True)
    )


def _turned(value: float | str) -> float | _Descending:
    return _Descending(value) if isinstance(value, str) else -value


def _encode(position: Position, criteria: Criteria) -> str:
    parts = [criteria.digest(position), position.values, position.rank]
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


def _decode(token: str, criteria: Criteria) -> Position:
    try:
        padded = token + "=" * (-len(token) % 4)
        digest, values, rank = json.loads(base64.urlsafe_b64decode(padded))
        position = Position([tuple(value) if value else None for value in values], tuple(rank))
    except (ValueError, TypeError) as error:
        message = "token: not a token of this service."
        raise InvalidQueryParameter(message) from error
    if digest != criteria.digest(position):
        message = "token: it belongs to another search; the other parameters must stay the same."
        raise InvalidQueryParameter(message)
    return position
