"""Classes of similar reflectance: a map with colours, their signatures, the fitted model.

Fitted on a sample of the mosaic's pixels and applied block by block on the cluster. The first date
founds the region's code book: from then on ids, names and colours stay the same, later dates tell
how far classes have drifted and add what is new. A class's name is a hint from its spectrum, not a
land-cover label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
        description="Number of classes; 0 for the region's own number, -1 for the one a scan "
        "suggests.",
    )
    method: str = Field(default="minibatch_kmeans", description="Clustering method.")
    parameters: dict[str, Any] = Field(
        default_factory=dict,
        description="What to set of the method otherwise than by default, such as {n_init: 20}.",
    )
    features: list[str] = Field(
        default_factory=list,
        description="Bands and indices to look at, such as [red, nir, ndvi]; empty for every "
        "reflectance band.",
    )
    scaling: str = Field(
        default="",
        description="How features are standardised: robust (median, interquartile range), standard "
        "(mean, standard deviation) or unit (length 1); empty for the method's own way.",
    )
    pca_share: float = Field(
        default=0.0,
        description="Keep as many principal components as explain this share of the variance, "
        "such as 0.99; 0 uses the features themselves.",
    )
    sample_size: int = Field(
        default=50_000, description="Most pixels to learn from, 64 to 400,000."
    )
    smallest_k: int = Field(default=2, description="Smallest number of classes the scan tries.")
    largest_k: int = Field(default=14, description="Largest number of classes the scan tries.")
    reference_date: str = Field(
        default="",
        description="Date that founds the code book, YYYY-MM-DD, its mosaic materialised before; "
        "empty for the region's own, or else the first date that is classified.",
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
            parameters=config.parameters,
            n_clusters=None if config.clusters < 0 else number,
            features=tuple(config.features),
            scaling=clusters.scaling_named(config.scaling),
            pca_share=config.pca_share,
            sample_size=config.sample_size,
            k_range=(config.smallest_k, config.largest_k),
            reference_date=clusters.date_named(config.reference_date)
            or partition.region.reference_date,
            seed=config.seed,
        ),
    )


STEP = Step(
    make=_make,
    deps=("mosaic",),
    kinds=frozenset({"scikitlearn", "geotiff", "dask"}),
    config=ClustersConfig,
)
