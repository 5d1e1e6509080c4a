"""Maps on request: true colour and other band combinations, spectral indices, surface temperature.

Computed from the stored mosaic, one task a map: Cloud Optimized GeoTIFFs with scale and nodata, a
picture of each, one STAC item. Indices come as numbers, band combinations as colours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from eo_assets.defs.steps import Step, Tools

if TYPE_CHECKING:
    from eo_assets.storage.partition import Partition
    from eo_assets.storage.store import Record


class IndexMapsConfig(dg.Config):
    """What can be chosen when the asset is launched."""

    maps: list[str] = Field(
        default_factory=lambda: ["true_colour", "false_colour", "ndvi"],
        description="Which: true_colour, false_colour, agriculture, swir, snow, temperature "
        "(Landsat), ndvi, evi, savi, ndwi, ndmi, nbr, ndsi, bsi; empty for all its bands allow.",
    )


def _make(partition: Partition, tools: Tools, config: IndexMapsConfig) -> Record:
    from eo_assets.pipeline import index_maps

    return index_maps.materialise(
        partition,
        store=tools.store,
        runner=tools.runner(partition),
        options=index_maps.MapOptions(maps=tuple(config.maps)),
    )


STEP = Step(
    make=_make,
    deps=("mosaic",),
    kinds=frozenset({"geotiff", "dask"}),
    config=IndexMapsConfig,
    group="maps",
)
