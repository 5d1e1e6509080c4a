"""The mosaic as a multi-band Cloud Optimized GeoTIFF with a STAC item.

Bands named by STAC common name, scale, nodata, overviews and statistics set; the item is written
last, so that a file is there once its item is.
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
        name="geotiff",
        deps=["mosaic"],
        **defaults.of_asset(kinds={"geotiff", "dask"}, doc=__doc__ or ""),
    )
    def geotiff(
        context: dg.AssetExecutionContext,
        source: SceneSource,
        products: ProductStore,
        dask: DaskCluster,
    ) -> dg.MaterializeResult[Any]:
        from eo_assets.pipeline import geotiff as step

        return run_step(
            context,
            defaults,
            source=source,
            products=products,
            dask=dask,
            make=lambda partition, runner: step.materialise(
                partition, store=products.store, runner=runner
            ),
        )

    return geotiff
