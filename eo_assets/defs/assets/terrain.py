"""Heights, slope, aspect, shade and contours of a region, from the Copernicus elevation model.

For the region as a whole, not for a date. Where the catalogue has no tile the height is unknown and
the tile is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import dagster as dg
from pydantic import Field

from eo_assets.defs.steps import Step, Tools

if TYPE_CHECKING:
    from eo_assets.catalog.regions import Region
    from eo_assets.storage.partition import WholeRegion
    from eo_assets.storage.store import Record


class TerrainConfig(dg.Config):
    """What can be chosen when the asset is launched."""

    contour_interval_m: float = Field(
        default=50.0, ge=1, description="Difference in height between contours, metres."
    )
    multidirectional: bool = Field(
        default=True, description="Shade under four lights instead of one from the north-west."
    )
    missing_tiles: Literal["unknown", "sea"] = Field(
        default="unknown",
        description="What a square of one degree without a tile is: unknown, or sea at height 0.",
    )


def _make(subject: WholeRegion, tools: Tools, config: TerrainConfig) -> Record:
    from eo_assets.pipeline import terrain

    return terrain.materialise(
        subject,
        catalog=tools.source.catalog,
        url=tools.source.url,
        store=tools.store,
        runner=tools.runner(subject),
        options=terrain.TerrainOptions(
            contour_interval_m=config.contour_interval_m,
            multidirectional=config.multidirectional,
            missing_tiles=config.missing_tiles,
        ),
        block_px=tools.defaults.block_px,
    )


def _on_elevation(region: Region) -> Region:
    from eo_assets.pipeline.terrain import on_elevation

    return on_elevation(region)


STEP = Step(
    make=_make,
    kinds=frozenset({"geotiff", "parquet", "dask"}),
    config=TerrainConfig,
    group="terrain",
    reads_archive=True,
    whole_region=True,
    choose=_on_elevation,
)
