"""What the colours of a layer mean, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pydantic import BaseModel

from eo_assets.cube.graph import Render
from eo_assets.tiles.class_colours import Rgba
from eo_assets.tiles.picture import colours_of, shows_classes

_STOPS = 11


class Stop(BaseModel):
    """A value and its colour, ``#rrggbb``."""

    value: float
    colour: str


class Legend(BaseModel):
    """Stops of a colour map for one band; for three, what red, green and blue show."""

    bands: tuple[str, ...]
    stretch: tuple[tuple[float, float], ...]
    colormap: str | None
    stops: list[Stop]


def legend_of(render: Render, classes: Mapping[int, Rgba] | None = None) -> Legend:
    """Describe how a layer is shown.

    Args:
        render: How.
        classes: Colours of classes, where it shows some.

    Returns:
        The legend; a stop a class; no stops where three bands are shown.

    Raises:
        UnknownNameError: There is no such colour map.
    """
    stops = []
    if shows_classes(render) and classes:
        stops = [Stop(value=value, colour=_hex(rgba)) for value, rgba in sorted(classes.items())]
    elif len(render.bands) == 1:
        low, high = render.stretch[0]
        colours = colours_of(render)
        for number in range(_STOPS):
            share = number / (_STOPS - 1)
            colour = _hex(colours[1 + round(share * 254)])
            stops.append(Stop(value=round(low + share * (high - low), 6), colour=colour))
    return Legend(bands=render.bands, stretch=render.stretch, colormap=render.colormap, stops=stops)


def _hex(rgba: Iterable[int]) -> str:
    return "#" + bytes(int(part) for part in rgba)[:3].hex()
