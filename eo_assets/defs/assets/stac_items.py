"""Which scenes there are: the search for the region and solar day, as found, unsigned.

Newest processing baseline of each acquisition; older versions and cloudy scenes are listed with the
reason. Everything downstream is computed from this snapshot, not from the live catalogue.
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
        name="stac_items",
        **defaults.of_asset(kinds={"stac", "dask"}, doc=__doc__ or "", archive=True),
    )
    def stac_items(
        context: dg.AssetExecutionContext,
        source: SceneSource,
        products: ProductStore,
        dask: DaskCluster,
    ) -> dg.MaterializeResult[Any]:
        from eo_assets.pipeline import stac_items as step

        return run_step(
            context,
            defaults,
            source=source,
            products=products,
            dask=dask,
            make=lambda partition, runner: step.materialise(
                step.Search(
                    catalog=source.catalog,
                    url=source.url,
                    lasting=source.directory is None,
                    partition=partition,
                    max_cloud_cover_pct=source.cloud_limit_pct(partition.region),
                ),
                store=products.store,
                runner=runner,
            ),
        )

    return stac_items
