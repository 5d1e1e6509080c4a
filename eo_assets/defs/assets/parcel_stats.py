"""NDVI of each parcel on the date: mean, median, percentiles, spread, and how much of it was seen.

A table with a row for each parcel. Pixels count with the share of their area inside the parcel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from eo_assets.defs.polygon_folders import parcel_folder
from eo_assets.defs.steps import Step, Tools

if TYPE_CHECKING:
    from eo_assets.storage.partition import Partition
    from eo_assets.storage.store import Record


class ParcelStatsConfig(dg.Config):
    """What can be chosen when the asset is launched."""

    small_px: int = Field(
        default=5, ge=0, description="A parcel with fewer whole pixels is marked as small."
    )


def _make(partition: Partition, tools: Tools, config: ParcelStatsConfig) -> Record:
    from eo_assets.pipeline import parcel_stats

    return parcel_stats.materialise(
        partition,
        folder=parcel_folder(tools),
        store=tools.store,
        runner=tools.runner(partition),
        small_px=config.small_px,
    )


STEP = Step(
    make=_make,
    deps=("mosaic",),
    kinds=frozenset({"parquet", "dask"}),
    config=ParcelStatsConfig,
    group="parcels",
)
