"""Classes of similar reflectance: a map with colours, their signatures, the fitted model.

Fitted on a sample of the mosaic's pixels and applied block by block on the cluster. Class ids are
ordered by greenness; a class's name is a hint from its spectrum, not a land-cover label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg
from pydantic import Field

from eo_assets.defs.steps import Step, Tools

if TYPE_CHECKING:
    from eo_assets.storage.partition import Partition
    from eo_assets.storage.store import Record


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


def _make(partition: Partition, tools: Tools, config: ClustersConfig) -> Record:
    from eo_assets.pipeline import clusters

    number = config.clusters or partition.region.clusters or tools.defaults.clusters
    return clusters.materialise(
        partition,
        store=tools.store,
        runner=tools.runner(partition),
        options=clusters.ClusterOptions(
            method=config.method,
            n_clusters=None if config.clusters < 0 else number,
            features=tuple(config.features),
            seed=config.seed,
        ),
    )


STEP = Step(
    make=_make,
    deps=("mosaic",),
    kinds=frozenset({"scikitlearn", "geotiff", "dask"}),
    config=ClustersConfig,
)
