"""A region over time: classes by area, NDVI with its gaps and their reasons, how much was seen.

From the records and tables of all dates there are, no pixels; one self-contained page that leads to
the report of each date, and the numbers as Parquet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from eo_assets.defs.steps import Step, Tools

if TYPE_CHECKING:
    from eo_assets.storage.partition import WholeRegion
    from eo_assets.storage.store import Record


class RegionReportConfig(dg.Config):
    """What can be chosen when the asset is launched."""

    first_date: str = Field(default="", description="First date, YYYY-MM-DD; empty for all.")
    last_date: str = Field(default="", description="Last date, YYYY-MM-DD; empty for all.")


def _make(subject: WholeRegion, tools: Tools, config: RegionReportConfig) -> Record:
    from eo_assets.pipeline import region_report
    from eo_assets.pipeline.cluster_options import date_named

    return region_report.materialise(
        subject,
        store=tools.store,
        runner=tools.runner(subject),
        options=region_report.RegionReportOptions(
            first=date_named(config.first_date), last=date_named(config.last_date)
        ),
    )


STEP = Step(
    make=_make,
    deps=("mosaic", "clusters", "reports"),
    kinds=frozenset({"matplotlib", "html", "parquet"}),
    config=RegionReportConfig,
    group="scenes_over_time",
    whole_region=True,
)
