"""What people look at: pictures, numbers, and one self-contained HTML page.

True and false colour, NDVI, the class map with its legend, spectral signatures, silhouettes, the
elbow, scatter plots, and where the pixels came from.
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
        name="reports",
        deps=["mosaic", "geotiff", "clusters"],
        **defaults.of_asset(kinds={"matplotlib", "html", "dask"}, doc=__doc__ or ""),
    )
    def reports(
        context: dg.AssetExecutionContext,
        source: SceneSource,
        products: ProductStore,
        dask: DaskCluster,
    ) -> dg.MaterializeResult[Any]:
        from eo_assets.pipeline import reports as step

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

    return reports
