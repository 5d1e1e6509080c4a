"""Arithmetic over band names that a graph may carry: small, bounded, and never run as code.

The text is parsed by Python's own parser into a syntax tree, of which a handful of node types are
accepted; ``compute`` walks that tree itself. No name is looked up but bands and the functions
listed here. Numbers are floats from the start, so that no power can grow without end.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MAX_CHARACTERS: Final = 400
MAX_DEPTH: Final = 20
MAX_NODES: Final = 150
MAX_CONSTANT: Final = 1e9
MAX_POWER: Final = 8

_BINARY: Mapping[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: np.true_divide,
    ast.Pow: np.power,
    ast.BitAnd: np.logical_and,
    ast.BitOr: np.logical_or,
}
_UNARY: Mapping[type[ast.AST], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: np.logical_not,
}
_COMPARE: Mapping[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Lt: np.less,
    ast.LtE: np.less_equal,
    ast.Gt: np.greater,
    ast.GtE: np.greater_equal,
    ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}
FUNCTIONS: Mapping[str, tuple[int, Callable[..., Any]]] = {
    "where": (3, np.where),
    "abs": (1, np.abs),
    "sqrt": (1, np.sqrt),
    "exp": (1, np.exp),
    "log": (1, np.log),
    "log10": (1, np.log10),
    "minimum": (2, np.minimum),
    "maximum": (2, np.maximum),
    "clip": (3, np.clip),
}
"""Number of arguments and function, by name."""


@lru_cache(maxsize=256)
def parse(text: str) -> ast.expr:
    """Parse an expression and check that it is one this module can compute.

    Args:
        text: Band names, numbers, ``+ - * / **``, comparisons, ``& | ~``, and ``FUNCTIONS``.

    Returns:
        Its syntax tree.

    Raises:
        ValueError: It is not an expression, or is too long, too deep or too large.
    """
    if len(text) > MAX_CHARACTERS:
        message = f"an expression has at most {MAX_CHARACTERS} characters"
        raise ValueError(message)
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        message = f"{text[:60]!r} is not an expression"
        raise ValueError(message) from None
    n, open_nodes = 0, [(tree, 1)]
    while open_nodes:
        node, depth = open_nodes.pop()
        n += 1
        if n > MAX_NODES or depth > MAX_DEPTH:
            message = f"an expression has at most {MAX_NODES} parts, {MAX_DEPTH} deep"
            raise ValueError(message)
        open_nodes += [(part, depth + 1) for part in _checked_parts(node)]
    return tree


def _checked_parts(node: ast.expr) -> list[ast.expr]:
    parts: list[ast.expr] = []
    match node:
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            if isinstance(op, ast.Pow):
                _check_power(right)
            parts = [left, right]
        case ast.UnaryOp(op=op, operand=operand) if type(op) in _UNARY:
            parts = [operand]
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _COMPARE:
            parts = [left, right]
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            if len(arguments) != FUNCTIONS[name][0]:
                message = f"{name} takes {FUNCTIONS[name][0]} arguments"
                raise ValueError(message)
            parts = arguments
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            if not abs(value) <= MAX_CONSTANT:
                message = f"a number is at most {MAX_CONSTANT:g}"
                raise ValueError(message)
        case ast.Name():
            pass
        case _:
            message = f"{type(node).__name__} is not allowed in an expression"
            raise ValueError(message)
    return parts


def _check_power(exponent: ast.expr) -> None:
    value = exponent.operand if isinstance(exponent, ast.UnaryOp) else exponent
    number = value.value if isinstance(value, ast.Constant) else None
    if not isinstance(number, int | float) or not abs(number) <= MAX_POWER:
        message = f"a power is a number of at most {MAX_POWER}"
        raise ValueError(message)


@lru_cache(maxsize=256)
def names_in(text: str) -> tuple[str, ...]:
    """Give the band names an expression uses, sorted.

    Raises:
        ValueError: It is not an expression.
    """
    tree = parse(text)
    called = {node.func for node in ast.walk(tree) if isinstance(node, ast.Call)}
    names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and n not in called}
    return tuple(sorted(names))


def compute(text: str, bands: Mapping[str, Array]) -> Array:
    """Compute an expression.

    Args:
        text: The expression.
        bands: Values by name, float32, any common shape; NaN where invalid.

    Returns:
        float32 in the shape of the bands; 1 and 0 for a truth value. NaN where any band the
        expression names is NaN - a masked pixel stays masked - and where the result is no number.

    Raises:
        ValueError: It is not an expression.
    """
    names = names_in(text)
    used = {name: np.asarray(bands[name], np.float32) for name in names}
    with np.errstate(all="ignore"):
        result = np.asarray(_value(parse(text), used), np.float32)
        if used:
            result = np.broadcast_to(result, next(iter(used.values())).shape)
        # a sum is NaN where any part is
        known = np.isfinite(sum((values for values in used.values()), result))
    return np.where(known, result, np.float32(np.nan)).astype(np.float32)


def _value(node: ast.expr, bands: Mapping[str, Array]) -> Any:
    match node:
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_value(left, bands), _value(right, bands))
        case ast.UnaryOp(op=op, operand=operand):
            return _UNARY[type(op)](_value(operand, bands))
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _COMPARE[type(op)](_value(left, bands), _value(right, bands))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return FUNCTIONS[name][1](*(_value(argument, bands) for argument in arguments))
        case ast.Constant(value=value):
            return np.float32(value)  # type: ignore[arg-type]
        case ast.Name(id=name):
            return bands[name]
    raise AssertionError(node)  # ``parse`` let nothing else pass
