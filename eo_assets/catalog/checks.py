"""What is promised of each step's product: the checks, by name. Judged elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HAS_IMAGERY = "has_imagery"


@dataclass(frozen=True, kw_only=True)
class Check:
    """One promise.

    Attributes:
        name: Unique among the checks of a step.
        description: For people: what is looked at, and why it matters.
        blocking: A product that breaks it is kept, but no later step uses it.
    """

    name: str
    description: str
    blocking: bool = False


CHECKS: Mapping[str, tuple[Check, ...]] = {
    "mosaic": (
        Check(
            name=HAS_IMAGERY,
            description="There is at least one usable pixel. A warning, with the reason, for days "
            "without a scene or without a gap in the clouds.",
        ),
        Check(
            name="completeness",
            description="Pixels missing because files could not be read stay within the failure "
            "budget. Cloud does not count: it is not missing.",
            blocking=True,
        ),
        Check(
            name="grid",
            description="CRS, corner, pixel size and shape are those of the region, and the pixels "
            "that have no place in its outline are the ones outside it.",
            blocking=True,
        ),
        Check(
            name="value_range",
            description="Hardly a pixel lies outside what the ground can reflect or emit; a lost "
            "or doubled scale factor puts most of them there.",
            blocking=True,
        ),
        Check(
            name="radiometry",
            description="Dark ground is dark, and not black: vegetation that reflects too much red "
            "still carries an offset, a land without light has lost it twice.",
            blocking=True,
        ),
    ),
    "geotiff": (
        Check(
            name="cloud_optimized",
            description="rio-cogeo finds a valid Cloud Optimized GeoTIFF with overviews.",
            blocking=True,
        ),
        Check(
            name="bands",
            description="Every band has its name, scale, offset and nodata value.",
            blocking=True,
        ),
        Check(
            name="bounds",
            description="CRS, corner, pixel size and shape are those of the region.",
            blocking=True,
        ),
    ),
    "clusters": (
        Check(
            name="class_stability",
            description="Most of the region falls into classes known from earlier dates. A warning "
            "when it does not: the ground has changed, or the picture has.",
        ),
    ),
}
"""The checks of each step that has any."""
