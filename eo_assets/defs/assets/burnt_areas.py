"""Burnt areas of a year by severity and protected site: the burn ratio of two seasons a year apart.

What burnt since the same season of the year before. GeoTIFFs of severity classes and of dNBR, RBR
and RdNBR, burnt patches as polygons, hectares of each protected site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from eo_assets.defs.polygon_folders import site_folder
from eo_assets.defs.steps import Step, Tools

if TYPE_CHECKING:
    from eo_assets.storage.partition import Partition
    from eo_assets.storage.store import Record


class BurntAreasConfig(dg.Config):
    """What can be chosen when the asset is launched."""

    season: str = Field(
        default="07-01..08-31",
        description="First and last day, MM-DD..MM-DD, of the season that is compared with the "
        "same one a year before. Best after most fires, when vegetation is still green.",
    )
    min_patch_ha: float = Field(
        default=1.0, ge=0, description="Minimum mapping unit: smaller patches are left out."
    )
    vegetated_ndvi: float = Field(
        default=0.3, ge=-1, le=1, description="Least NDVI before of what can burn."
    )
    remove_offset: bool = Field(
        default=True, description="Take off the median dNBR of unchanged vegetation."
    )


def _make(partition: Partition, tools: Tools, config: BurntAreasConfig) -> Record:
    from eo_assets.pipeline import burnt_areas
    from eo_assets.pipeline.burn_making import BurntAreaOptions

    return burnt_areas.materialise(
        partition,
        source=burnt_areas.BurnSource(
            catalog=tools.source.catalog,
            url=tools.source.url,
            sites=site_folder(tools),
            failure_budget=tools.defaults.failure_budget,
            max_cloud_pct=tools.source.cloud_limit_pct(partition.region),
        ),
        store=tools.store,
        runner=tools.runner(partition),
        options=BurntAreaOptions(
            season=config.season,
            min_patch_ha=config.min_patch_ha,
            vegetated_ndvi=config.vegetated_ndvi,
            remove_offset=config.remove_offset,
        ),
        block_px=tools.defaults.block_px,
    )


STEP = Step(
    make=_make,
    kinds=frozenset({"geotiff", "parquet", "dask"}),
    config=BurntAreasConfig,
    group="fires",
    reads_archive=True,
    yearly=True,
)
