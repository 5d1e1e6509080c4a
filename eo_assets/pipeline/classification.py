"""Grouping the pixels of a stored mosaic: sample, fit, label; nothing is stored here."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from odc.geo.geobox import GeoBox

from eo_assets.clustering.bands import StoredBand
from eo_assets.clustering.fitting import FEWEST_CLASSES, Classification
from eo_assets.clustering.methods import get_method
from eo_assets.clustering.model import ClusterModel, Labels
from eo_assets.clustering.palette import MAX_DISTINCT
from eo_assets.clustering.quality import Suggestion
from eo_assets.clustering.sampling import hash_limit
from eo_assets.clustering.signatures import ClassSums, add_up
from eo_assets.clustering.tables import class_table, signature_table
from eo_assets.cube.grid import Block
from eo_assets.errors import ConfigurationError, GridMismatchError
from eo_assets.pipeline.cluster_tasks import (
    CountTask,
    FitTask,
    LabelTask,
    Sample,
    SampleTask,
    ScanTask,
    count_observed,
    fit,
    gather,
    label_block,
    sample_block,
    scan,
)
from eo_assets.pipeline.mosaic_blocks import bands_of, blocks_of, open_mosaic, select_bands
from eo_assets.pipeline.tasks import TaskRunner

MAX_CLUSTERS = 64
TOO_FEW_PIXELS = "too_few_pixels"

_SCAN_TASKS = 4


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """How to group the pixels of a mosaic.

    Attributes:
        method: Name of the clustering method.
        n_clusters: Number of classes; None takes the one the scan suggests.
        features: Bands to look at; empty for every reflectance band.
        seed: Of every random choice.
        sample_size: Most pixels to learn from.
        k_range: Smallest and largest number of classes the scan tries.
        block_px: Side of the blocks the mosaic is read in, pixels; no result depends on it.
    """

    method: str = "minibatch_kmeans"
    n_clusters: int | None = 8
    features: tuple[str, ...] = ()
    seed: int = 0
    sample_size: int = 50_000
    k_range: tuple[int, int] = (2, 14)
    block_px: int = 1024

    def check(self) -> None:
        """Refuse what cannot work, before anything is read.

        Raises:
            ConfigurationError: A value is out of range.
            UnknownNameError: There is no method of that name.
        """
        get_method(self.method)
        if self.n_clusters is not None and not 2 <= self.n_clusters <= MAX_CLUSTERS:
            raise ConfigurationError(
                f"{self.n_clusters} clusters are asked for.",
                f"Give a number from 2 to {MAX_CLUSTERS}, or none to take the suggested one.",
            )
        if not 2 <= self.k_range[0] <= self.k_range[1] <= MAX_CLUSTERS:
            raise ConfigurationError(
                f"The scan would try {self.k_range[0]} to {self.k_range[1]} clusters.",
                f"Give a rising range within 2 to {MAX_CLUSTERS}.",
            )


@dataclass(frozen=True, kw_only=True)
class Clusters:
    """Labelled pixels of a mosaic; when ``empty_reason`` is set there are none.

    Attributes:
        labels: Class ids from 1, 0 where there is no observation; uint8 ``(y, x)``.
        n_valid: Pixels with an observation.
        empty_reason: Why there are no classes: ``too_few_pixels``; None when there are.
        model: The fitted model.
        classes: One row a class, see ``tables.class_table``.
        signatures: One row a class and band, see ``tables.signature_table``.
        k_scan: One row a number of classes, see ``quality.scan_k``.
        suggestion: Number of classes the scan suggests, and why.
        sample: Some thousand pixels: reflectance by band, ``class_id`` and ``silhouette``.
        warnings: What people should know before they trust the result.
    """

    labels: Labels
    n_valid: int
    empty_reason: str | None = None
    model: ClusterModel | None = None
    classes: pd.DataFrame = field(default_factory=pd.DataFrame)
    signatures: pd.DataFrame = field(default_factory=pd.DataFrame)
    k_scan: pd.DataFrame = field(default_factory=pd.DataFrame)
    suggestion: Suggestion | None = None
    sample: pd.DataFrame = field(default_factory=pd.DataFrame)
    warnings: tuple[str, ...] = ()


def make_clusters(
    mosaic: str, geobox: GeoBox, options: ClusterOptions, *, runner: TaskRunner
) -> Clusters:
    """Group the pixels of a mosaic into classes of similar reflectance.

    A sample of the valid pixels, chosen by where they lie, fits the model; every valid pixel is
    then labelled, block by block. The same mosaic and options give the same result whatever the
    blocks and workers.

    Args:
        mosaic: Path or URL of the stored mosaic; workers open it themselves.
        geobox: The mosaic's grid, projected, metres.
        options: How to group.
        runner: Runs the tasks.

    Returns:
        The labelled pixels and what describes them. Empty, with the reason, when the mosaic has
        fewer valid pixels, or fewer different ones, than classes.

    Raises:
        ConfigurationError: An option is out of range, or a feature is no band of the mosaic.
        GridMismatchError: ``geobox`` is not the mosaic's grid.
        MissingArtifactError: There is no mosaic.
        UnknownNameError: There is no method of that name.
    """
    options.check()
    bands = _bands_on(mosaic, geobox)
    features = (
        select_bands(bands, options.features)
        if options.features
        else tuple(band for band in bands if band.is_reflectance)
    )
    blocks = blocks_of(geobox, options.block_px)
    counts = runner.map(
        count_observed, [CountTask(mosaic, block) for block in blocks], label="count pixels"
    )
    occupied = [block for block, count in zip(blocks, counts, strict=True) if count]
    limit = hash_limit(sum(counts), options.sample_size)
    origin = _grid_origin(geobox)
    tasks = [SampleTask(mosaic, block, features, limit, origin, options.seed) for block in occupied]
    parts = runner.map(sample_block, tasks, label="sample pixels")
    sample = gather(parts, features, options.sample_size)
    classification = _fit(sample, options, runner)
    if classification is None:
        return Clusters(
            labels=np.zeros(tuple(geobox.shape), np.uint8),
            n_valid=sum(counts),
            empty_reason=TOO_FEW_PIXELS,
        )
    label_tasks = [LabelTask(mosaic, block, bands, classification.model) for block in occupied]
    labelled = runner.map(label_block, label_tasks, label="label pixels")
    return _assemble(labelled, occupied, bands, geobox, classification)


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


def _fit(sample: Sample, options: ClusterOptions, runner: TaskRunner) -> Classification | None:
    if len(sample.pixels) < (options.n_clusters or FEWEST_CLASSES):
        return None
    ks = range(options.k_range[0], options.k_range[1] + 1)
    # each task takes every fourth number: large numbers of classes take longer
    scans = runner.map(
        scan,
        [
            ScanTask(sample, options.method, tuple(ks[first::_SCAN_TASKS]), options.seed)
            for first in range(min(_SCAN_TASKS, len(ks)))
        ],
        label="numbers of classes",
    )
    k_scan = pd.concat(scans).sort_values("k", ignore_index=True)
    task = FitTask(sample, options.method, options.n_clusters, k_scan, options.seed)
    [classification] = runner.map(fit, [task], label="fit classes")
    return classification


def _assemble(
    labelled: Sequence[tuple[Labels, ClassSums]],
    blocks: Sequence[Block],
    bands: Sequence[StoredBand],
    geobox: GeoBox,
    classification: Classification,
) -> Clusters:
    labels = np.zeros(tuple(geobox.shape), np.uint8)
    for block, (part, _) in zip(blocks, labelled, strict=True):
        labels[block.slices] = part
    sums = add_up(part for _, part in labelled)
    area = abs(float(geobox.affine.a * geobox.affine.e))
    signatures = signature_table(sums, bands, pixel_area_m2=area)
    classes = class_table(sums, signatures, classification.sample, pixel_area_m2=area)
    return Clusters(
        labels=labels,
        n_valid=int(sums.pixels.sum()),
        model=classification.model,
        classes=classes,
        signatures=signatures,
        k_scan=classification.k_scan,
        suggestion=classification.suggestion,
        sample=classification.sample,
        warnings=_warnings(classification, classes),
    )


def _warnings(classification: Classification, classes: pd.DataFrame) -> tuple[str, ...]:
    found = []
    n_clusters = classification.model.n_clusters
    if n_clusters > MAX_DISTINCT:
        found.append(
            f"{n_clusters} classes: above {MAX_DISTINCT}, colours are hard to tell apart on a map."
        )
    empty = classes.loc[classes["count"] == 0, "class_id"].tolist()
    if empty:
        found.append(f"No pixel belongs to class {', '.join(map(str, empty))}.")
    return tuple(found)
