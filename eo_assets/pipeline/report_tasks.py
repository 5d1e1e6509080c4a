"""The tasks ``reports`` hands to workers: making a mosaic small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import rasterio
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling

from eo_assets.cube.grid import Block, blocks
from eo_assets.pipeline.mosaic_blocks import SOURCE, bands_of, open_mosaic
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import place, reading
from eo_assets.reporting.overview import (
    Codes,
    Overview,
    average,
    band_histogram,
    decimation,
    middle,
    ndvi_histogram,
)

STATUS = "status"
_SHOWN = ("blue", "green", "red", "nir", "nir08", "swir16", "swir22")
_BLOCK_PX = 1536


@dataclass(frozen=True)
class OverviewTask:
    """A block of a mosaic to make small."""

    mosaic: str
    block: Block
    factor: int


def make_overview(mosaic: str, geobox: GeoBox, *, runner: TaskRunner) -> Overview:
    """Make a stored mosaic small enough to look at, block by block.

    Args:
        mosaic: Path of the Zarr.
        geobox: Its grid.
        runner: Runs the tasks.
    """
    factor = decimation(geobox.shape)
    # edges on multiples of the factor: no overview pixel lies in two blocks
    parts = list(blocks(geobox, size=max(_BLOCK_PX // factor, 1) * factor, chunk=factor))
    tasks = [OverviewTask(mosaic, block, factor) for block in parts]
    return _join(runner.map(read_overview, tasks, label="overview"), parts, geobox, factor)


def read_overview(task: OverviewTask) -> Overview:
    """Make one block small; runs on a worker."""
    with open_mosaic(task.mosaic) as dataset:
        bands = [band for band in bands_of(dataset) if band.name in _SHOWN]
        # near infrared comes once: the second is only for collections without the first
        if any(band.name == "nir" for band in bands):
            bands = [band for band in bands if band.name != "nir08"]
        packed = {band.name: dataset[band.name][task.block.slices].to_numpy() for band in bands}
        source = dataset[SOURCE][task.block.slices].to_numpy()
        status = (
            dataset[STATUS][task.block.slices].to_numpy()
            if STATUS in dataset
            else (source > 0).astype(np.uint8)
        )
    return Overview(
        reflectance={band.name: average(packed[band.name], band, task.factor) for band in bands},
        source=middle(source, task.factor),
        status=middle(status, task.factor),
        ndvi_counts=ndvi_histogram(packed, bands),
        band_counts={band.name: band_histogram(packed[band.name], band) for band in bands},
        pixel_m=0.0,
    )


def _join(
    parts: Sequence[Overview], places: Sequence[Block], geobox: GeoBox, factor: int
) -> Overview:
    def place(pieces: Sequence[npt.NDArray[np.generic]]) -> npt.NDArray[np.generic]:
        shape = tuple(-(-side // factor) for side in geobox.shape)
        whole = np.empty(shape, pieces[0].dtype)
        for block, piece in zip(places, pieces, strict=True):
            row, col = block.rows[0] // factor, block.columns[0] // factor
            whole[row : row + piece.shape[0], col : col + piece.shape[1]] = piece
        return whole

    return Overview(
        reflectance={
            name: place([part.reflectance[name] for part in parts]).astype(np.float32)
            for name in parts[0].reflectance
        },
        source=place([part.source for part in parts]).astype(np.uint8),
        status=place([part.status for part in parts]).astype(np.uint8),
        ndvi_counts=np.sum([part.ndvi_counts for part in parts], axis=0),
        band_counts={
            name: np.sum([part.band_counts[name] for part in parts], axis=0)
            for name in parts[0].band_counts
        },
        pixel_m=abs(float(geobox.affine.a)) * factor,
    )


@dataclass(frozen=True)
class LabelsTask:
    """A class map to make small."""

    path: str
    shape: tuple[int, int]


def read_labels(task: LabelsTask) -> Codes:
    """Read a class map at the size of an overview, each pixel the most frequent class; a worker."""
    with reading(place(task.path)) as path, rasterio.open(path) as file:
        labels: Codes = file.read(1, out_shape=task.shape, resampling=Resampling.mode)
        return labels
