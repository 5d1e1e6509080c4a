"""What a run is about, as tags: runs are found by region, date and collection in the UI."""

from __future__ import annotations

from collections.abc import Iterable

import dagster as dg

from eo_assets.storage.partition import Subject

PREFIX = "eo_assets/"


def run_tags(subjects: Iterable[Subject]) -> dict[str, str]:
    """Name what a run is about.

    Args:
        subjects: What its partitions stand for.

    Returns:
        Tags: regions and collections, comma-separated, and the date or the first and last.
    """
    subjects = list(subjects)
    periods = sorted({subject.period for subject in subjects})
    period = periods[0] if len(periods) == 1 else f"{periods[0]}..{periods[-1]}"
    return {
        f"{PREFIX}region": _names(subject.region.id for subject in subjects),
        f"{PREFIX}date": period,
        f"{PREFIX}collection": _names(subject.region.collection for subject in subjects),
    }


def tag_run(context: dg.AssetExecutionContext, subjects: Iterable[Subject]) -> None:
    """Tag a run that somebody else launched: the UI, a sensor, a backfill.

    Args:
        context: Of the running asset.
        subjects: What its partitions stand for.
    """
    if f"{PREFIX}date" not in context.run.tags:
        context.instance.add_run_tags(context.run.run_id, run_tags(subjects))


def _names(names: Iterable[str]) -> str:
    return ",".join(sorted(set(names)))
