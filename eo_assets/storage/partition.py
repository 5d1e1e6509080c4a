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
