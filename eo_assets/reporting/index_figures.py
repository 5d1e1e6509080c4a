"""Maps of spectral indices, in colours that everybody can tell apart."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eo_assets.catalog.indices import INDICES
from eo_assets.catalog.views import View, index_view
from eo_assets.errors import ConfigurationError
from eo_assets.reporting import maps
from eo_assets.reporting.figures import Sketch
from eo_assets.reporting.overview import Image, Overview

IN_REPORT = ("ndwi", "ndmi")
"""Beside NDVI."""

_NOTES = {
    "ndwi": "Blue: above 0, as open water and snow are: green reflects more than near infrared.",
    "ndmi": "Water in leaves and soil: the higher, the moister.",
}

_DIVERGING = {"ndmi": "BrBG", "nbr": "PuOr_r", "bsi": "BrBG_r"}
"""ColorBrewer's ramps without red beside green, white at 0."""

_OTHERS = {"ndwi": "water", "ndsi": "Blues", "temperature": "inferno", "elevation": "cividis"}


def sketch_indices(overview: Overview, names: Sequence[str] = IN_REPORT) -> list[Sketch]:
    """Sketch the maps of indices the bands of a mosaic allow."""
    sketches = []
    for name in names:
        try:
            values = INDICES[name].compute(overview.reflectance)
        except ConfigurationError:  # a region without the band
            continue
        if np.isfinite(values).any():
            sketches.append(sketch_values(index_view(name), values, pixel_m=overview.pixel_m))
    return sketches


def sketch_values(view: View, values: Image, *, pixel_m: float) -> Sketch:
    """Sketch a map of an index or of one band.

    Args:
        view: What it is, and its range.
        values: ``(y, x)``, NaN where there is no observation; some are not.
        pixel_m: Size of a pixel, metres.
    """
    low, middle, high = np.nanpercentile(values, [5, 50, 95])
    short = view.name.upper() if view.index else view.title.partition(",")[0]
    limits = view.stretch[0]
    if view.name in _DIVERGING:
        limits = (-max(map(abs, limits)), max(map(abs, limits)))
    units = view.title.rpartition(", ")[2] if not view.index else "dimensionless"
    return Sketch(
        key=view.name,
        title=short,
        alt=f"Map of {view.title}: median {middle:.2f}, nine in ten pixels between {low:.2f} and "
        f"{high:.2f}.",
        note=_NOTES.get(view.name, f"{view.title}."),
        draw=maps.draw_values,
        arguments={
            "values": values,
            "pixel_m": pixel_m,
            "limits": limits,
            "ramp": _DIVERGING.get(view.name) or _OTHERS.get(view.name, "vegetation"),
            "label": f"{short} ({units})",
        },
        photo=True,
    )
