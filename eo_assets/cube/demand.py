"""Which bands each node of a graph is asked for, so that nothing is read that nobody needs."""

from __future__ import annotations

from collections.abc import Sequence

from eo_assets.catalog.indices import get_index
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.graph.expression import names_in
from eo_assets.cube.graph.operations import (
    Classify,
    Composite,
    Expression,
    Function,
    Indices,
    Node,
    Periods,
    Reduce,
)
from eo_assets.cube.over_time import OF_SPECTRA


def demanded(cube: VirtualCube, bands: Sequence[str]) -> dict[str, frozenset[str]]:
    """Say which bands of each node's value are needed.

    Args:
        cube: The cube.
        bands: Bands wanted of its value.

    Returns:
        Names of bands by name of node.
    """
    wanted: dict[str, frozenset[str]] = {name: frozenset() for name in cube.order}
    wanted[cube.result] = frozenset(bands)
    for name in reversed(cube.order):
        node = cube.nodes[name]
        for below in node.takes:
            available = cube.signature_of(below).bands
            needed = _of_input(node, wanted[name], available)
            wanted[below] |= needed & frozenset(available)
    return wanted


def _of_input(node: Node, wanted: frozenset[str], available: tuple[str, ...]) -> frozenset[str]:
    match node:
        case Composite(method=method) | Periods(method=method) | Reduce(method=method):
            # which observation is taken depends on the whole spectrum
            return frozenset(available) if method in OF_SPECTRA else wanted
        case Indices(names=names):
            asked = [get_index(one).bands_in(available) for one in names if one in wanted]
            return (wanted - set(names)).union(*asked)
        case Expression(bands=expressions):
            texts = [names_in(text) for one, text in expressions.items() if one in wanted]
            return (wanted - set(expressions)).union(*texts)
        case Function(output=output, inputs=inputs):
            return wanted - {output} | set(inputs) if output in wanted else wanted
        case Classify(output=output, parameters=parameters):
            needed = set(parameters["bands"]) if parameters else set()
            return wanted - {output} | needed if output in wanted else wanted
    return wanted
