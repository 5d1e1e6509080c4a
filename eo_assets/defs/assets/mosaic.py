"""The seamless, cloud-masked surface reflectance of the region, with its observation count.

Dask workers evaluate the virtual cube block by block and write a chunked Zarr: one variable a band,
and for each pixel how often it was seen, which scene it is from, and why it has no value.
"""

from typing import Any

import dagster as dg

from eo_assets.defs.dask_cluster import DaskCluster
from eo_assets.defs.product_store import ProductStore
from eo_assets.defs.source import SceneSource
from eo_assets.defs.steps import StepDefaults, run_step


def build(defaults: StepDefaults) -> dg.AssetsDefinition:
    """Build the asset."""

    @dg.asset(
        name="mosaic",
        deps=["band_stack"],
        **defaults.of_asset(kinds={"zarr", "dask"}, doc=__doc__ or "", archive=True),
    )
    def mosaic(
        context: dg.AssetExecutionContext,
        source: SceneSource,
        products: ProductStore,
        dask: DaskCluster,
    ) -> dg.MaterializeResult[Any]:
        from eo_assets.pipeline import mosaic as step

        return run_step(
            context,
            defaults,
            source=source,
            products=products,
            dask=dask,
            make=lambda partition, runner: step.materialise(
                partition,
                store=products.store,
                runner=runner,
                failure_budget=defaults.failure_budget,
                block_px=defaults.block_px,
            ),
        )

    return mosaic
