"""What people look at: pictures, numbers, and one self-contained HTML page.

True and false colour, NDVI, the class map with its legend, spectral signatures, silhouettes, the
elbow, scatter plots, and where the pixels came from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eo_assets.defs.steps import Step, Tools

if TYPE_CHECKING:
    from eo_assets.storage.partition import Partition
    from eo_assets.storage.store import Record


def _make(partition: Partition, tools: Tools, _config: None) -> Record:
    from eo_assets.pipeline import reports

    return reports.materialise(partition, store=tools.store, runner=tools.runner(partition))


STEP = Step(
    make=_make,
    deps=("mosaic", "geotiff", "clusters"),
    kinds=frozenset({"matplotlib", "html", "dask"}),
)
