"""Colours of classes: the same id has the same colour wherever the number of classes is the same.

Ids rise with NDVI, so the colours run from water blue over stone and straw to forest green. Up to
ten classes, every pair stays apart, also for people with protanopia, deuteranopia or tritanopia.
"""

from __future__ import annotations

import colorsys

import numpy as np

MAX_DISTINCT = 10
"""Above this many classes, colours are no longer told apart reliably."""

_RAMP = (
    "#24206A",
    "#3974E1",
    "#A6E3FF",
    "#CA9BAD",
    "#7F4B17",
    "#EB7918",
    "#F7E4B2",
    "#AED866",
    "#42AF5F",
    "#09583D",
)

_ADDED = ("#C040A0", "#6020E0", "#600000", "#E080E0")
"""Of classes found later: none of the ramp, and apart from all of it for every kind of sight."""

_GOLDEN_ANGLE = 0.3819660112501051


def class_colours(n_clusters: int) -> tuple[str, ...]:
    """Colours of the classes 1 to ``n_clusters``, ``#RRGGBB``.

    Up to ``MAX_DISTINCT`` they are picked from the ramp evenly; more are mixed from neighbours.
    """
    positions = np.linspace(0, len(_RAMP) - 1, n_clusters)
    if n_clusters <= MAX_DISTINCT:
        return tuple(_RAMP[round(position)] for position in positions)
    ramp = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in _RAMP])
    channels = [np.interp(positions, range(len(_RAMP)), channel) for channel in ramp.T]
    return tuple(
        "#{:02X}{:02X}{:02X}".format(*map(round, rgb)) for rgb in zip(*channels, strict=True)
    )


def addition_colour(number: int) -> str:
    """Colour of a class found after the reference, ``#RRGGBB``.

    Args:
        number: How many were found before it. After the first few, colours are different but no
            longer told apart reliably.
    """
    if number < len(_ADDED):
        return _ADDED[number]
    rgb = colorsys.hsv_to_rgb((number * _GOLDEN_ANGLE) % 1.0, 0.55, 0.75)
    return "#{:02X}{:02X}{:02X}".format(*(round(255 * channel) for channel in rgb))
