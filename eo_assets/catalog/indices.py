"""Spectral indices: records with a formula, the bands it needs and where it comes from.

Formulas take surface reflectance (float, 1 = 100 %); digital numbers give wrong results wherever
an offset is involved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eo_assets.errors import ConfigurationError, UnknownNameError

Reflectance = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Index:
    """A spectral index.

    Attributes:
        name: Short name: ``ndvi``.
        title: For people.
        bands: Common names of the bands it takes, in the order of the formula. A name may offer
            alternatives, best first: ``nir08|nir``.
        formula: Takes one array a band, gives the index.
        limits: Range for pictures and histograms.
        reference: Source of the formula.
    """

    name: str
    title: str
    bands: tuple[str, ...]
    formula: Callable[..., Reflectance]
    limits: tuple[float, float] = (-1.0, 1.0)
    reference: str

    def bands_in(self, available: Mapping[str, object] | tuple[str, ...]) -> tuple[str, ...]:
        """Choose the bands to compute this index from.

        Args:
            available: Names of the bands at hand.

        Returns:
            One name a term of the formula.

        Raises:
            ConfigurationError: A band is missing.
        """
        chosen = []
        for term in self.bands:
            alternatives = term.split("|")
            name = next((name for name in alternatives if name in available), None)
            if name is None:
                raise ConfigurationError(
                    f"{self.title} needs the band {' or '.join(alternatives)}; "
                    f"there are {', '.join(available)}.",
                    "Add the band to the region's bands.",
                )
            chosen.append(name)
        return tuple(chosen)

    def compute(self, bands: Mapping[str, npt.NDArray[Any]]) -> Reflectance:
        """Compute the index.

        Args:
            bands: Surface reflectance by common name, float, any common shape; NaN where invalid.

        Returns:
            The index, float32, in the shape of the bands; NaN where an input is NaN or the
            formula divides by zero.

        Raises:
            ConfigurationError: A band is missing.
        """
        terms = [np.asarray(bands[name], np.float32) for name in self.bands_in(tuple(bands))]
        with np.errstate(divide="ignore", invalid="ignore"):
            result = self.formula(*terms)
        return np.where(np.isfinite(result), result, np.float32(np.nan)).astype(np.float32)


def _normalised_difference(a: Reflectance, b: Reflectance) -> Reflectance:
    return (a - b) / (a + b)


def _evi(nir: Reflectance, red: Reflectance, blue: Reflectance) -> Reflectance:
    # the denominator nears zero over cloud and snow: out of range there
    evi: Reflectance = np.clip(2.5 * (nir - red) / (nir + 6 * red - 7.5 * blue + 1), -1, 1)
    return evi


def _savi(nir: Reflectance, red: Reflectance) -> Reflectance:
    return 1.5 * (nir - red) / (nir + red + 0.5)


def _bsi(swir16: Reflectance, red: Reflectance, nir: Reflectance, blue: Reflectance) -> Reflectance:
    return ((swir16 + red) - (nir + blue)) / ((swir16 + red) + (nir + blue))


INDICES: dict[str, Index] = {
    index.name: index
    for index in (
        Index(
            name="ndvi",
            title="Normalised difference vegetation index",
            bands=("nir|nir08", "red"),
            formula=_normalised_difference,
            reference="Rouse et al. 1974, NASA ntrs 19740022614",
        ),
        Index(
            name="evi",
            title="Enhanced vegetation index",
            bands=("nir|nir08", "red", "blue"),
            formula=_evi,
            reference="Huete et al. 1997, doi:10.1016/S0034-4257(96)00112-5",
        ),
        Index(
            name="savi",
            title="Soil-adjusted vegetation index, L = 0.5",
            bands=("nir|nir08", "red"),
            formula=_savi,
            reference="Huete 1988, doi:10.1016/0034-4257(88)90106-X",
        ),
        Index(
            name="ndwi",
            title="Normalised difference water index (McFeeters)",
            bands=("green", "nir|nir08"),
            formula=_normalised_difference,
            reference="McFeeters 1996, doi:10.1080/01431169608948714",
        ),
        Index(
            name="ndmi",
            title="Normalised difference moisture index",
            bands=("nir08|nir", "swir16"),
            formula=_normalised_difference,
            reference="Wilson and Sader 2002, doi:10.1016/S0034-4257(01)00318-2",
        ),
        Index(
            name="nbr",
            title="Normalised burn ratio",
            bands=("nir08|nir", "swir22"),
            formula=_normalised_difference,
            reference="Key and Benson 2006, doi:10.2737/RMRS-GTR-164",
        ),
        Index(
            name="ndsi",
            title="Normalised difference snow index",
            bands=("green", "swir16"),
            formula=_normalised_difference,
            reference="Riggs et al. 1994, doi:10.1109/IGARSS.1994.399618",
        ),
        Index(
            name="bsi",
            title="Bare soil index",
            bands=("swir16", "red", "nir|nir08", "blue"),
            formula=_bsi,
            reference="Rikimaru et al. 2002, Tropical Ecology 43:39-47",
        ),
    )
}


def get_index(name: str) -> Index:
    """Look up a spectral index.

    Raises:
        UnknownNameError: There is no index of that name.
    """
    try:
        return INDICES[name]
    except KeyError:
        raise UnknownNameError(
            f"Index {name!r} is not known.", f"Use one of: {', '.join(INDICES)}."
        ) from None
