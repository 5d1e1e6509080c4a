"""Learning a stored mosaic's land cover: labelled pixels, cross-validation, model, map."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version

import geopandas
import numpy as np
import numpy.typing as npt
import pandas as pd
from odc.geo.geobox import GeoBox
from shapely.geometry import box

from eo_assets.clustering.bands import StoredBand
from eo_assets.cube.grid import Block, Grid
from eo_assets.errors import ConfigurationError
from eo_assets.pipeline.land_cover_tasks import (
    FitTask,
    FoldTask,
    LabelledTask,
    PredictTask,
    fit_model,
    judge,
    labelled_pixels,
    predict_block,
)
from eo_assets.pipeline.mosaic_blocks import bands_of, blocks_of, open_mosaic
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.pipeline.training_polygons import classes_of
from eo_assets.places import Place
from eo_assets.storage.store import file_digest
from eo_assets.supervised.accuracy import Accuracy, accuracy_table, estimate
from eo_assets.supervised.features import feature_names
from eo_assets.supervised.methods import get_method
from eo_assets.supervised.model import ESTIMATOR, LandCoverModel
from eo_assets.supervised.validation import Training, blocks_at, count_units, folds_of

_M2_PER_HA = 10_000
_NO_PROBABILITY_SAMPLE = (
    "Training polygons are no probability sample: intervals tell how far the polygons that "
    "happened to be drawn may mislead, not how far people chose easy places."
)


@dataclass(frozen=True, kw_only=True)
class LandCoverOptions:
    """How to classify a mosaic.

    Attributes:
        method: Name of the classifier.
        features: Bands and indices to look at; empty for all bands and the usual indices.
        folds: Folds of the cross-validation.
        cv_block_km: Side of the blocks it keeps together, kilometres.
        pixels_per_polygon: Most pixels learned from one polygon, so that large ones do not rule.
        seed: Of every random choice.
        block_px: Side of the blocks the mosaic is read in, pixels; no result depends on it.
    """

    method: str = "random_forest"
    features: tuple[str, ...] = ()
    folds: int = 5
    cv_block_km: float = 2.0
    pixels_per_polygon: int = 30
    seed: int = 0
    block_px: int = 1024

    def check(self) -> None:
        """Refuse what cannot work, before anything is read.

        Raises:
            ConfigurationError: A value is out of range.
            UnknownNameError: There is no method of that name.
        """
        get_method(self.method)
        if self.folds < 2 or self.cv_block_km <= 0 or self.pixels_per_polygon < 1:
            raise ConfigurationError(
                f"{self.folds} folds, blocks of {self.cv_block_km:g} km and "
                f"{self.pixels_per_polygon} pixels a polygon are asked for.",
                "At least 2 folds, blocks larger than nothing and one pixel are needed.",
            )


@dataclass(frozen=True, kw_only=True)
class LandCover:
    """A land-cover map and what is known of it.

    Attributes:
        model: The model.
        blocks: The blocks the map was made in.
        pixels: Pixels of each class, in their order.
        counts: Polygons by predicted (rows) and labelled class, each held out.
        accuracy: What follows from them.
        table: One row a class, see ``accuracy.accuracy_table``.
        importance: ``feature, accuracy_lost``, the most important first.
        pixel_accuracy: Share of all held-out pixels that were predicted rightly.
        warnings: What people should know before they trust the map.
    """

    model: LandCoverModel
    blocks: tuple[Block, ...]
    pixels: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    accuracy: Accuracy
    table: pd.DataFrame
    importance: pd.DataFrame
    pixel_accuracy: float
    warnings: tuple[str, ...]


def classify_mosaic(
    mosaic: str,
    grid: Grid,
    polygons: geopandas.GeoDataFrame,
    options: LandCoverOptions,
    *,
    folder: Place,
    runner: TaskRunner,
) -> LandCover | None:
    """Learn from polygons, judge what was learned, store the model and map every block with it.

    Args:
        mosaic: Path of the stored mosaic.
        grid: Its grid.
        polygons: See ``training_polygons.usable_polygons``.
        options: How.
        folder: Where the model and the blocks of the map go.
        runner: Runs the tasks.

    Returns:
        The map; None when fewer than two classes have observed pixels.

    Raises:
        ConfigurationError: A feature cannot be had, or all training lies in one block.
    """
    with open_mosaic(mosaic) as dataset:
        bands = tuple(band for band in bands_of(dataset) if band.is_reflectance)
    names = feature_names([band.name for band in bands], options.features)
    blocks = blocks_of(grid.geobox, options.block_px)
    training = _training(mosaic, grid, bands, names, polygons, options, blocks, runner)
    if len(np.unique(training.codes)) < 2:
        return None
    predicted, importance = _judge(training, names, options, runner)
    model = LandCoverModel(
        method=options.method,
        features=names,
        classes=classes_of(polygons),
        estimator=None,
        seed=options.seed,
        n_pixels=len(training.codes),
        n_polygons=len(np.unique(training.polygons)),
        versions={name: version(name) for name in ("scikit-learn", "numpy", "skops")},
    )
    runner.map(fit_model, [FitTask(model, training, str(folder))], label="fit model")
    digest = file_digest(folder / ESTIMATOR)
    tasks = [
        PredictTask(mosaic=mosaic, block=block, bands=bands, folder=str(folder), digest=digest)
        for block in blocks
    ]
    histogram = np.sum(runner.map(predict_block, tasks, label="classify blocks"), axis=0)
    pixels = histogram[[one.code for one in model.classes]]
    counts = count_units(training, predicted, len(model.classes))
    accuracy = estimate(counts, pixels)
    area_ha = float(pixels.sum()) * abs(grid.transform[0] * grid.transform[4]) / _M2_PER_HA
    return LandCover(
        model=model,
        blocks=tuple(blocks),
        pixels=pixels,
        counts=counts,
        accuracy=accuracy,
        table=accuracy_table(
            accuracy, [one.name for one in model.classes], counts, area_ha=area_ha
        ),
        importance=importance,
        pixel_accuracy=float(np.mean(predicted == training.codes)),
        warnings=_warnings(accuracy, counts, model),
    )


def _training(
    mosaic: str,
    grid: Grid,
    bands: tuple[StoredBand, ...],
    names: tuple[str, ...],
    polygons: geopandas.GeoDataFrame,
    options: LandCoverOptions,
    blocks: Sequence[Block],
    runner: TaskRunner,
) -> Training:
    outlines = polygons.geometry.to_wkb()
    tasks = []
    for block in blocks:
        here = polygons.sindex.query(box(*block.of(grid.geobox).boundingbox.bbox), "intersects")
        if len(here):
            tasks.append(
                LabelledTask(
                    mosaic=mosaic, block=block, grid=grid, bands=bands, features=names,
                    polygons=tuple((int(n), outlines.iloc[n]) for n in sorted(here)),
                    origin=_origin(grid.geobox), seed=options.seed,
                )
            )  # fmt: skip
    parts = runner.map(labelled_pixels, tasks, label="labelled pixels")
    features, numbers, hashes = (np.concatenate(part) for part in zip(*parts, strict=True))
    # by polygon, in the order of the lot: which pixels stand for it depends on nothing else
    order = np.lexsort((hashes, numbers))
    numbers = numbers[order]
    first = np.searchsorted(numbers, numbers)
    kept = np.arange(len(numbers)) - first < options.pixels_per_polygon
    order, numbers = order[kept], numbers[kept]
    centres = polygons.geometry.centroid
    where = blocks_at(centres.x.to_numpy(), centres.y.to_numpy(), options.cv_block_km * 1000)
    codes = {one.name: one.code for one in classes_of(polygons)}
    by_polygon = polygons["class"].map(codes).to_numpy(np.uint8)
    return Training(features[order], by_polygon[numbers], numbers, where[numbers])


def _judge(
    training: Training, names: tuple[str, ...], options: LandCoverOptions, runner: TaskRunner
) -> tuple[npt.NDArray[np.uint8], pd.DataFrame]:
    folds = folds_of(training, options.folds, seed=options.seed)
    held_out = [folds == fold for fold in np.unique(folds)]
    tasks = [FoldTask(options.method, training, out, options.seed) for out in held_out]
    results = runner.map(judge, tasks, label="cross-validation")
    predicted = np.zeros(len(training.codes), np.uint8)
    for out, result in zip(held_out, results, strict=True):
        predicted[out] = result.predicted
    lost = np.average(
        [result.importance for result in results], axis=0, weights=[o.sum() for o in held_out]
    )
    table = pd.DataFrame({"feature": names, "accuracy_lost": lost})
    return predicted, table.sort_values("accuracy_lost", ascending=False, ignore_index=True)


def _warnings(
    accuracy: Accuracy, counts: npt.NDArray[np.int64], model: LandCoverModel
) -> tuple[str, ...]:
    found = [_NO_PROBABILITY_SAMPLE]
    if accuracy.left_out:
        found.append(
            f"{accuracy.left_out:.1%} of the map is in classes that fewer than two held-out "
            "polygons were predicted as; nothing is known of their accuracy."
        )
    few = [one.name for one, n in zip(model.classes, counts.sum(axis=0), strict=True) if n < 10]
    if few:
        found.append(f"Fewer than ten polygons: {', '.join(few)}.")
    return tuple(found)


def _origin(geobox: GeoBox) -> tuple[int, int]:
    affine = geobox.affine
    return math.floor(affine.f / affine.e + 0.5), math.floor(affine.c / affine.a + 0.5)
