"""Which scenes there are: the search for the region and solar day, as found, unsigned.

Newest processing baseline of each acquisition; older versions and cloudy scenes are listed with the
reason. Everything downstream is computed from this snapshot, not from the live catalogue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from eo_assets.defs.steps import Step, Tools

if TYPE_CHECKING:
    from eo_assets.storage.partition import Partition
    from eo_assets.storage.store import Record


class StacItemsConfig(dg.Config):
    """What can be chosen when the asset is launched."""

    # a default that is a number is shown where people look for what they can choose
    max_cloud_cover_pct: float = Field(
        default=-1,
        ge=-1,
        le=100,
        description="Leave out scenes that state more cloud, per cent; -1 for what the region and "
        "the settings say, whichever is stricter.",
    )


def _make(partition: Partition, tools: Tools, config: StacItemsConfig) -> Record:
    from eo_assets.pipeline import stac_items

    limit = config.max_cloud_cover_pct
    if limit < 0:
        limit = tools.source.cloud_limit_pct(partition.region)
    return stac_items.materialise(
        stac_items.Search(
            catalog=tools.source.catalog,
            url=tools.source.url,
            lasting=tools.source.directory is None,
            partition=partition,
            max_cloud_cover_pct=limit,
        ),
        store=tools.store,
        runner=tools.runner(partition),
    )


STEP = Step(
    make=_make, kinds=frozenset({"stac", "dask"}), config=StacItemsConfig, reads_archive=True
)
