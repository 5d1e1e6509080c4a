"""Whether a region has recent imagery: by its own dates, not by when something was last run."""

from __future__ import annotations

import datetime as dt

from eo_assets.catalog.regions import Region
from eo_assets.storage.partition import Cadence, Partition
from eo_assets.storage.store import Store
from eo_assets.storage.verdicts import Verdict


def last_imagery(store: Store, region: Region, cadence: Cadence) -> dt.date | None:
    """Give the last day covered by a mosaic of the region with a usable pixel.

    Args:
        store: Where mosaics are.
        region: The region.
        cadence: Period of one partition.

    Returns:
        The day, or None without such a mosaic.

    Raises:
        StaleArtifactError: A mosaic was written by an incompatible version.
    """
    for date in sorted(store.dates(region, "mosaic"), reverse=True):
        partition = Partition(region, date, cadence)
        record = store.read_record(partition, "mosaic")
        if not (record.empty or record.rejections):
            return partition.last_date
    return None


def judge_freshness(region: Region, last: dt.date | None, today: dt.date) -> Verdict:
    """Judge how old a region's last imagery is.

    Args:
        region: The region; it says what is fresh.
        last: Day of its last imagery, None without any.
        today: The day to judge on.

    Returns:
        The verdict; a failure is a warning.
    """
    limit = region.fresh_within_days
    numbers: dict[str, float | int | str] = {"region": region.id, "limit_days": limit}
    advice = (
        "Is the sensor of the region on, has it failed, or was every day cloudy? The days since "
        "are on the mosaic's page; materialise those that are missing."
    )
    if last is None:
        text = f"{region.title} has no imagery yet. {advice}"
        return Verdict(check="", passed=False, warning=True, text=text, numbers=numbers)
    age = max((today - last).days, 0)
    numbers |= {"last_imagery": str(last), "age_days": age}
    passed = age <= limit
    text = f"The last imagery of {region.title} is of {last}, {age} days ago"
    text += "." if passed else f"; at most {limit} were expected. {advice}"
    return Verdict(check="", passed=passed, warning=True, text=text, numbers=numbers)
