"""What one product is about: a region on a date."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from eo_assets.catalog.regions import Region


@dataclass(frozen=True)
class Partition:
    """A region on a solar day.

    Attributes:
        region: The region, its collection included.
        date: Local solar day at the region's centre.
    """

    region: Region
    date: dt.date

    @property
    def key(self) -> str:
        """How people and Dagster name it: ``2023-07-16|bucegi``."""
        return f"{self.date}|{self.region.id}"

    def __str__(self) -> str:
        return f"{self.region.id} ({self.region.collection}) on {self.date}"
