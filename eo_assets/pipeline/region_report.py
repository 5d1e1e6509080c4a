"""A region over time: classes by area, NDVI, how much was seen, links to the dates' reports."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd

from eo_assets import __version__
from eo_assets.catalog.collections import get_collection
from eo_assets.errors import MissingArtifactError
from eo_assets.pipeline.region_tables import RegionTables, collect, read_tables
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.reporting import time_charts
from eo_assets.reporting.figures import Sketch, draw
from eo_assets.reporting.page import Cell, Page, Picture, Section, Table, render
from eo_assets.storage.partition import WholeRegion
from eo_assets.storage.store import Record, Store, digest_of
from eo_assets.storage.tables import write_table

STEP = "region_report"
PAGE, DATES, AREAS = "report.html", "dates.parquet", "class_areas.parquet"
MOSAIC = "mosaic"


@dataclass(frozen=True, kw_only=True)
class RegionReportOptions:
    """Which dates to show.

    Attributes:
        first: The first; None for the first there is.
        last: The last; None for the last there is.
    """

    first: dt.date | None = None
    last: dt.date | None = None


def materialise(
    subject: WholeRegion, *, store: Store, runner: TaskRunner, options: RegionReportOptions
) -> Record:
    """Write the report of all dates of a region that have been materialised.

    Records and small tables are read, of dates that changed since the last time only; no pixel is.

    Args:
        subject: The region.
        store: Where the products of the dates are and the report goes.
        runner: Where figures are drawn.
        options: Which dates.

    Returns:
        The record.

    Raises:
        MissingArtifactError: ``mosaic`` has not been materialised for any of the dates.
        StaleArtifactError: A product was written by an incompatible version.
        StorageError: The report cannot be stored.
    """
    first, last = options.first or dt.date.min, options.last or dt.date.max
    wanted = [day for day in store.dates(subject.region, MOSAIC) if first <= day <= last]
    if not wanted:
        raise MissingArtifactError(
            f"There is no {MOSAIC} of {subject} between the dates asked for.",
            "Materialise some dates first.",
        )
    former = read_tables(store.folder(subject, STEP), DATES, AREAS)
    tables, read = collect(subject, store, wanted, former)
    comparable = comparable_areas(tables)
    sketches = _sketches(tables, comparable)
    drawings = runner.map(draw, sketches, label="figures")
    with store.publish(subject, STEP) as folder:
        write_table(folder / DATES, tables.dates)
        write_table(folder / AREAS, tables.areas)
        pictures = []
        for sketch, drawing in zip(sketches, drawings, strict=True):
            (folder / f"{sketch.key}.png").write_bytes(drawing.png)
            pictures.append(Picture(sketch=sketch, drawing=drawing))
        text = render(_page(subject, tables, comparable, pictures))
        written = (folder / PAGE).write_bytes(text.encode())
        record = Record(
            step=STEP,
            region=subject.region.id,
            collection=subject.region.collection,
            date=subject.period,
            summary={
                "dates": len(tables.dates),
                "with_image": int((tables.dates["empty"] == "").sum()),
                "read_anew": read,
                "page_bytes": written,
            },
            files={
                "report": PAGE,
                "dates_table": DATES,
                "areas_table": AREAS,
                **{sketch.key: f"{sketch.key}.png" for sketch in sketches},
            },
            digest=digest_of(STEP, __version__, *tables.dates["digest"]),
        )
        store.write_record(folder, record)
    return record


def comparable_areas(tables: RegionTables) -> pd.DataFrame:
    """Areas of the dates that have the newest code book: the ids of others mean other classes."""
    books = tables.areas["code_book"]
    return tables.areas if books.empty else tables.areas[books == books.iloc[-1]]


def _sketches(tables: RegionTables, areas: pd.DataFrame) -> list[Sketch]:
    dates = tables.dates
    gaps = dates[dates["empty"] != ""]
    sketches = []
    if dates["ndvi_mean"].notna().any():
        best = dates.iloc[int(np.nanargmax(dates["ndvi_mean"].to_numpy(float)))]
        sketches.append(
            Sketch(
                key="ndvi_over_time",
                title="NDVI over time",
                alt=f"Mean NDVI on {dates['ndvi_mean'].notna().sum()} dates, highest "
                f"{best['ndvi_mean']:.2f} on {best['date']}; {len(gaps)} dates have no image.",
                note="Mean of the valid pixels; no line crosses a date without an image, or over "
                f"{time_charts.LONGEST_DAYS} days.",
                draw=time_charts.draw_ndvi_curve,
                arguments={"dates": dates},
            )
        )
    seen = dates["valid_pct"].fillna(0.0)
    sketches.append(
        Sketch(
            key="seen_over_time",
            title="How much was seen",
            alt=f"Valid share of the region on {len(dates)} dates: from {seen.min():.0f} to "
            f"{seen.max():.0f} per cent.",
            note="No bar: no scene.",
            draw=time_charts.draw_seen,
            arguments={"dates": dates},
        )
    )
    if not areas.empty:
        sketches.append(
            Sketch(
                key="classes_over_time",
                title="Classes over time",
                alt=f"Area of {areas['class_id'].nunique()} classes on "
                f"{areas['date'].nunique()} dates, stacked.",
                note="Of the valid pixels: under cloud there is no class, and the bar is shorter.",
                draw=time_charts.draw_class_areas,
                arguments={"areas": areas, "dates": dates["date"].tolist()},
            )
        )
    return sketches


def _page(
    subject: WholeRegion, tables: RegionTables, areas: pd.DataFrame, pictures: list[Picture]
) -> Page:
    dates = tables.dates
    with_image = int((dates["empty"] == "").sum())
    others = tables.areas["date"].nunique() - areas["date"].nunique()
    text = (
        f"{others} dates were classified with another code book and are left out of the classes."
        if others
        else ""
    )
    return Page(
        title=subject.region.title,
        date=f"{dates['date'].iloc[0]} to {dates['date'].iloc[-1]}",
        collection=get_collection(subject.region.collection).title,
        facts=[
            ("Dates", str(len(dates))),
            ("With an image", str(with_image)),
            ("Median share seen", f"{dates['valid_pct'].fillna(0.0).median():.1f} %"),
        ],
        sections=[
            Section(id="time", title="Over time", text=text, pictures=pictures),
            Section(
                id="dates", title="Dates", text="", pictures=[], tables=[_table_of_dates(dates)]
            ),
        ],
        provenance=[("Region", subject.region.id), ("Software", f"eo_assets {__version__}")],
        footer=f"{DATES} and {AREAS}",
    )


def _table_of_dates(dates: pd.DataFrame) -> Table:
    def number(value: float, digits: int) -> Cell:
        return Cell(text="–" if pd.isna(value) else f"{value:.{digits}f}")

    rows = [
        [
            # this page lies in a folder beside the dates
            Cell(text=row["date"], link=f"../../{row['report']}" if row["report"] else ""),
            number(row["valid_pct"], 1),
            number(row["masked_pct"], 1),
            number(row["ndvi_mean"], 2),
            Cell(text=row["why"] or "image"),
        ]
        for row in dates.iloc[::-1].to_dict("records")
    ]
    return Table(
        caption="Newest first; dates lead to their reports.",
        header=("Date", "Seen (%)", "Cloud (%)", "Mean NDVI", "What there is"),
        rows=rows,
        numeric=frozenset({1, 2, 3}),
    )
