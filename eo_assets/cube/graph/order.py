"""In which order the nodes of a graph are computed, and how often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from eo_assets.cube.graph.model import GraphNode

MAX_WAYS: Final = 32
"""Ways from a graph's value down to what it loads: each may be read along every one of them."""


def topological(nodes: Mapping[str, GraphNode], result: str) -> list[str]:
    """Order nodes, inputs first; without recursion, so that depth cannot hurt.

    Raises:
        ValueError: There is a cycle, or a node that is not defined.
    """
    order: list[str] = []
    done: set[str] = set()
    path: list[str] = []
    stack = [(result, False)]
    while stack:
        name, left = stack.pop()
        if left:
            path.pop()
            done.add(name)
            order.append(name)
            continue
        if name in path:
            message = f"the graph has a cycle through {name!r}"
            raise ValueError(message)
        if name not in nodes:
            message = f"node {name!r} is referred to but not defined"
            raise ValueError(message)
        if name in done:
            continue
        path.append(name)
        stack.append((name, True))
        stack += [(below, False) for below in reversed(nodes[name].takes)]
    return order


def check_work(nodes: Mapping[str, GraphNode], order: Sequence[str]) -> None:
    """Refuse a graph whose work grows with every node that uses another one twice.

    Each clip and each function looks at a place of its own, so that what lies below two of them is
    computed twice, and twenty such pairs on top of each other compute it a million times.

    Args:
        nodes: The nodes.
        order: Their names, inputs first, the result last.

    Raises:
        ValueError: There are too many ways from the result to what is loaded.
    """
    ways = dict.fromkeys(order, 0)
    ways[order[-1]] = 1
    for name in reversed(order):
        for below in nodes[name].takes:
            ways[below] += ways[name]
    loads = sum(ways[name] for name in order if not nodes[name].takes)
    if loads > MAX_WAYS:
        message = f"what is loaded is used along {loads:,} ways; at most {MAX_WAYS} are computed"
        raise ValueError(message)
