"""From a provider's digital numbers to physical values: rules as data.

A rule is keyed by provider × collection and decided by what the item itself states, above all
its processing baseline; never by a URL and never by the date. The table and its sources are
explained in ``docs/radiometry.md``.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from eo_assets.errors import SourceContractError


@dataclass(frozen=True, kw_only=True)
class Radiometry:
    """``value = dn * scale + offset`` for digital numbers in ``valid_min .. valid_max``.

    Attributes:
        scale: Value of one digital number.
        offset: Added after scaling, in the unit of the value.
        nodata: Digital number that means "no observation".
        valid_min: Smallest digital number that is physically valid.
        valid_max: Largest digital number that is physically valid; above lies saturation.
        reason: Why this offset was chosen, for people.
        doubtful: The item contradicts itself; its pixels have to be looked at.
    """

    scale: float
    offset: float
    nodata: int = 0
    valid_min: int = 1
    valid_max: int = 65534
    reason: str
    doubtful: bool = False


class RadiometryRule(Protocol):
    """Decides the radiometry of one band of one item."""

    def resolve(self, item_id: str, properties: Mapping[str, Any]) -> Radiometry:
        """Give the radiometry of an item with these ``properties``."""
        ...


def processing_baseline(item_id: str, properties: Mapping[str, Any]) -> float:
    """Read Sentinel-2's processing baseline.

    Args:
        item_id: Named in the error.
        properties: Of the STAC item.

    Returns:
        The baseline as a number: ``5.09``.

    Raises:
        SourceContractError: The item states none, or one that is not a number.
    """
    stated = properties.get("s2:processing_baseline")
    with contextlib.suppress(TypeError, ValueError):
        baseline = float(stated)  # type: ignore[arg-type]
        if math.isfinite(baseline):
            return baseline
    raise SourceContractError(
        f"Item {item_id} states s2:processing_baseline {stated!r}; a number such as '05.10' "
        "was expected, because the reflectance offset depends on it.",
        "Report the item to its provider, or exclude it.",
    )


@dataclass(frozen=True, kw_only=True)
class BaselineOffset:
    """Sentinel-2 as ESA publishes it: from a baseline on, digital numbers are shifted.

    ESA, processing baseline 04.00 (25 January 2022): ``L2A_BOA = (L2A_DN + BOA_ADD_OFFSET) /
    QUANTIFICATION_VALUE`` with ``BOA_ADD_OFFSET = -1000`` and ``QUANTIFICATION_VALUE = 10000``.

    Attributes:
        scale: Reflectance of one digital number.
        offset: Reflectance to add from ``since`` on.
        since: First baseline with the shift; a reprocessed older scene has a newer baseline.
    """

    scale: float = 0.0001
    offset: float = -0.1
    since: float = 4.0

    def resolve(self, item_id: str, properties: Mapping[str, Any]) -> Radiometry:
        """See ``RadiometryRule``.

        Raises:
            SourceContractError: The item states no baseline.
        """
        baseline = processing_baseline(item_id, properties)
        if baseline >= self.since:
            reason = f"baseline {baseline:05.2f}: digital numbers carry +1000"
            return Radiometry(scale=self.scale, offset=self.offset, reason=reason)
        reason = f"baseline {baseline:05.2f}: before 04.00, no shift"
        return Radiometry(scale=self.scale, offset=0.0, reason=reason)


@dataclass(frozen=True, kw_only=True)
class FlaggedOffset:
    """Earth Search's ``sentinel-2-l2a``: a flag says whether the shift was already removed.

    The item's ``raster:bands`` offset of -0.1 contradicts the flag; Element 84 states that the
    flag is right. Some items carry a wrong ``false``; those are marked doubtful.
    """

    scale: float = 0.0001
    offset: float = -0.1
    since: float = 4.0
    flag: str = "earthsearch:boa_offset_applied"

    def resolve(self, item_id: str, properties: Mapping[str, Any]) -> Radiometry:
        """See ``RadiometryRule``.

        Raises:
            SourceContractError: The item states no baseline and does not say that it is applied.
        """
        if properties.get(self.flag) is True:
            reason = f"{self.flag}: the provider has already removed the shift"
            return Radiometry(scale=self.scale, offset=0.0, reason=reason)
        baseline = processing_baseline(item_id, properties)
        if baseline < self.since:
            reason = f"baseline {baseline:05.2f}: before 04.00, no shift"
            return Radiometry(scale=self.scale, offset=0.0, reason=reason)
        reason = f"baseline {baseline:05.2f} and {self.flag} is not true: shift still in"
        return Radiometry(scale=self.scale, offset=self.offset, reason=reason, doubtful=True)


@dataclass(frozen=True, kw_only=True)
class FixedScale:
    """The same numbers for every item of a collection.

    Attributes:
        scale: Value of one digital number.
        offset: Added after scaling.
        valid_min: Smallest valid digital number.
        valid_max: Largest valid digital number.
        reason: Where the numbers come from.
    """

    scale: float
    offset: float
    valid_min: int
    valid_max: int
    reason: str

    def resolve(self, item_id: str, properties: Mapping[str, Any]) -> Radiometry:  # noqa: ARG002
        """See ``RadiometryRule``."""
        return Radiometry(
            scale=self.scale,
            offset=self.offset,
            valid_min=self.valid_min,
            valid_max=self.valid_max,
            reason=self.reason,
        )
