"""Taking the sample of a stored mosaic's pixels that classes are learned from."""

from __future__ import annotations

import math
from dataclasses import dataclass

from odc.geo.geobox import GeoBox

from eo_assets.clustering.bands import StoredBand
from eo_assets.clustering.fitting import Recipe
from eo_assets.clustering.sampling import cell_width
from eo_assets.clustering.space import bands_for
from eo_assets.cube.grid import Block
from eo_assets.errors import GridMismatchError
from eo_assets.pipeline.cluster_options import ClusterOptions
from eo_assets.pipeline.cluster_tasks import (
    CountTask,
    Sample,
    SampleTask,
    count_observed,
    gather,
    sample_block,
)
from eo_assets.pipeline.mosaic_blocks import bands_of, blocks_of, open_mosaic, select_bands
from eo_assets.pipeline.tasks import TaskRunner


@dataclass(frozen=True, kw_only=True)
class SampledMosaic:
    """A stored mosaic and the sample of its pixels that classes are learned from.

    Attributes:
        mosaic: Path or URL of the stored mosaic.
        geobox: Its grid, projected, metres.
        bands: Its bands.
        occupied: Blocks with an observation.
        n_valid: Pixels with an observation.
        recipe: How to group.
        sample: The sample.
    """

    mosaic: str
    geobox: GeoBox
    bands: tuple[StoredBand, ...]
    occupied: tuple[Block, ...]
    n_valid: int
    recipe: Recipe
    sample: Sample


def sample_mosaic(
    mosaic: str, geobox: GeoBox, options: ClusterOptions, *, runner: TaskRunner
) -> SampledMosaic:
    """Take a sample of a mosaic's valid pixels, chosen by where they lie.

    The same mosaic and options give the same sample whatever the blocks and workers.

    Args:
        mosaic: Path or URL of the stored mosaic; workers open it themselves.
        geobox: The mosaic's grid, projected, metres.
        options: How to group.
        runner: Runs the tasks.

    Raises:
        ConfigurationError: An option is out of range, or a feature is neither band nor index.
        GridMismatchError: ``geobox`` is not the mosaic's grid.
        MissingArtifactError: There is no mosaic.
        UnknownNameError: There is no method of that name.
    """
    options.check()
    bands = _bands_on(mosaic, geobox)
    recipe = options.recipe(bands)
    needed = select_bands(bands, bands_for(recipe.features, [band.name for band in bands]))
    blocks = blocks_of(geobox, options.block_px)
    counts = runner.map(
        count_observed, [CountTask(mosaic, block) for block in blocks], label="count pixels"
    )
    occupied = tuple(block for block, count in zip(blocks, counts, strict=True) if count)
    width = cell_width(sum(counts), options.sample_size)
    origin = _grid_origin(geobox)
    tasks = [
        SampleTask(mosaic, block, needed, recipe.features, width, origin, options.seed)
        for block in occupied
    ]
    parts = runner.map(sample_block, tasks, label="sample pixels")
    return SampledMosaic(
        mosaic=mosaic,
        geobox=geobox,
        bands=bands,
        occupied=occupied,
        n_valid=sum(counts),
        recipe=recipe,
        sample=gather(parts, needed, recipe.features, options.sample_size),
    )


def _bands_on(mosaic: str, geobox: GeoBox) -> tuple[StoredBand, ...]:
    with open_mosaic(mosaic) as dataset:
        shape = dataset.sizes["y"], dataset.sizes["x"]
        if shape != tuple(geobox.shape):
            raise GridMismatchError(
                f"The mosaic at {mosaic} has {shape} pixels, its grid {tuple(geobox.shape)}.",
                "Materialise mosaic again.",
            )
        return bands_of(dataset)


def _grid_origin(geobox: GeoBox) -> tuple[int, int]:
    """Row and column of the first pixel, counted from the origin of the coordinate system."""
    affine = geobox.affine
    return math.floor(affine.f / affine.e + 0.5), math.floor(affine.c / affine.a + 0.5)
