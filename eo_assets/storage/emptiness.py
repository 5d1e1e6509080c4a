"""Why products may be empty, in words; an empty product is a result and no failure."""

from __future__ import annotations

_REASONS = {
    "no_scene": (
        "No satellite scene covers the region on this date.",
        "Nothing to do; if scenes are published later, materialise the date again.",
    ),
    "all_too_cloudy": (
        "Every scene of this date is cloudier than the region allows.",
        "Nothing to do; or launch stac_items with a higher max_cloud_cover_pct.",
    ),
    "all_cloud": (
        "Cloud, shadow or snow hides the whole region on this date.",
        "Nothing to do; weekly or monthly partitions combine several dates.",
    ),
    "outside_swath": (
        "The scenes of this date do not reach the region.",
        "Nothing to do; the satellite passed beside it.",
    ),
    "no_reflectance": (
        "The collection measures something other than reflected light: no classes.",
        "Nothing to do.",
    ),
    "no_complete_pixel": (
        "No pixel of this date has an observation in all bands that are looked at.",
        "Nothing to do; or choose other bands.",
    ),
    "no_training_pixels": (
        "Clouds leave fewer than two classes with training polygons in sight.",
        "Nothing to do; or draw polygons elsewhere.",
    ),
    "season_without_scene": (
        "This year's season, or the same of the year before, has no scene.",
        "Nothing to do; or choose a longer season.",
    ),
    "never_seen_twice": (
        "No place was seen in the season both of this year and of the year before.",
        "Choose a longer season, or wait for more scenes.",
    ),
    "too_few_pixels": (
        "Too few usable pixels to form classes; pictures show what there is.",
        "Nothing to do.",
    ),
}


def reason(empty: str | None) -> str:
    """Say why a product is empty; an unknown reason is given as it is, None is no reason."""
    if empty is None:
        return ""
    if empty in _REASONS:
        return _REASONS[empty][0]
    return f"There is nothing to show: {empty.replace('_', ' ')}."


def remedy(empty: str) -> str:
    """Say what can be done about an empty product."""
    return _REASONS[empty][1] if empty in _REASONS else ""
