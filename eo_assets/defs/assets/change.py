"""Change since an earlier date: the difference of an index, and what class became what.

The partition is the later date; the earlier one is chosen when the asset is launched, by default
the last before it that has an image. Two GeoTIFFs, a table and one self-contained page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from eo_assets.defs.steps import Step, Tools

if TYPE_CHECKING:
    from eo_assets.storage.partition import Partition
    from eo_assets.storage.store import Record


class ChangeConfig(dg.Config):
    """What can be chosen when the asset is launched."""

    earlier: str = Field(
        default="",
        description="Date to compare with, YYYY-MM-DD, its mosaic materialised before; empty for "
        "the last before the partition's that has an image.",
    )
    index: str = Field(default="ndvi", description="Index whose difference is mapped.")


def _make(partition: Partition, tools: Tools, config: ChangeConfig) -> Record:
    from eo_assets.pipeline import change
    from eo_assets.pipeline.cluster_options import date_named

    return change.materialise(
        partition,
        store=tools.store,
        runner=tools.runner(partition),
        options=change.ChangeOptions(earlier=date_named(config.earlier), index=config.index),
    )


STEP = Step(
    make=_make,
    deps=("mosaic", "clusters"),
    kinds=frozenset({"geotiff", "html", "dask"}),
    config=ChangeConfig,
    group="scenes_over_time",
)
