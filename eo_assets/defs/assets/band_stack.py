"""How the pixels will be computed: the virtual cube on the region's grid, no pixel read yet.

The header of every file is probed: it exists, it can be read, its grid, data type, blocks and
overviews. A file that cannot be used is named.
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
        name="band_stack",
        deps=["stac_items"],
        **defaults.of_asset(kinds={"xarray", "dask"}, doc=__doc__ or ""),
    )
    def band_stack(
        context: dg.AssetExecutionContext,
        source: SceneSource,
        products: ProductStore,
        dask: DaskCluster,
    ) -> dg.MaterializeResult[Any]:
        from eo_assets.pipeline import band_stack as step

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
            ),
        )

    return band_stack
