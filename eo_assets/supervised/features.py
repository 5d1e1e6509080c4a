"""What classifiers look at: bands and spectral indices of a pixel, by name and in a fixed order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from eo_assets.catalog.indices import INDICES
from eo_assets.errors import ConfigurationError
from eo_assets.supervised.method import Features

DEFAULT_INDICES = ("ndvi", "ndwi", "ndmi", "nbr", "bsi")


def feature_names(bands: Sequence[str], chosen: Sequence[str] = ()) -> tuple[str, ...]:
    """Choose features.

    Args:
        bands: Names of the bands at hand.
        chosen: Names of bands and indices; empty for all bands and the usual indices they allow.

    Returns:
        The names, each once.

    Raises:
        ConfigurationError: A name is neither a band at hand nor an index they allow.
    """
    known = (*bands, *(name for name in INDICES if _computable(name, bands)))
    missing = [name for name in chosen if name not in known]
    if missing:
        raise ConfigurationError(
            f"There is no feature {', '.join(missing)}; there are {', '.join(known)}.",
            "Choose among them, or add a band to the region.",
        )
    usual = (*bands, *(name for name in DEFAULT_INDICES if name in known))
    return tuple(dict.fromkeys(chosen or usual))


def _computable(index: str, bands: Sequence[str]) -> bool:
    return all(any(band in bands for band in term.split("|")) for term in INDICES[index].bands)


def features_of(
    reflectance: Mapping[str, npt.NDArray[np.float32]], names: Sequence[str]
) -> Features:
    """Compute features.

    Args:
        reflectance: By band name, of any one shape; finite.
        names: Bands and indices.

    Returns:
        ``(pixel, feature)``, float32, the pixels in row-major order; an index that would divide by
        zero is 0.
    """
    columns = [
        np.nan_to_num(INDICES[name].compute(reflectance), nan=0.0)
        if name in INDICES
        else reflectance[name]
        for name in names
    ]
    return np.stack([np.asarray(c, np.float32).reshape(-1) for c in columns], axis=1)
