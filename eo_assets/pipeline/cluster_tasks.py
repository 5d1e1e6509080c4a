"""The tasks ``clusters`` hands to workers; each opens the mosaic itself and reads one block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from eo_assets.clustering.bands import Packed, StoredBand, unpack_all, valid_in_all
from eo_assets.clustering.fitting import Classification, fit_classes, scan_classes
from eo_assets.clustering.method import FloatArray
from eo_assets.clustering.model import ClusterModel, Labels
from eo_assets.clustering.predict import predict
from eo_assets.clustering.sampling import Hashes, in_hash_order, pixel_hashes
from eo_assets.clustering.signatures import ClassSums, sum_by_class
from eo_assets.cube.grid import Block
from eo_assets.pipeline.mosaic_blocks import OBSERVATIONS, open_mosaic, read_packed


@dataclass(frozen=True)
class CountTask:
    """Count the observed pixels of a block."""

    mosaic: str
    block: Block


def count_observed(task: CountTask) -> int:
    """Pixels of the block with at least one observation."""
    with open_mosaic(task.mosaic) as dataset:
        return int(np.count_nonzero(dataset[OBSERVATIONS][task.block.slices].to_numpy()))


@dataclass(frozen=True)
class SampleTask:
    """Take a block's share of the sample.

    Attributes:
        mosaic: Path or URL of the stored mosaic.
        block: The window.
        bands: The features.
        limit: Highest hash that is taken.
        origin: Row and column of the mosaic's first pixel on the grid hashes count on.
        seed: Of the hashes.
    """

    mosaic: str
    block: Block
    bands: tuple[StoredBand, ...]
    limit: int
    origin: tuple[int, int]
    seed: int


def sample_block(task: SampleTask) -> tuple[Hashes, Packed]:
    """Hashes and packed pixels ``(pixel, band)`` of the block's share of the sample."""
    block, (row, col) = task.block, task.origin
    hashes = pixel_hashes(
        (row + block.rows[0], row + block.rows[1]),
        (col + block.columns[0], col + block.columns[1]),
        seed=task.seed,
    )
    with open_mosaic(task.mosaic) as dataset:
        planes = read_packed(dataset, task.bands, block)
    taken = valid_in_all(planes, task.bands) & (hashes <= np.uint64(task.limit))
    return hashes[taken], planes[:, taken].T


@dataclass(frozen=True)
class Sample:
    """Sampled pixels, the only ones tasks carry: a megabyte of packed values at most.

    Attributes:
        pixels: ``(pixel, band)``, packed, in the order of their hashes.
        bands: The features.
    """

    pixels: Packed
    bands: tuple[StoredBand, ...]

    @property
    def reflectance(self) -> FloatArray:
        """``(pixel, band)``, float64."""
        return unpack_all(self.pixels.T, self.bands).T


def gather(
    parts: Sequence[tuple[Hashes, Packed]], bands: tuple[StoredBand, ...], size: int
) -> Sample:
    """Put what ``sample_block`` found together: at most ``size`` pixels, in hash order."""
    if not parts:
        return Sample(np.zeros((0, len(bands)), np.uint16), bands)
    hashes, pixels = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Sample(in_hash_order(hashes, pixels, size), bands)


@dataclass(frozen=True)
class ScanTask:
    """Measure some numbers of classes."""

    sample: Sample
    method: str
    ks: tuple[int, ...]
    seed: int


def scan(task: ScanTask) -> pd.DataFrame:
    """One row a number of classes."""
    return scan_classes(task.sample.reflectance, method=task.method, ks=task.ks, seed=task.seed)


@dataclass(frozen=True)
class FitTask:
    """Fit the classes.

    Attributes:
        sample: What to learn from.
        method: Name of the clustering method.
        n_clusters: Number of classes, None for the suggested one.
        k_scan: Measures of several numbers of classes.
        seed: Of every random choice.
    """

    sample: Sample
    method: str
    n_clusters: int | None
    k_scan: pd.DataFrame
    seed: int


def fit(task: FitTask) -> Classification | None:
    """Fit the classes; None when the sample has fewer different pixels than classes."""
    return fit_classes(
        task.sample.reflectance,
        tuple(band.name for band in task.sample.bands),
        method=task.method,
        n_clusters=task.n_clusters,
        k_scan=task.k_scan,
        seed=task.seed,
    )


@dataclass(frozen=True)
class LabelTask:
    """Label a block and sum its spectra.

    Attributes:
        mosaic: Path or URL of the stored mosaic.
        block: The window.
        bands: All bands of the mosaic.
        model: The fitted model.
    """

    mosaic: str
    block: Block
    bands: tuple[StoredBand, ...]
    model: ClusterModel


def label_block(task: LabelTask) -> tuple[Labels, ClassSums]:
    """Labels of the block and the sums of all its bands by class."""
    with open_mosaic(task.mosaic) as dataset:
        planes = read_packed(dataset, task.bands, task.block)
    names = [band.name for band in task.bands]
    chosen = [names.index(feature) for feature in task.model.features]
    labels = predict(task.model, planes[chosen], [task.bands[number] for number in chosen])
    return labels, sum_by_class(labels, planes, task.bands, n_clusters=task.model.n_clusters)
