"""How the pixels will be computed: the virtual cube on the region's grid, no pixel read yet.

The header of every file is probed: it exists, it can be read, its grid, data type, blocks and
overviews. A file that cannot be used is named.
"""

from typing import TYPE_CHECKING, Any, Literal

import dagster as dg
from pydantic import Field

from eo_assets.defs.dask_cluster import DaskCluster
from eo_assets.defs.product_store import ProductStore
from eo_assets.defs.source import SceneSource
from eo_assets.defs.steps import StepDefaults, run_step

if TYPE_CHECKING:
    from eo_assets.catalog.regions import Region
    from eo_assets.cube.graph import CompositeMethod


class BandStackConfig(dg.Config):
    """What can be chosen when the asset is launched."""

    composite: Literal["default", "first", "median", "medoid", "geomedian", "max_ndvi"] = Field(
        default="default",
        description="How several observations of a pixel become one; by default as the region "
        "or else the settings say.",
    )


def build(defaults: StepDefaults) -> dg.AssetsDefinition:
    """Build the asset."""

    @dg.asset(
        name="band_stack",
        deps=["stac_items"],
        **defaults.of_asset(kinds={"xarray", "dask"}, doc=__doc__ or "", archive=True),
    )
    def band_stack(
        context: dg.AssetExecutionContext,
        config: BandStackConfig,
        source: SceneSource,
        products: ProductStore,
        dask: DaskCluster,
    ) -> dg.MaterializeResult[Any]:
        from eo_assets.pipeline import band_stack as step

        def choose(region: "Region") -> "CompositeMethod":
            if config.composite != "default":
                return config.composite
            return region.composite or defaults.composite

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
                composite=choose(partition.region),
            ),
        )

    return band_stack
