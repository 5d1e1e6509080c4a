"""The query extension: conditions on the properties of items.

Contract: https://github.com/stac-api-extensions/query. An item that lacks a property meets no
condition on it, ``neq`` neither.
"""

from __future__ import annotations

import contextlib
import operator
from collections.abc import Callable
from typing import Any

from stac_fastapi.types.errors import InvalidQueryParameter

from eo_assets.sample.api.values import comparable, kind_of, property_of

Condition = Callable[[dict[str, Any]], bool]

COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "neq": operator.ne,
    "lt": operator.lt,
    "lte": operator.le,
    "gt": operator.gt,
    "gte": operator.ge,
}
TEXT_TESTS: dict[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": operator.contains,
}
OPERATORS = (*COMPARISONS, "in", *TEXT_TESTS)


def compile_query(query: dict[str, dict[str, Any]]) -> Condition:
    """Turn a query into a function that tells whether an item meets all of it.

    Args:
        query: Property name to operator to operand.

    Returns:
        The condition. It raises InvalidQueryParameter when a property and its operand are of
        different kinds, because such a comparison would silently find nothing.

    Raises:
        InvalidQueryParameter: An operator is unknown or an operand does not fit it.
    """
    conditions = [
        _condition(name, op, operand) for name, ops in query.items() for op, operand in ops.items()
    ]
    return lambda item: all(condition(item) for condition in conditions)


def _condition(name: str, op: str, operand: Any) -> Condition:
    if op in COMPARISONS:
        return _comparison(name, op, operand)
    if op in TEXT_TESTS:
        return _text_test(name, op, operand)
    if op == "in":
        if not isinstance(operand, list) or not operand:
            message = f"query: 'in' on '{name}' needs a list of values that is not empty."
            raise InvalidQueryParameter(message)
        alternatives = [_comparison(name, "eq", value) for value in operand]
        return lambda item: any(equals(item) for equals in alternatives)
    message = f"query: unknown operator '{op}' on '{name}'; known: {', '.join(OPERATORS)}."
    raise InvalidQueryParameter(message)


def _comparison(name: str, op: str, operand: Any) -> Condition:
    compare = COMPARISONS[op]
    wanted = comparable(operand)
    if wanted is None:
        message = (
            f"query: '{op}' on '{name}' needs a number, text, time or boolean, "
            f"not {kind_of(operand)}."
        )
        raise InvalidQueryParameter(message)

    accepted = dict([wanted])
    if wanted[0] == "text":
        # pystac-client's short form, "eo:cloud_cover<20", sends numbers as texts
        with contextlib.suppress(ValueError):
            accepted["number"] = float(operand)

    def holds(item: dict[str, Any]) -> bool:
        value = property_of(item, name)
        if value is None:
            return False
        found = comparable(value)
        if found is None or found[0] not in accepted:
            message = (
                f"query: '{name}' is a {kind_of(value)} in item '{item['id']}' and cannot be "
                f"compared with {operand!r}, a {wanted[0]}."
            )
            raise InvalidQueryParameter(message)
        return compare(found[1], accepted[found[0]])

    return holds


def _text_test(name: str, op: str, operand: Any) -> Condition:
    test = TEXT_TESTS[op]
    if not isinstance(operand, str):
        message = f"query: '{op}' on '{name}' needs a text, not a {kind_of(operand)}."
        raise InvalidQueryParameter(message)

    def holds(item: dict[str, Any]) -> bool:
        value = property_of(item, name)
        if value is None:
            return False
        if isinstance(value, str):
            return test(value, operand)
        if op == "contains" and isinstance(value, list):
            return operand in value
        message = (
            f"query: '{name}' is a {kind_of(value)} in item '{item['id']}'; '{op}' needs a text."
        )
        raise InvalidQueryParameter(message)

    return holds
