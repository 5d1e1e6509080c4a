"""How regions, products and cubes look in a notebook: a card with facts and a small picture."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from odc.geo.geobox import zoom_to
from odc.geo.geom import Geometry

from eo_assets.cube.evaluate import evaluate
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.graph.operations import (
    Bands,
    Classify,
    Composite,
    Expression,
    Function,
    Indices,
    Node,
    Periods,
    Reduce,
    Render,
)
from eo_assets.cube.grid import Grid
from eo_assets.errors import EoAssetsError
from eo_assets.tiles.class_colours import class_colours_of
from eo_assets.tiles.picture import picture

_CARD = """\
<div style="display:flex;gap:1.2em;align-items:flex-start;font-size:90%;margin:.4em 0">
{picture}<div><b>{title}</b>
<table style="margin:.3em 0;border-collapse:collapse">{rows}</table></div></div>"""
_ROW = """\
<tr><td style="text-align:left;opacity:.65;padding:.1em .8em .1em 0;white-space:nowrap">{name}</td>\
<td style="text-align:left">{value}</td></tr>"""
_EDGE_PX = 160


def card(title: str, facts: Mapping[str, str], picture: str) -> str:
    """Give a card.

    Args:
        title: HTML.
        facts: Names and values, plain text.
        picture: HTML, may be empty.

    Returns:
        HTML.
    """
    rows = "".join(
        _ROW.format(name=html.escape(name), value=html.escape(value))
        for name, value in facts.items()
    )
    return _CARD.format(title=title, rows=rows, picture=picture)


def picture_of(draw: Callable[[], bytes]) -> str:
    """Give a picture as HTML, or the reason why there is none.

    Args:
        draw: Gives a PNG.
    """
    try:
        content = base64.b64encode(draw()).decode()
    except EoAssetsError as error:
        return f'<div style="width:{_EDGE_PX}px;opacity:.65">{html.escape(str(error))}</div>'
    return (
        f'<img alt="preview" style="max-width:{_EDGE_PX}px;max-height:{_EDGE_PX}px" '
        f'src="data:image/png;base64,{content}">'
    )


def preview(cube: VirtualCube, grid: Grid, *, width_px: int) -> bytes:
    """Draw a cube on a coarse copy of a grid, as PNG.

    Args:
        cube: An image, resolved, that says how it is shown.
        grid: The grid.
        width_px: Longer side of the picture, pixels.

    Returns:
        The file's bytes.
    """
    geobox = grid.geobox
    scale = min(1.0, width_px / max(geobox.shape))
    rows, columns = (max(round(side * scale), 1) for side in geobox.shape)
    assert cube.rendering is not None
    pixels = evaluate(cube, zoom_to(geobox, (rows, columns)), preview=True)
    return picture(pixels, cube.rendering, "png", class_colours_of(cube))


def outline_picture(outline: Mapping[str, Any]) -> str:
    """Draw an outline as SVG; degrees of longitude are as short as they are there."""
    shape = Geometry(dict(outline), "EPSG:4326").to_crs("EPSG:3857").geom
    west, south, east, north = shape.bounds
    side = max(east - west, north - south)
    paths = "".join(
        "M"
        + "L".join(
            f"{(x - west) / side * 100:.2f},{(north - y) / side * 100:.2f}" for x, y, *_ in ring
        )
        + "Z"
        for ring in _rings(shape)
    )
    box = f"-2 -2 {(east - west) / side * 100 + 4:.1f} {(north - south) / side * 100 + 4:.1f}"
    return (
        f'<svg viewBox="{box}" width="{_EDGE_PX * 0.6:.0f}" role="img" aria-label="outline">'
        f'<path d="{paths}" fill="#3b82c4" fill-opacity=".25" fill-rule="evenodd" '
        'stroke="#3b82c4" stroke-width="1.5"/></svg>'
    )


def _rings(shape: Any) -> Iterator[Any]:
    for part in getattr(shape, "geoms", [shape]):
        yield part.exterior.coords
        yield from (ring.coords for ring in part.interiors)


def steps(graph: VirtualCube) -> list[str]:
    """Say in short what a graph does, step by step."""
    return [_step(graph.nodes[name]) for name in graph.order]


def _step(node: Node) -> str:
    match node:
        case Composite(method=text) | Reduce(method=text) | Function(name=text):
            found = str(text)
        case Periods(by=by, method=method):
            found = f"{method} of each {by}"
        case Indices(names=names) | Bands(names=names):
            found = ", ".join(names)
        case Expression(bands=bands):
            found = ", ".join(f"{one} = {text}" for one, text in bands.items())
        case Classify(model=model):
            found = f"classify by {model}"
        case Render(bands=shown):
            found = f"show {', '.join(shown)}"
        case _:
            found = node.op.replace("_", " ")
    return found
