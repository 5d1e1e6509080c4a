"""Reports: pictures, numbers and one self-contained page of what a partition shows."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pandas as pd

from eo_assets import __version__
from eo_assets.pipeline.report_inputs import ReportInputs, read_inputs
from eo_assets.pipeline.report_item import NUMBERS, PAGE, STEP, write_report_item
from eo_assets.pipeline.report_tasks import LabelsTask, make_overview, read_labels
from eo_assets.pipeline.report_words import (
    class_rows,
    continuity,
    coverage,
    facts,
    numbers,
    provenance,
    reading,
    scene_row,
)
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import Place
from eo_assets.reporting.class_figures import sketch_classes
from eo_assets.reporting.figures import (
    Sketch,
    draw,
    sketch_band_histograms,
    sketch_class_map,
    sketch_maps,
    sketch_ndvi_histogram,
    sketch_origin,
)
from eo_assets.reporting.index_figures import sketch_indices
from eo_assets.reporting.overview import Overview
from eo_assets.reporting.page import Page, Picture, Section, render
from eo_assets.storage.emptiness import reason
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Record, Store, digest_of

_NEEDS_BYTES = 20_000_000


@dataclass(frozen=True, kw_only=True)
class ReportSummary:
    """What was written.

    Attributes:
        figures: Names of the picture files.
        page_bytes: Size of the page.
    """

    figures: tuple[str, ...]
    page_bytes: int


@dataclass(frozen=True)
class _Chapter:
    """A section of the page before its figures are drawn."""

    id: str
    title: str
    text: str
    sketches: list[Sketch]


def materialise(partition: Partition, *, store: Store, runner: TaskRunner) -> Record:
    """Write a partition's report; an empty partition gets a short page that says why.

    Args:
        partition: The partition.
        store: Where the products are and the report goes.
        runner: Where figures are drawn.

    Returns:
        The record; empty when mosaic or clusters are, with their reason.

    Raises:
        MissingArtifactError: ``mosaic`` or ``clusters`` has not been materialised.
        StorageError: The report cannot be stored.
    """
    inputs = read_inputs(partition, store)
    with store.publish(partition, STEP, needs_bytes=_NEEDS_BYTES) as folder:
        summary = build_report(inputs, folder, runner=runner)
        preview = {
            name.removesuffix(".png"): name
            for name in summary.figures
            if name in {"classes.png", "signatures.png"}
        }
        item = write_report_item(partition, inputs, summary.figures, folder=folder, store=store)
        record = Record(
            step=STEP,
            region=partition.region.id,
            collection=partition.region.collection,
            date=str(partition.date),
            empty=inputs.empty,
            summary={"figures": len(summary.figures), "page_bytes": summary.page_bytes},
            upstream=dict(inputs.digests),
            files={"report": PAGE, "numbers": NUMBERS, **preview, **item},
            digest=digest_of(STEP, __version__, *inputs.digests.values()),
        )
        store.write_record(folder, record)
    return record


def build_report(inputs: ReportInputs, folder: Place, *, runner: TaskRunner) -> ReportSummary:
    """Write pictures, numbers and page of a report.

    Args:
        inputs: What it says.
        folder: Where to write.
        runner: Where figures are drawn; this process opens neither mosaic nor Matplotlib.

    Returns:
        What was written.

    Raises:
        MissingArtifactError: The mosaic is not where it should be.
    """
    overview = None
    if inputs.mosaic is not None and inputs.geobox is not None:
        overview = make_overview(inputs.mosaic, inputs.geobox, runner=runner)
    chapters = _chapters(inputs, overview, runner)
    sketches = [sketch for chapter in chapters for sketch in chapter.sketches]
    drawn = runner.map(draw, sketches, label="figures")
    pictures = {
        sketch.key: Picture(sketch=sketch, drawing=drawing)
        for sketch, drawing in zip(sketches, drawn, strict=True)
    }
    for key, picture in pictures.items():
        (folder / f"{key}.png").write_bytes(picture.drawing.png)
    found = inputs.classes
    content = numbers(inputs, overview)
    (folder / NUMBERS).write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")
    page = Page(
        title=inputs.title,
        date=inputs.date.isoformat(),
        collection=inputs.collection,
        empty=reason(inputs.empty),
        facts=facts(inputs, overview),
        sections=[
            Section(
                id=chapter.id,
                title=chapter.title,
                text=chapter.text,
                pictures=[pictures[sketch.key] for sketch in chapter.sketches],
            )
            for chapter in chapters
        ],
        coverage=coverage(inputs),
        scenes=[scene_row(n, scene) for n, scene in enumerate(inputs.scenes, start=1)],
        provenance=provenance(inputs),
        classes=class_rows(inputs),
        signatures=found.signatures if found else pd.DataFrame(),
        warnings=found.warnings if found else (),
        continuity=continuity(inputs),
        reading=reading(inputs),
    )
    written = (folder / PAGE).write_bytes(render(page).encode())
    return ReportSummary(figures=tuple(f"{key}.png" for key in pictures), page_bytes=written)


def _chapters(
    inputs: ReportInputs, overview: Overview | None, runner: TaskRunner
) -> list[_Chapter]:
    chapters = []
    if overview is not None:
        histogram = sketch_ndvi_histogram(overview)
        pictures = [
            *sketch_maps(overview),
            *sketch_indices(overview),
            *([histogram] if histogram else []),
            sketch_band_histograms(overview),
        ]
        chapters.append(_Chapter("pictures", "What the satellite saw", "", pictures))
    if overview is not None and inputs.classes is not None:
        chapters += _class_chapters(inputs, overview, runner)
    if inputs.scenes or inputs.coverage:
        origin = []
        if overview is not None:
            labels = [f"{scene.acquired:%Y-%m-%d %H:%M} {scene.id}" for scene in inputs.scenes]
            origin = [sketch_origin(overview, labels)]
        chapters.append(_Chapter("data", "Data behind it", "", origin))
    return chapters


def _class_chapters(inputs: ReportInputs, overview: Overview, runner: TaskRunner) -> list[_Chapter]:
    found = inputs.classes
    assert found is not None
    [labels] = runner.map(
        read_labels, [LabelsTask(found.labels, overview.source.shape)], label="class map"
    )
    charts = {
        sketch.key: sketch
        for sketch in sketch_classes(
            found.classes, found.signatures, found.sample, found.k_scan, suggested=found.suggested
        )
    }
    what = [
        sketch_class_map(labels, found.classes, pixel_m=overview.pixel_m),
        *(charts.pop(key) for key in ("signatures", "class_areas")),
    ]
    return [
        _Chapter(
            "classes",
            "Classes of similar reflectance",
            "Pixels whose spectra resemble one another form a class. Names are hints from the "
            "mean spectrum of each class; nobody has checked them on the ground.",
            what,
        ),
        _Chapter(
            "quality",
            "How well the classes separate",
            f"{found.suggestion} In use: {len(found.classes)} classes.".strip(),
            list(charts.values()),
        ),
    ]
