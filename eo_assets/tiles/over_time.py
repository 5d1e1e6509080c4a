"""A layer's computation with time kept: what its image was before it was reduced."""

from __future__ import annotations

from eo_assets.cube.graph import Composite, Difference, Node, Periods, Reduce, Render, VirtualCube
from eo_assets.cube.graph.signatures import Kind
from eo_assets.tiles.problems import ConflictError


def over_time(cube: VirtualCube) -> VirtualCube:
    """Give the same computation as a series, one image a local solar day.

    Args:
        cube: A cube whose value is an image.

    Returns:
        The cube before it is reduced over time; composites are made of each day alone.

    Raises:
        ConflictError: It has no times: it is of stored products, or a difference of two images.
    """
    nodes: dict[str, Node] = {}
    instead: dict[str, str] = {}
    for name in cube.order:
        node = cube.nodes[name]
        if isinstance(node, Difference):
            raise ConflictError(
                "A difference of two images has no times.", "Make a layer of one of the two."
            )
        below = [instead.get(one, one) for one in node.takes]
        if isinstance(node, Render):
            instead[name] = below[0]
        elif isinstance(node, Composite):
            nodes[name] = Periods(data=below[0], by="day", order=node.order)
        elif isinstance(node, Reduce):
            scenes = cube.signature_of(node.data).kind is Kind.SCENES
            if scenes:
                nodes[name] = Periods(data=below[0], by="day")
            else:
                instead[name] = below[0]
        else:
            nodes[name] = node.model_copy(update={"data": below[0]}) if below else node
    series = VirtualCube(nodes=nodes, result=instead.get(cube.result, cube.result))
    if series.kind is Kind.IMAGE:
        raise ConflictError(
            "A stored product is of one time.", "Make a layer of scenes: a region and dates."
        )
    return series
