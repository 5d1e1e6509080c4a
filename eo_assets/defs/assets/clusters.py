"""Classes of similar reflectance: a map with colours, their signatures, the fitted model.

Fitted on a sample of the mosaic's pixels and applied block by block on the cluster. Class ids are
ordered by greenness; a class's name is a hint from its spectrum, not a land-cover label.
"""

from typing import Any

import dagster as dg
from pydantic import Field

from eo_assets.defs.dask_cluster import DaskCluster
from eo_assets.defs.product_store import ProductStore
from eo_assets.defs.source import SceneSource
from eo_assets.defs.steps import StepDefaults, run_step


class ClustersConfig(dg.Config):
    """What can be chosen when the asset is launched."""

    clusters: int = Field(
        default=0,
        description="Number of classes; 0 for the region's own number, -1 for the one a scan of "
        "2 to 14 suggests.",
    )
    method: str = Field(default="minibatch_kmeans", description="Clustering method.")
    features: list[str] = Field(
        default_factory=list, description="Bands to look at; empty for every reflectance band."
    )
    seed: int = Field(default=0, description="Seed of every random choice.")


def build(defaults: StepDefaults) -> dg.AssetsDefinition:
    """Build the asset."""

    @dg.asset(
        name="clusters",
        deps=["mosaic"],
        **defaults.of_asset(kinds={"scikitlearn", "geotiff", "dask"}, doc=__doc__ or ""),
    )
    def clusters(
        context: dg.AssetExecutionContext,
        config: ClustersConfig,
        source: SceneSource,
        products: ProductStore,
        dask: DaskCluster,
    ) -> dg.MaterializeResult[Any]:
        from eo_assets.pipeline import clusters as step

        def number(own: int | None) -> int | None:
            if config.clusters < 0:
                return None
            return config.clusters or own or defaults.clusters

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
                options=step.ClusterOptions(
                    method=config.method,
                    n_clusters=number(partition.region.clusters),
                    features=tuple(config.features),
                    seed=config.seed,
                ),
            ),
        )

    return clusters
