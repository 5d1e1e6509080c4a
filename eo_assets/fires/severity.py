"""How severely a place burnt: differences of the normalised burn ratio, and their classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ratio = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]

NODATA = 0
UNBURNT, NOT_VEGETATED = 3, 8


@dataclass(frozen=True)
class SeverityClass:
    """A class of burn severity.

    Attributes:
        code: Stored number.
        key: Name in tables and in STAC.
        title: For people.
        colour: ``#RRGGBB``; the order of severity is one of lightness too, so that it survives
            colour blindness and black-and-white print.
        burnt: Whether it counts as burnt.
    """

    code: int
    key: str
    title: str
    colour: str
    burnt: bool = False


CLASSES = (
    SeverityClass(1, "regrowth_high", "Regrowth, high", "#2B7BBA"),
    SeverityClass(2, "regrowth_low", "Regrowth, low", "#9CC9E8"),
    SeverityClass(UNBURNT, "unburnt", "Unburnt", "#EFEDE3"),
    SeverityClass(4, "low", "Low severity", "#F6D743", burnt=True),
    SeverityClass(5, "moderate_low", "Moderate-low", "#F28C28", burnt=True),
    SeverityClass(6, "moderate_high", "Moderate-high", "#C2363B", burnt=True),
    SeverityClass(7, "high", "High severity", "#57106E", burnt=True),
    SeverityClass(NOT_VEGETATED, "not_vegetated", "No vegetation before", "#AEB6A4"),
)
"""All classes, in the order of their codes; 0 is "not seen both before and after"."""

BURNT = tuple(one for one in CLASSES if one.burnt)

EDGES = (-0.25, -0.1, 0.1, 0.27, 0.44, 0.66)
"""dNBR at which the next class begins: Key and Benson 2006, FIREMON landscape assessment,
RMRS-GTR-164-CD, as the USGS uses them. Calibrated in forests of the western United States."""

UNCHANGED = 0.1
"""Vegetation whose dNBR is no farther from zero is taken for unchanged."""

_LEAST_NBR = 0.001


def dnbr(before: Ratio, after: Ratio) -> Ratio:
    """Difference of NBR, positive where vegetation was lost (Key and Benson 2006).

    Args:
        before: NBR before, any shape; NaN unknown.
        after: NBR after, same shape.
    """
    return before - after


def rbr(difference: Ratio, before: Ratio) -> Ratio:
    """Relativised burn ratio: dNBR for what there was to burn (Parks et al. 2014, RS 6:1827).

    Args:
        difference: dNBR.
        before: NBR before, in -1 to 1.
    """
    return difference / (before + np.float32(1.001))


def rdnbr(difference: Ratio, before: Ratio) -> Ratio:
    """Relative dNBR (Miller and Thode 2007, doi:10.1016/j.rse.2006.12.006), of NBR in -1 to 1.

    Args:
        difference: dNBR.
        before: NBR before; nearer to zero than 0.001 counts as that.
    """
    scale = np.sqrt(np.maximum(np.abs(before), np.float32(_LEAST_NBR)))
    return np.asarray(difference / scale, np.float32)


def severity(difference: Ratio, vegetated: npt.NDArray[np.bool_]) -> Codes:
    """Class each pixel by its dNBR.

    Args:
        difference: dNBR, offset removed; NaN unknown.
        vegetated: Whether there was vegetation before, same shape.

    Returns:
        Codes of ``CLASSES``; 0 where dNBR is unknown.
    """
    # decimal edges are not binary ones: 0.27 in float32 is to be "0.27 or more"
    codes = np.digitize(np.round(difference.astype(np.float64), 6), EDGES).astype(np.uint8) + 1
    codes[~vegetated] = NOT_VEGETATED
    codes[~np.isfinite(difference)] = NODATA
    return codes.astype(np.uint8)


def is_burnt(codes: Codes) -> npt.NDArray[np.bool_]:
    """Tell which pixels are of a class that counts as burnt."""
    return np.isin(codes, [one.code for one in BURNT])
