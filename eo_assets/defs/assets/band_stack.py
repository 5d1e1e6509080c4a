"""How the pixels will be computed: the virtual cube on the region's grid, no pixel read yet.

The header of every file is probed: it exists, it can be read, its grid, data type, blocks and
overviews. A file that cannot be used is named.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import dagster as dg
from pydantic import Field

from eo_assets.defs.steps import Step, Tools

if TYPE_CHECKING:
    from eo_assets.storage.partition import Partition
    from eo_assets.storage.store import Record


class BandStackConfig(dg.Config):
    """What can be chosen when the asset is launched."""

    composite: Literal["default", "first", "median", "medoid", "geomedian", "max_ndvi"] = Field(
        default="default",
        description="How several observations of a pixel become one; by default as the region "
        "or else the settings say. The mosaic and all that follows is computed this way.",
    )


def _make(partition: Partition, tools: Tools, config: BandStackConfig) -> Record:
    from eo_assets.pipeline import band_stack

    chosen = None if config.composite == "default" else config.composite
    return band_stack.materialise(
        partition,
        store=tools.store,
        runner=tools.runner(partition),
        failure_budget=tools.defaults.failure_budget,
        composite=chosen or partition.region.composite or tools.defaults.composite,
    )


STEP = Step(
    make=_make,
    deps=("stac_items",),
    kinds=frozenset({"xarray", "dask"}),
    config=BandStackConfig,
    reads_archive=True,
)
