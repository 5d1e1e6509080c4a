"""The seamless, cloud-masked surface reflectance of the region, with its observation count.

Dask workers evaluate the virtual cube block by block and write a chunked Zarr: one variable a band,
and for each pixel how often it was seen, which scene it is from, and why it has no value.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eo_assets.defs.steps import Step, Tools

if TYPE_CHECKING:
    from eo_assets.storage.partition import Partition
    from eo_assets.storage.store import Record


def _make(partition: Partition, tools: Tools, _config: None) -> Record:
    from eo_assets.pipeline import mosaic

    return mosaic.materialise(
        partition,
        store=tools.store,
        runner=tools.runner(partition),
        failure_budget=tools.defaults.failure_budget,
        block_px=tools.defaults.block_px,
    )


STEP = Step(make=_make, deps=("band_stack",), kinds=frozenset({"zarr", "dask"}), reads_archive=True)
