"""Segments: pieces of ground whose pixels resemble one another, as polygons with their measures.

Found tile by tile on the cluster and joined across the edges of tiles; the same whatever the blocks
and workers. A GeoParquet of polygons, a GeoTIFF of their numbers, a preview.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from eo_assets.defs.steps import Step, Tools

if TYPE_CHECKING:
    from eo_assets.storage.partition import Partition
    from eo_assets.storage.store import Record


class SegmentsConfig(dg.Config):
    """What can be chosen when the asset is launched."""

    method: str = Field(default="slic", description="slic, felzenszwalb or watershed.")
    size_ha: float = Field(default=1.0, description="Wanted area of a segment, hectares.")
    bands: list[str] = Field(
        default_factory=list,
        description="Bands to look at; empty for blue, green, red, near and short-wave infrared.",
    )


def _make(partition: Partition, tools: Tools, config: SegmentsConfig) -> Record:
    from eo_assets.pipeline import segments

    return segments.materialise(
        partition,
        store=tools.store,
        runner=tools.runner(partition),
        options=segments.SegmentOptions(
            method=config.method, size_ha=config.size_ha, bands=tuple(config.bands)
        ),
    )


STEP = Step(
    make=_make,
    deps=("mosaic",),
    kinds=frozenset({"scikitimage", "geoparquet", "dask"}),
    config=SegmentsConfig,
    group="segments",
)
