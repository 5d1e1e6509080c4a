"""The mosaic as a multi-band Cloud Optimized GeoTIFF with a STAC item.

Bands named by STAC common name, scale, nodata, overviews and statistics set; the item is written
last, so that a file is there once its item is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eo_assets.defs.steps import Step, Tools

if TYPE_CHECKING:
    from eo_assets.storage.partition import Partition
    from eo_assets.storage.store import Record


def _make(partition: Partition, tools: Tools, _config: None) -> Record:
    from eo_assets.pipeline import geotiff

    return geotiff.materialise(partition, store=tools.store, runner=tools.runner(partition))


STEP = Step(make=_make, deps=("mosaic",), kinds=frozenset({"geotiff", "dask"}))
