"""The tasks ``clusters`` hands to workers; each opens the mosaic itself and reads one block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from eo_assets.clustering.bands import Packed, StoredBand, unpack_all
from eo_assets.clustering.fitting import Recipe, class_spectra, fit_classes, scan_classes
from eo_assets.clustering.hints import describe
from eo_assets.clustering.identity import Recognition, find_new_groups, recognise
from eo_assets.clustering.method import FloatArray, squared_distances
from eo_assets.clustering.model import ClusterModel, Labels
from eo_assets.clustering.predict import predict
from eo_assets.clustering.quality import Silhouettes
from eo_assets.clustering.sampling import Hashes, hashes_at, in_hash_order, one_a_cell
from eo_assets.clustering.signatures import ClassSums, sum_by_class
from eo_assets.clustering.space import bands_for, feature_values
from eo_assets.cube.grid import Block
from eo_assets.pipeline.mosaic_blocks import OBSERVATIONS, open_mosaic, read_packed, select_bands


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
        bands: The bands the features are made of.
        features: Bands and indices.
        width: Side of the cells that offer one pixel each.
        origin: Row and column of the mosaic's first pixel on the grid cells count on.
        seed: Of the choice.
    """

    mosaic: str
    block: Block
    bands: tuple[StoredBand, ...]
    features: tuple[str, ...]
    width: float
    origin: tuple[int, int]
    seed: int


def sample_block(task: SampleTask) -> tuple[Hashes, Packed]:
    """Hashes and packed pixels ``(pixel, band)`` of the block's share of the sample."""
    block, (row, col) = task.block, task.origin
    rows = row + block.rows[0], row + block.rows[1]
    cols = col + block.columns[0], col + block.columns[1]
    y, x = np.nonzero(one_a_cell(rows, cols, width=task.width, seed=task.seed))
    with open_mosaic(task.mosaic) as dataset:
        pixels = np.stack(
            [dataset[band.name][block.slices].to_numpy()[y, x] for band in task.bands]
        )
    _, valid = feature_values(task.features, pixels, task.bands)
    hashes = hashes_at(y + rows[0], x + cols[0], seed=task.seed)
    return hashes[valid], pixels[:, valid].T


@dataclass(frozen=True)
class Sample:
    """Sampled pixels, the only ones tasks carry: packed, fifty thousand are a megabyte.

    Attributes:
        pixels: ``(pixel, band)``, packed, in the order of their hashes.
        bands: The bands the features are made of.
        features: Bands and indices.
    """

    pixels: Packed
    bands: tuple[StoredBand, ...]
    features: tuple[str, ...]

    @property
    def feature_rows(self) -> FloatArray:
        """Features ``(feature, pixel)``."""
        return feature_values(self.features, self.pixels.T, self.bands)[0]

    @property
    def reflectance(self) -> dict[str, FloatArray]:
        """Bands by name, each ``(pixel,)``."""
        values = unpack_all(self.pixels.T, self.bands)
        return {band.name: row for band, row in zip(self.bands, values, strict=True)}


def gather(
    parts: Sequence[tuple[Hashes, Packed]],
    bands: tuple[StoredBand, ...],
    features: tuple[str, ...],
    size: int,
) -> Sample:
    """Put what ``sample_block`` found together: at most ``size`` pixels, in hash order."""
    if not parts:
        return Sample(np.zeros((0, len(bands)), np.uint16), bands, features)
    hashes, pixels = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Sample(in_hash_order(hashes, pixels, size), bands, features)


@dataclass(frozen=True)
class ScanTask:
    """Measure some numbers of classes."""

    sample: Sample
    recipe: Recipe
    ks: tuple[int, ...]


def scan(task: ScanTask) -> pd.DataFrame:
    """One row a number of classes."""
    values = task.sample.feature_rows
    coordinates = task.recipe.space_of(values).apply(values)
    return scan_classes(np.ascontiguousarray(coordinates.T), task.recipe, ks=task.ks)


@dataclass(frozen=True)
class FitTask:
    """Fit the classes.

    Attributes:
        sample: What to learn from.
        recipe: How.
        k_scan: Measures of several numbers of classes.
        date: When the sample was observed, ISO 8601.
    """

    sample: Sample
    recipe: Recipe
    k_scan: pd.DataFrame
    date: str


def fit(task: FitTask) -> ClusterModel | None:
    """Fit the classes; None when the sample has fewer different pixels than classes."""
    sample = task.sample
    return fit_classes(
        sample.feature_rows, sample.reflectance, task.recipe, k_scan=task.k_scan, date=task.date
    )


@dataclass(frozen=True)
class StudyTask:
    """Look at a sample with a model."""

    sample: Sample
    model: ClusterModel


def find_groups(task: StudyTask) -> tuple[FloatArray, list[str]]:
    """Centres of what is unlike every class of the model, and a hint for each."""
    coordinates = task.model.space.apply(task.sample.feature_rows)
    groups = find_new_groups(task.model, coordinates)
    if not len(groups):
        return groups, []
    to_groups = np.stack([squared_distances(coordinates, group[:, None]) for group in groups])
    unlike = recognise(task.model, coordinates).unlike
    nearest = to_groups[:, unlike].argmin(axis=0)
    reflectance = {band: values[unlike] for band, values in task.sample.reflectance.items()}
    spectra = class_spectra(reflectance, nearest, len(groups))
    return groups, [describe(spectrum) for spectrum in spectra]


def study(task: StudyTask) -> tuple[Recognition, pd.DataFrame]:
    """How the sample lies to the model's classes, and its first pixels as a table.

    The table has reflectance by band, ``class_id`` and ``silhouette``; NaN where all pixels are
    of one class.
    """
    coordinates = task.model.space.apply(task.sample.feature_rows)
    found = recognise(task.model, coordinates)
    silhouettes = Silhouettes(np.ascontiguousarray(coordinates.T))
    few = len(silhouettes.features)
    table = pd.DataFrame({band: row[:few] for band, row in task.sample.reflectance.items()})
    table["class_id"] = np.array(task.model.class_ids, np.uint8)[found.rows[:few]]
    table["silhouette"] = silhouettes.of(found.rows[:few].astype(np.intp))
    return found, table


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


def label_only(task: LabelTask) -> Labels:
    """Labels of the block; only the bands the model looks at are read."""
    names = [band.name for band in task.bands]
    bands = select_bands(task.bands, bands_for(task.model.features, names))
    with open_mosaic(task.mosaic) as dataset:
        return predict(task.model, read_packed(dataset, bands, task.block), bands)


def label_block(task: LabelTask) -> tuple[Labels, ClassSums]:
    """Labels of the block and the sums of all its bands by class."""
    with open_mosaic(task.mosaic) as dataset:
        planes = read_packed(dataset, task.bands, task.block)
    labels = predict(task.model, planes, task.bands)
    highest = max(task.model.class_ids)
    return labels, sum_by_class(labels, planes, task.bands, n_clusters=highest)
