"""What the colours of a layer mean, for people."""

from __future__ import annotations

from pydantic import BaseModel

from eo_assets.cube.graph import Render
from eo_assets.tiles.picture import colours_of

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


def legend_of(render: Render) -> Legend:
    """Describe how a layer is shown.

    Args:
        render: How.

    Returns:
        The legend; no stops where three bands are shown.

    Raises:
        UnknownNameError: There is no such colour map.
    """
    stops = []
    if len(render.bands) == 1:
        low, high = render.stretch[0]
        colours = colours_of(render)
        for number in range(_STOPS):
            share = number / (_STOPS - 1)
            red, green, blue, _ = (int(part) for part in colours[1 + round(share * 254)])
            colour = f"#{red:02x}{green:02x}{blue:02x}"
            stops.append(Stop(value=round(low + share * (high - low), 6), colour=colour))
    return Legend(bands=render.bands, stretch=render.stretch, colormap=render.colormap, stops=stops)
