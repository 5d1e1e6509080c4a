"""Land cover: classes people have named, learned from their polygons, with accuracy and areas.

A classifier is judged on whole blocks of the map it has not seen, then applied block by block on
the cluster. A GeoTIFF of classes, one of probabilities, the model without pickle, a report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

from eo_assets.defs.steps import Step, Tools

if TYPE_CHECKING:
    from eo_assets.storage.partition import Partition
    from eo_assets.storage.store import Record


class LandCoverConfig(dg.Config):
    """What can be chosen when the asset is launched."""

    method: str = Field(
        default="random_forest",
        description="random_forest, hist_gradient_boosting or neural_network.",
    )
    features: list[str] = Field(
        default_factory=list,
        description="Bands and indices to look at; empty for all bands and the usual indices.",
    )
    cv_block_km: float = Field(
        default=2.0, description="Side of the blocks cross-validation keeps together, kilometres."
    )
    seed: int = Field(default=0, description="Seed of every random choice.")


def _make(partition: Partition, tools: Tools, config: LandCoverConfig) -> Record:
    from eo_assets.pipeline import land_cover

    return land_cover.materialise(
        partition,
        store=tools.store,
        runner=tools.runner(partition),
        options=land_cover.LandCoverOptions(
            method=config.method,
            features=tuple(config.features),
            cv_block_km=config.cv_block_km,
            seed=config.seed,
        ),
        polygons=_polygons(partition.region.id, tools),
    )


def _polygons(region: str, tools: Tools) -> Any:
    from eo_assets.errors import ConfigurationError
    from eo_assets.pipeline.training_polygons import read_polygons
    from eo_assets.settings import SAMPLE

    if tools.defaults.training is not None:
        return read_polygons(tools.defaults.training, region)
    if tools.source.catalog == SAMPLE:
        from pathlib import Path

        from eo_assets.sample.training import training_polygons

        return training_polygons(Path(tools.source.sample_dir))
    raise ConfigurationError(
        f"There are no training polygons for {region}.",
        f"Set EO_ASSETS_TRAINING to a folder with {region}.geojson: polygons with a column "
        "'class'.",
    )


STEP = Step(
    make=_make,
    deps=("mosaic",),
    kinds=frozenset({"scikitlearn", "geotiff", "dask"}),
    config=LandCoverConfig,
    group="land_cover",
)
