"""NDVI of each parcel over the year: its curve, and when the season starts, peaks and ends.

From all dates that have a table; making it anew reads these small tables and no pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import dagster as dg
from pydantic import Field

from eo_assets.defs.polygon_folders import parcel_folder
from eo_assets.defs.steps import Step, Tools

if TYPE_CHECKING:
    from eo_assets.storage.partition import WholeRegion
    from eo_assets.storage.store import Record


class ParcelProfilesConfig(dg.Config):
    """What can be chosen when the asset is launched."""

    method: Literal["double_logistic", "whittaker"] = Field(
        default="double_logistic",
        description="How gaps are filled: a fitted season, or the smoothest curve.",
    )
    smoothness: float = Field(
        default=3000.0, gt=0, description="Of Whittaker's curve; more is stiffer."
    )
    threshold: float = Field(
        default=0.5,
        gt=0,
        lt=1,
        description="Share of the amplitude at which a season starts and ends.",
    )
    min_valid_fraction: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="A date on which less of a parcel was seen is left out of its curve.",
    )


def _make(subject: WholeRegion, tools: Tools, config: ParcelProfilesConfig) -> Record:
    from eo_assets.pipeline import parcel_profiles

    return parcel_profiles.materialise(
        subject,
        folder=parcel_folder(tools),
        store=tools.store,
        runner=tools.runner(subject),
        options=parcel_profiles.ProfileOptions(
            method=config.method,
            smoothness=config.smoothness,
            threshold=config.threshold,
            min_valid_fraction=config.min_valid_fraction,
        ),
    )


STEP = Step(
    make=_make,
    deps=("parcel_stats",),
    kinds=frozenset({"parquet", "matplotlib", "dask"}),
    config=ParcelProfilesConfig,
    group="parcels",
    whole_region=True,
)
