"""Segments: pieces of ground whose pixels resemble one another, as polygons with their measures.

Found tile by tile on the cluster and joined across the edges of tiles; the same whatever the blocks
and workers. A GeoParquet of polygons, a GeoTIFF of their numbers, a preview.
"""

from typing import Any

import dagster as dg
from pydantic import Field

from eo_assets.defs.dask_cluster import DaskCluster
from eo_assets.defs.product_store import ProductStore
from eo_assets.defs.source import SceneSource
from eo_assets.defs.steps import StepDefaults, run_step


class SegmentsConfig(dg.Config):
    """What can be chosen when the asset is launched."""

    method: str = Field(default="slic", description="slic, felzenszwalb or watershed.")
    size_ha: float = Field(default=1.0, description="Wanted area of a segment, hectares.")
    bands: list[str] = Field(
        default_factory=list,
        description="Bands to look at; empty for blue, green, red, near and short-wave infrared.",
    )


def build(defaults: StepDefaults) -> dg.AssetsDefinition:
    """Build the asset."""

    @dg.asset(
        name="segments",
        deps=["mosaic"],
        **defaults.of_asset(
            kinds={"scikitimage", "geoparquet", "dask"}, doc=__doc__ or "", group="segments"
        ),
    )
    def segments(
        context: dg.AssetExecutionContext,
        config: SegmentsConfig,
        source: SceneSource,
        products: ProductStore,
        dask: DaskCluster,
    ) -> dg.MaterializeResult[Any]:
        from eo_assets.pipeline import segments as step

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
                options=step.SegmentOptions(
                    method=config.method, size_ha=config.size_ha, bands=tuple(config.bands)
                ),
            ),
        )

    return segments
