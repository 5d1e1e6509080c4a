"""What one product is about: a region on a day, in a week or month, or at all times."""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass
from typing import Literal

from eo_assets.catalog.regions import Region

Cadence = Literal["daily", "weekly", "monthly", "yearly"]


def period_start(date: dt.date, cadence: Cadence) -> dt.date:
    """Give the first day of the partition a day belongs to.

    Args:
        date: Any day.
        cadence: Period of one partition.

    Returns:
        That day, its Monday, or the first of its month or year.
    """
    if cadence == "weekly":
        return date - dt.timedelta(days=date.weekday())
    if cadence == "yearly":
        return date.replace(month=1, day=1)
    return date.replace(day=1) if cadence == "monthly" else date


@dataclass(frozen=True)
class Partition:
    """A region and a period.

    Attributes:
        region: The region, its collection included.
        date: First local solar day at the region's centre.
        cadence: How long the period is: that day, seven days, the calendar month or year.
    """

    region: Region
    date: dt.date
    cadence: Cadence = "daily"

    @property
    def last_date(self) -> dt.date:
        """Last solar day of the period."""
        if self.cadence == "yearly":
            return self.date.replace(month=12, day=31)
        if self.cadence == "monthly":
            days = calendar.monthrange(self.date.year, self.date.month)[1]
            return self.date.replace(day=days)
        return self.date + dt.timedelta(days=6 if self.cadence == "weekly" else 0)

    @property
    def period(self) -> str:
        """Name of the period among the region's: ``2023-07-16``."""
        return str(self.date)

    @property
    def key(self) -> str:
        """How people and Dagster name it: ``2023-07-16|bucegi``."""
        return f"{self.date}|{self.region.id}"

    def product_name(self, product: str, *, crs: str, resolution_m: float) -> str:
        """Name a product's file, the same for the same partition.

        Args:
            product: What it is: ``reflectance``.
            crs: CRS of its grid: ``EPSG:32635``.
            resolution_m: Pixel size, metres.

        Returns:
            ``bucegi_sentinel-2-l2a_20230715_reflectance_10m_32635``.
        """
        epsg = crs.rpartition(":")[2]
        return (
            f"{self.region.id}_{self.region.collection}_{self.date:%Y%m%d}_{product}"
            f"_{resolution_m:g}m_{epsg}"
        )

    def __str__(self) -> str:
        return f"{self.region.id} ({self.region.collection}) on {self.date}"


@dataclass(frozen=True)
class WholeRegion:
    """A region at all times: for what no one date has, such as its terrain or its seasons.

    Attributes:
        region: The region, its collection included.
    """

    region: Region

    @property
    def period(self) -> str:
        """Stands where a date stands otherwise."""
        return "all"

    @property
    def key(self) -> str:
        """How people and Dagster name it: ``bucegi``."""
        return self.region.id

    def product_name(self, product: str, *, crs: str, resolution_m: float) -> str:
        """Name a product's file: ``bucegi_cop-dem-glo-30_terrain_30m_32635``."""
        epsg = crs.rpartition(":")[2]
        return f"{self.region.id}_{self.region.collection}_{product}_{resolution_m:g}m_{epsg}"

    def __str__(self) -> str:
        return f"{self.region.id} ({self.region.collection})"


Subject = Partition | WholeRegion
"""What a product may be about."""
