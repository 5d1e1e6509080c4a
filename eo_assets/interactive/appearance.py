"""How a cube is shown where it does not say so itself."""

from __future__ import annotations

from collections.abc import Iterator

from eo_assets.catalog.collections import get_collection
from eo_assets.catalog.indices import INDICES
from eo_assets.catalog.views import View, index_view, views_of
from eo_assets.cube.graph import LoadProduct, LoadScenes, LoadSearch, LoadStored, VirtualCube
from eo_assets.cube.graph.operations import Difference, Reduce
from eo_assets.cube.terrain import ASPECT, HILLSHADE, SLOPE

_OF_FUNCTIONS: dict[str, tuple[tuple[float, float], str | None]] = {
    HILLSHADE.name: ((1, 255), "gray"),
    SLOPE.name: ((0, 60), "viridis"),
    ASPECT.name: ((0, 360), "twilight"),
    "class": ((0, 255), None),
}
_MOST_COUNTED = 20


def shown(graph: VirtualCube) -> VirtualCube:
    """Say how a graph is to be shown, unless it does.

    What was derived last is shown; otherwise true colour, or the first view that the collection's
    bands allow.

    Args:
        graph: The graph.

    Returns:
        The graph; its rendering is set.
    """
    if graph.rendering is not None:
        return graph
    bands = graph.signature.bands
    derived = [name for name in bands if name not in _loaded(graph)]
    if derived:
        name = derived[-1]
        stretch, colormap = _of_derived(name)
        return _rendered(graph, View(
            name=name, title=name, bands=(name,), stretch=(stretch,), colormap=colormap
        ))  # fmt: skip
    for view in _views(graph):
        if view.bands and set(view.bands) <= set(bands):
            return _rendered(graph, view)
    classes = bands == ("class",)
    colormap = None if classes else "gray"
    return _rendered(graph, View(
        name=bands[0], title=bands[0], bands=bands[:1],
        stretch=((0.0, 255.0 if classes else 0.5),), colormap=colormap,
    ))  # fmt: skip


def _rendered(graph: VirtualCube, view: View) -> VirtualCube:
    stretch, colormap = view.stretch, view.colormap
    methods = [node.method for node in graph.nodes.values() if isinstance(node, Reduce)]
    if "count" in methods:
        stretch, colormap = ((0.0, float(_MOST_COUNTED)),), "viridis"
    elif "std" in methods:
        stretch = tuple((0.0, (high - low) / 4) for low, high in stretch)
        colormap = "viridis" if len(view.bands) == 1 else None
    elif isinstance(graph.nodes[graph.result], Difference):
        stretch = tuple(((low - high) / 4, (high - low) / 4) for low, high in stretch)
    if len(view.bands) > 1:
        colormap = None
    return graph.render(*view.bands, stretch=stretch, colormap=colormap)


def _of_derived(name: str) -> tuple[tuple[float, float], str | None]:
    if name in INDICES:
        view = index_view(name)
        return view.stretch[0], view.colormap
    return _OF_FUNCTIONS.get(name, ((-1.0, 1.0), "viridis"))


def _loaded(graph: VirtualCube) -> set[str]:
    loads = (LoadProduct, LoadScenes, LoadSearch, LoadStored)
    return {band for node in graph.nodes.values() if isinstance(node, loads) for band in node.bands}


def _views(graph: VirtualCube) -> Iterator[View]:
    for node in graph.nodes.values():
        match node:
            case LoadSearch(collection=collection) | LoadScenes(collection=collection):
                yield from views_of(get_collection(collection))
            case LoadProduct(product=product) | LoadStored(product=product):
                if product.endswith(("/geotiff", "/mosaic")):
                    yield from views_of(get_collection(product.split("/")[1]))
