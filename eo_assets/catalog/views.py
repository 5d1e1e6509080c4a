"""Ready-made views: which bands or index of a collection, stretched how, in which colours.

Stretches are reflectance (0-1) or the unit of the band; chosen so that land outside of snow and
cloud keeps its contrast.
"""

from __future__ import annotations

from dataclasses import dataclass

from eo_assets.catalog.collections import Collection
from eo_assets.catalog.indices import INDICES
from eo_assets.errors import ConfigurationError


@dataclass(frozen=True, kw_only=True)
class View:
    """A way to look at a collection.

    Attributes:
        name: Short name: ``true_colour``.
        title: For people.
        bands: Bands for red, green and blue, or one band; empty for an index. A name may offer
            alternatives, best first: ``nir08|nir``.
        index: Name of the index; empty for bands.
        stretch: Values shown darkest and brightest: one pair for all, or one a band.
        colormap: Name of the colour map; None for three bands.
    """

    name: str
    title: str
    bands: tuple[str, ...] = ()
    index: str = ""
    stretch: tuple[tuple[float, float], ...]
    colormap: str | None = None


_COMBINATIONS = (
    View(
        name="true_colour",
        title="True colour",
        bands=("red", "green", "blue"),
        stretch=((0.0, 0.25),),
    ),
    View(
        name="false_colour",
        title="False colour: vegetation is red",
        bands=("nir|nir08", "red", "green"),
        stretch=((0.0, 0.5), (0.0, 0.25), (0.0, 0.25)),
    ),
    View(
        name="agriculture",
        title="Agriculture: crops are green, bare soil is magenta",
        bands=("swir16", "nir|nir08", "blue"),
        stretch=((0.0, 0.4), (0.0, 0.5), (0.0, 0.2)),
    ),
    View(
        name="swir",
        title="Short-wave infrared: burnt areas are brown, through haze",
        bands=("swir22", "nir08|nir", "red"),
        stretch=((0.0, 0.4), (0.0, 0.5), (0.0, 0.25)),
    ),
    View(
        name="snow",
        title="Snow and ice: red, clouds white",
        bands=("red", "swir16", "swir22"),
        stretch=((0.0, 0.8), (0.0, 0.4), (0.0, 0.4)),
    ),
    View(
        name="temperature",
        title="Surface temperature, kelvin",
        bands=("lwir11",),
        stretch=((270.0, 320.0),),
        colormap="inferno",
    ),
    View(
        name="elevation",
        title="Elevation, metres",
        bands=("elevation",),
        stretch=((0.0, 2500.0),),
        colormap="terrain",
    ),
)

_OF_INDICES: dict[str, tuple[tuple[float, float], str]] = {
    "ndvi": ((-0.2, 0.9), "rdylgn"),
    "evi": ((-0.2, 0.8), "rdylgn"),
    "savi": ((-0.2, 0.8), "rdylgn"),
    "ndwi": ((-0.8, 0.6), "rdbu"),
    "ndmi": ((-0.6, 0.6), "rdbu"),
    "nbr": ((-0.5, 0.9), "rdylgn"),
    "ndsi": ((-0.6, 0.9), "blues"),
    "bsi": ((-0.5, 0.5), "brbg_r"),
}


def index_view(name: str) -> View:
    """Give the view of an index: its own range and colours, or its limits in grey."""
    index = INDICES[name]
    stretch, colormap = _OF_INDICES.get(name, (index.limits, "gray"))
    return View(name=name, title=index.title, index=name, stretch=(stretch,), colormap=colormap)


def views_of(collection: Collection) -> tuple[View, ...]:
    """Give the views a collection has the bands for, alternatives decided.

    Args:
        collection: The collection.

    Returns:
        Band combinations, then indices.
    """
    available = tuple(band.name for band in collection.bands)
    combinations = []
    for view in _COMBINATIONS:
        chosen = [_first(term, available) for term in view.bands]
        if None not in chosen:
            bands = tuple(str(name) for name in chosen)
            combinations.append(
                View(
                    name=view.name,
                    title=view.title,
                    bands=bands,
                    stretch=view.stretch,
                    colormap=view.colormap,
                )
            )
    return (*combinations, *(index_view(name) for name in INDICES if _has(name, available)))


def _first(term: str, available: tuple[str, ...]) -> str | None:
    return next((name for name in term.split("|") if name in available), None)


def _has(index: str, available: tuple[str, ...]) -> bool:
    try:
        INDICES[index].bands_in(available)
    except ConfigurationError:
        return False
    return True
