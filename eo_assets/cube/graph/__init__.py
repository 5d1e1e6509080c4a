"""The virtual cube: a computation described, not done.

``sources`` and ``operations`` are the closed set of nodes, ``expression`` the arithmetic a graph
may carry, ``signatures`` what fits onto what, ``fluent`` how a cube is written, ``cube`` the graph
as a whole. There are no pixels here.
"""

from __future__ import annotations

from eo_assets.cube.graph.cube import SCHEMA, VirtualCube, parse_cube
from eo_assets.cube.graph.operations import (
    Bands,
    Classify,
    Clip,
    Composite,
    CompositeMethod,
    Difference,
    Expression,
    Function,
    Indices,
    Node,
    Period,
    Periods,
    Reduce,
    ReduceMethod,
    Render,
    ValidPixels,
)
from eo_assets.cube.graph.sources import LoadProduct, LoadScenes, LoadSearch, LoadStored

__all__ = [
    "SCHEMA",
    "Bands",
    "Classify",
    "Clip",
    "Composite",
    "CompositeMethod",
    "Difference",
    "Expression",
    "Function",
    "Indices",
    "LoadProduct",
    "LoadScenes",
    "LoadSearch",
    "LoadStored",
    "Node",
    "Period",
    "Periods",
    "Reduce",
    "ReduceMethod",
    "Render",
    "ValidPixels",
    "VirtualCube",
    "parse_cube",
]
