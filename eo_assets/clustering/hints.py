"""What a class looks like, by plain rules on its mean spectrum.

A hint helps people to find their way; it is not a land-cover map. The thresholds are common
practice for surface reflectance, applied to the class mean, first rule that holds wins.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from eo_assets.catalog.indices import INDICES

_VISIBLE = ("blue", "green", "red")


def index_of(name: str, spectrum: Mapping[str, float]) -> float:
    """A spectral index of one spectrum; NaN where a band is missing."""
    index = INDICES[name]
    if not all(any(band in spectrum for band in term.split("|")) for term in index.bands):
        return float("nan")
    return float(index.compute({band: np.array(value) for band, value in spectrum.items()}))


def brightness_of(spectrum: Mapping[str, float]) -> float:
    """Mean reflectance over the bands."""
    return float(np.mean(list(spectrum.values())))


def describe(spectrum: Mapping[str, float]) -> str:
    """Say what a mean spectrum looks like, with the number that led there.

    Args:
        spectrum: Surface reflectance by band name.

    Returns:
        A phrase: ``dense vegetation (NDVI 0.86)``.
    """
    visible = float(np.mean([spectrum[band] for band in _VISIBLE if band in spectrum] or [np.nan]))
    nir = spectrum.get("nir", spectrum.get("nir08", float("nan")))
    ndvi, ndsi, nbr = (index_of(name, spectrum) for name in ("ndvi", "ndsi", "nbr"))
    rules = (
        (visible > 0.35 and ndsi > 0.4, f"snow or ice-like (NDSI {ndsi:.2f})"),
        (visible > 0.35, f"very bright, cloud remnant or bright ground (visible {visible:.2f})"),
        (nir < 0.08 and not ndvi > 0.4, f"water-like or deep shade (NIR {nir:.2f})"),
        (nir < 0.15 and nbr < -0.1, f"dark and dry, burnt-like (NBR {nbr:.2f})"),
        (ndvi >= 0.7, f"dense vegetation (NDVI {ndvi:.2f})"),
        (ndvi >= 0.5, f"moderate vegetation (NDVI {ndvi:.2f})"),
        (ndvi >= 0.3, f"sparse or dry vegetation (NDVI {ndvi:.2f})"),
        (ndvi < 0.3, f"bare, rock or built-up (NDVI {ndvi:.2f})"),
    )
    return next((phrase for holds, phrase in rules if holds), f"brightness {visible:.2f}")
