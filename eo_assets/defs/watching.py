"""What sensors are built with."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg

from eo_assets.defs.partitions import DATE
from eo_assets.storage.partition import Cadence

if TYPE_CHECKING:
    from eo_assets.catalog.regions import Region


@dataclass(frozen=True, kw_only=True)
class WatchDefaults:
    """What all sensors are built with.

    Attributes:
        partitions: Partitions of the assets.
        regions: The regions by id.
        cadence: See ``Settings``.
        ledger: File of what is known of scenes.
        enabled: Whether sensors run without being switched on.
        interval_s: Least time between two ticks, seconds.
        lookback_days: See ``Settings``.
        start_days: See ``Settings``.
        max_runs: See ``Settings``.
    """

    partitions: dg.MultiPartitionsDefinition
    regions: Mapping[str, Region]
    cadence: Cadence
    ledger: Path
    enabled: bool
    interval_s: int
    lookback_days: int
    start_days: int
    max_runs: int

    def has_partition(self, date: dt.date) -> bool:
        """Tell whether a day is the first one of a partition."""
        dates = self.partitions.get_partitions_def_for_dimension(DATE)
        return dates.has_partition_key(date.isoformat())
