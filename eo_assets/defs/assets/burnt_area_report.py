"""Burnt areas over the years: protected sites by year and severity, repeat burns, maps, one page.

From the maps of all years there are; nothing is searched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eo_assets.defs.polygon_folders import site_folder
from eo_assets.defs.steps import Step, Tools

if TYPE_CHECKING:
    from eo_assets.storage.partition import WholeRegion
    from eo_assets.storage.store import Record


def _make(subject: WholeRegion, tools: Tools, _config: None) -> Record:
    from eo_assets.pipeline import burnt_area_report

    return burnt_area_report.materialise(
        subject, sites=site_folder(tools), store=tools.store, runner=tools.runner(subject)
    )


STEP = Step(
    make=_make,
    deps=("burnt_areas",),
    kinds=frozenset({"geotiff", "html", "parquet"}),
    group="fires",
    whole_region=True,
)
