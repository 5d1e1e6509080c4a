"""Grouping the pixels of a stored mosaic: fit and label; nothing is stored here."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from odc.geo.geobox import GeoBox

from eo_assets.clustering.advice import warnings_about
from eo_assets.clustering.fitting import FEWEST_CLASSES
from eo_assets.clustering.identity import Recognition
from eo_assets.clustering.method import FloatArray
from eo_assets.clustering.model import ClusterModel, Labels
from eo_assets.clustering.quality import Suggestion, suggest_k
from eo_assets.clustering.signatures import add_up
from eo_assets.clustering.tables import class_table, signature_table
from eo_assets.pipeline.class_sampling import SampledMosaic, sample_mosaic
from eo_assets.pipeline.cluster_options import ClusterOptions
from eo_assets.pipeline.cluster_tasks import (
    FitTask,
    LabelTask,
    ScanTask,
    StudyTask,
    find_groups,
    fit,
    label_block,
    scan,
    study,
)
from eo_assets.pipeline.tasks import TaskRunner

_SCAN_TASKS = 4


@dataclass(frozen=True, kw_only=True)
class Clusters:
    """Labelled pixels of a mosaic.

    Attributes:
        labels: Class ids from 1, 0 where there is no observation; uint8 ``(y, x)``.
        n_valid: Pixels with a class.
        model: The model that labelled them.
        recognition: How the sample lies to the model's classes.
        classes: One row a class, see ``tables.class_table``.
        signatures: One row a class and band, see ``tables.signature_table``.
        k_scan: One row a number of classes, see ``quality.scan_k``.
        suggestion: Number of classes the scan suggests, and why.
        sample: Some thousand pixels: reflectance by band, ``class_id`` and ``silhouette``.
        warnings: What people should know before they trust the result.
    """

    labels: Labels
    n_valid: int
    model: ClusterModel
    recognition: Recognition
    classes: pd.DataFrame
    signatures: pd.DataFrame
    k_scan: pd.DataFrame
    suggestion: Suggestion | None
    sample: pd.DataFrame
    warnings: tuple[str, ...]


def scan_numbers(
    sampled: SampledMosaic, options: ClusterOptions, *, runner: TaskRunner
) -> pd.DataFrame:
    """Measure several numbers of classes on a sample of at least one pixel.

    Returns:
        One row a number of classes, see ``quality.scan_k``.
    """
    ks = range(options.k_range[0], options.k_range[1] + 1)
    # each task takes every fourth number: large numbers of classes take longer
    tasks = [
        ScanTask(sampled.sample, sampled.recipe, tuple(ks[first::_SCAN_TASKS]))
        for first in range(min(_SCAN_TASKS, len(ks)))
    ]
    scans = runner.map(scan, tasks, label="numbers of classes")
    return pd.concat(scans).sort_values("k", ignore_index=True)


def learn_classes(
    sampled: SampledMosaic, k_scan: pd.DataFrame, *, date: str = "", runner: TaskRunner
) -> ClusterModel | None:
    """Fit a model to the sample; None when it has fewer different pixels than classes.

    Args:
        sampled: The mosaic and its sample.
        k_scan: From ``scan_numbers``.
        date: When it was observed, ISO 8601.
        runner: Runs the task.
    """
    if len(sampled.sample.pixels) < (sampled.recipe.n_clusters or FEWEST_CLASSES):
        return None
    task = FitTask(sampled.sample, sampled.recipe, k_scan, date)
    [model] = runner.map(fit, [task], label="fit classes")
    return model


def find_unlike(
    sampled: SampledMosaic, model: ClusterModel, *, runner: TaskRunner
) -> tuple[FloatArray, list[str]]:
    """Groups of sampled pixels unlike every class of a model: centres, and a hint for each."""
    task = StudyTask(sampled.sample, model)
    [found] = runner.map(find_groups, [task], label="what is new")
    return found


def label_mosaic(
    sampled: SampledMosaic, model: ClusterModel, k_scan: pd.DataFrame, *, runner: TaskRunner
) -> Clusters:
    """Label every valid pixel of a mosaic, block by block, and describe the classes.

    Args:
        sampled: The mosaic and its sample of at least one pixel.
        model: The model.
        k_scan: From ``scan_numbers``.
        runner: Runs the tasks.
    """
    [(recognition, sample)] = runner.map(
        study, [StudyTask(sampled.sample, model)], label="describe classes"
    )
    tasks = [LabelTask(sampled.mosaic, block, sampled.bands, model) for block in sampled.occupied]
    labelled = runner.map(label_block, tasks, label="label pixels")
    labels = np.zeros(tuple(sampled.geobox.shape), np.uint8)
    for block, (part, _) in zip(sampled.occupied, labelled, strict=True):
        labels[block.slices] = part
    sums = add_up(part for _, part in labelled)
    area = abs(float(sampled.geobox.affine.a * sampled.geobox.affine.e))
    signatures = signature_table(sums, sampled.bands, model.class_ids, pixel_area_m2=area)
    classes = class_table(
        sums, signatures, sample, model.classes, recognition.drift.tolist(), pixel_area_m2=area
    )
    suggestion = suggest_k(k_scan)
    return Clusters(
        labels=labels,
        n_valid=int(sums.pixels.sum()),
        model=model,
        recognition=recognition,
        classes=classes,
        signatures=signatures,
        k_scan=k_scan,
        suggestion=suggestion,
        sample=sample,
        warnings=warnings_about(classes, sample["silhouette"], suggestion),
    )


def make_clusters(
    mosaic: str, geobox: GeoBox, options: ClusterOptions, *, runner: TaskRunner
) -> Clusters | None:
    """Group the pixels of a mosaic on its own, without a code book.

    Args:
        mosaic: Path or URL of the stored mosaic; workers open it themselves.
        geobox: The mosaic's grid, projected, metres.
        options: How to group.
        runner: Runs the tasks.

    Returns:
        The labelled pixels and what describes them; None when the mosaic has fewer valid pixels,
        or fewer different ones, than classes.

    Raises:
        ConfigurationError: An option is out of range, or a feature is neither band nor index.
        GridMismatchError: ``geobox`` is not the mosaic's grid.
        MissingArtifactError: There is no mosaic.
        UnknownNameError: There is no method of that name.
    """
    sampled = sample_mosaic(mosaic, geobox, options, runner=runner)
    if not len(sampled.sample.pixels):
        return None
    k_scan = scan_numbers(sampled, options, runner=runner)
    model = learn_classes(sampled, k_scan, runner=runner)
    return None if model is None else label_mosaic(sampled, model, k_scan, runner=runner)
