"""The report of a land-cover map: figures drawn on workers, and a page that needs nothing else."""

from __future__ import annotations

from eo_assets.pipeline.report_tasks import LabelsTask, read_labels
from eo_assets.pipeline.supervised_classification import LandCover
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import Place
from eo_assets.reporting.figures import draw
from eo_assets.reporting.land_cover_figures import sketch_land_cover
from eo_assets.reporting.land_cover_page import LandCoverPage, render_land_cover
from eo_assets.reporting.overview import decimation
from eo_assets.reporting.page import Picture
from eo_assets.supervised.accuracy import Z_95

PAGE = "report.html"


def write_report(
    folder: Place,
    made: LandCover,
    *,
    title: str,
    date: str,
    labels: Place,
    pixel_m: float,
    shape: tuple[int, int],
    runner: TaskRunner,
) -> dict[str, str]:
    """Draw the figures and write the page.

    Args:
        folder: Where.
        made: The land cover.
        title: Region, for people.
        date: Of the mosaic.
        labels: The class map.
        pixel_m: Its pixel size, metres.
        shape: Its rows and columns.
        runner: Where figures are drawn.

    Returns:
        Names of the files by role.
    """
    factor = decimation(shape)
    small = (-(-shape[0] // factor), -(-shape[1] // factor))
    [codes] = runner.map(read_labels, [LabelsTask(str(labels), small)], label="class map")
    sketches = sketch_land_cover(
        codes, made.model.classes, made.counts, made.table, made.importance,
        pixel_m=pixel_m * factor,
    )  # fmt: skip
    drawings = runner.map(draw, sketches, label="figures")
    for sketch, drawing in zip(sketches, drawings, strict=True):
        (folder / f"{sketch.key}.png").write_bytes(drawing.png)
    overall = f"{made.accuracy.overall:.1%} ± {Z_95 * made.accuracy.overall_se:.1%}"
    page = LandCoverPage(
        title=title,
        date=date,
        facts=(
            ("Overall accuracy, 95 % interval", overall),
            ("Held-out pixels predicted rightly", f"{made.pixel_accuracy:.1%}"),
            ("Training", f"{made.model.n_pixels:,} pixels in {made.model.n_polygons} polygons"),
            ("Method", made.model.method.replace("_", " ")),
        ),
        warnings=made.warnings,
        table=made.table,
        pictures=tuple(
            Picture(sketch=sketch, drawing=drawing)
            for sketch, drawing in zip(sketches, drawings, strict=True)
        ),
    )
    (folder / PAGE).write_text(render_land_cover(page), encoding="utf-8")
    return {"report": PAGE, **{f"{s.key}_figure": f"{s.key}.png" for s in sketches}}
