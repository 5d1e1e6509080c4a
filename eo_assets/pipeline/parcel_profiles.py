"""NDVI of each parcel over the year: its curve, and when its season starts, peaks and ends.

Made from the tables of single dates, which are small: a new date is computed on its own, a date
that is made again replaces its rows, and only the curves are drawn anew.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import geopandas
import numpy as np
import pandas as pd
from odc.geo.crs import CRS

from eo_assets import __version__
from eo_assets.cube.grid import project_outline, region_geobox
from eo_assets.errors import MissingArtifactError
from eo_assets.parcels.checking import ID, checked_parcels
from eo_assets.parcels.season import (
    SMOOTHNESS,
    double_logistic,
    fit_double_logistic,
    phenology,
    whittaker,
)
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import Place, place
from eo_assets.reporting.figures import draw
from eo_assets.reporting.page import Page, Picture, Section, render
from eo_assets.reporting.seasons import sketch_curves, sketch_peaks
from eo_assets.storage.partition import Partition, WholeRegion
from eo_assets.storage.store import Record, Store, digest_of, file_digest
from eo_assets.storage.tables import read_table, write_table
from eo_assets.storage.vectors import parcels_file, read_polygons

STEP = "parcel_profiles"
STATS = "parcel_stats"
OBSERVATIONS, SEASONS, CURVES = "observations.parquet", "seasons.parquet", "curves.parquet"
_YEAR = np.arange(1.0, 367.0)

MIN_DATES = 3
"""With fewer usable dates in a year a parcel has no curve."""


@dataclass(frozen=True, kw_only=True)
class ProfileOptions:
    """What can be chosen.

    Attributes:
        method: How gaps are filled.
        smoothness: Of Whittaker's curve.
        threshold: Share of the amplitude at which a season starts and ends.
        min_valid_fraction: Dates on which less of a parcel was seen are left out of its curve.
    """

    method: Literal["whittaker", "double_logistic"] = "double_logistic"
    smoothness: float = SMOOTHNESS
    threshold: float = 0.5
    min_valid_fraction: float = 0.5


@dataclass(frozen=True, kw_only=True)
class ProfilesTask:
    """Profiles to make.

    Attributes:
        tables: Tables of single dates.
        parcels: File of the parcels.
        outline: Of the region, GeoJSON in longitude and latitude.
        crs: CRS of the region's grid.
        title: Region, for people.
        folder: Where to write.
        options: What was chosen.
    """

    tables: tuple[str, ...]
    parcels: str
    outline: dict[str, Any]
    crs: str
    title: str
    folder: str
    options: ProfileOptions


def materialise(
    subject: WholeRegion,
    *,
    folder: Path,
    store: Store,
    runner: TaskRunner,
    options: ProfileOptions,
) -> Record:
    """Draw the curve of each parcel through all dates there are, on a worker.

    Args:
        subject: The region.
        folder: Folder with a file of parcels for each region.
        store: Where the tables of single dates are and the product goes.
        runner: Where it is made.
        options: What was chosen.

    Returns:
        The record; empty with ``no_valid_pixel`` when no date has a parcel that was seen.

    Raises:
        MissingArtifactError: ``parcel_stats`` has not been materialised for any date.
        ConfigurationError: There are no parcels, or none that can be used.
        StorageError: The product cannot be stored.
    """
    records = _of_dates(subject, store)
    upstream = {date: record.digest for date, record in records.items()}
    seen = {date: record for date, record in records.items() if not record.empty}
    source = parcels_file(folder, subject.region.id)
    digest = digest_of(STEP, json.dumps(upstream), file_digest(source), repr(options), __version__)
    record = Record(
        step=STEP,
        region=subject.region.id,
        collection=subject.region.collection,
        date=subject.period,
        upstream=upstream,
        digest=digest,
    )
    with store.publish(subject, STEP) as draft:
        if seen:
            tables = [
                _folder(subject, store, date) / r.files["statistics"] for date, r in seen.items()
            ]
            task = ProfilesTask(
                tables=tuple(str(path) for path in tables),
                parcels=str(source),
                outline=subject.region.geometry,
                crs=str(region_geobox(subject.region).crs),
                title=subject.region.title,
                folder=str(draft),
                options=options,
            )
            [(summary, pictures)] = runner.map(make_profiles, [task], label="profiles")
            files = {
                "report": "report.html",
                **pictures,
                "observations": OBSERVATIONS,
                "seasons": SEASONS,
                "curves": CURVES,
            }
            record = record.model_copy(update={"summary": summary, "files": files})
        else:
            record = record.model_copy(update={"empty": "no_valid_pixel"})
        store.write_record(draft, record)
    return record


def _folder(subject: WholeRegion, store: Store, date: str) -> Place:
    return store.folder(Partition(subject.region, dt.date.fromisoformat(date)), STATS)


def _of_dates(subject: WholeRegion, store: Store) -> dict[str, Record]:
    dates = store.dates(subject.region, STATS)
    if not dates:
        raise MissingArtifactError(
            f"There is no {STATS} of {subject}.", f"Materialise {STATS} of some dates first."
        )
    return {str(date): store.read_record(Partition(subject.region, date), STATS) for date in dates}


def make_profiles(
    task: ProfilesTask,
) -> tuple[dict[str, float | int | str], dict[str, str]]:
    """Write observations, seasons, curves, pictures and page; runs on a worker.

    ``observations.parquet`` has all rows of all dates. ``seasons.parquet`` is GeoParquet: a row a
    parcel and year with the parcel's own columns, the number of dates used, ``start``, ``peak`` and
    ``end`` (dates), ``base`` and ``top`` (NDVI). ``curves.parquet`` has NDVI every five days.

    Args:
        task: What to make.

    Returns:
        Numbers for the record, and names of the pictures by role.
    """
    folder = place(task.folder)
    observed = pd.concat([read_table(place(path)) for path in task.tables], ignore_index=True)
    observed = observed.sort_values([ID, "date"], ignore_index=True)
    write_table(folder / OBSERVATIONS, observed, compression="zstd")
    parcels = checked_parcels(
        read_polygons(Path(task.parcels)),
        origin=task.parcels,
        region=project_outline(task.outline, CRS(task.crs)).geom,
        crs=task.crs,
    )
    seasons, curves = fit_seasons(observed, task.options)
    write_table(folder / CURVES, curves, compression="zstd")
    joined = parcels.merge(seasons, on=ID, how="inner", suffixes=("", "_season"))
    write_table(folder / SEASONS, joined, compression="zstd")
    summary = _numbers(observed, joined)
    pictures = _write_page(task, observed, joined, curves, summary)
    return summary, pictures


def fit_seasons(
    observed: pd.DataFrame, options: ProfileOptions
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw a curve through each parcel's year and read its dates.

    Args:
        observed: Rows of ``parcel_stats``, ordered by parcel and date.
        options: What was chosen.

    Returns:
        Seasons: one row a parcel and year. Curves: one row a parcel and fifth day, between the
        first and the last date used.
    """
    usable = observed[
        observed["mean"].notna() & (observed["valid_fraction"] >= options.min_valid_fraction)
    ]
    seasons, curves = [], []
    for (parcel, year), rows in usable.groupby([ID, usable["date"].dt.year], sort=True):
        if len(rows) < MIN_DATES:
            continue
        days = rows["date"].dt.day_of_year.to_numpy(np.float64)
        values = rows["mean"].to_numpy(np.float64)
        weights = rows["valid_fraction"].to_numpy(np.float64)
        daily = np.arange(days[0], days[-1] + 1)
        known = (float(days[0]), float(days[-1]))
        if options.method == "whittaker":
            curve = whittaker(days, values, weights, smoothness=options.smoothness)
            found = phenology(daily, curve, threshold=options.threshold, seen=known)
        else:
            parameters = fit_double_logistic(days, values, weights)
            if parameters is None:
                continue
            curve = double_logistic(daily, parameters)
            # the level at rest is the fit's: few dates reach down to it
            year_round = double_logistic(_YEAR, parameters)
            found = phenology(_YEAR, year_round, threshold=options.threshold, seen=known)
        seasons.append(
            {
                ID: parcel,
                "year": year,
                "dates": len(rows),
                "start": _date(year, found.start),
                "peak": _date(year, found.peak),
                "end": _date(year, found.end),
                "base": np.float32(found.base),
                "top": np.float32(found.top),
            }
        )
        curves.append(
            pd.DataFrame(
                {ID: parcel, "year": year, "day": daily[::5].astype("int16"), "ndvi": curve[::5]}
            )
        )
    columns = [ID, "year", "dates", "start", "peak", "end", "base", "top"]
    table = pd.DataFrame(seasons, columns=columns)
    table[["start", "peak", "end"]] = table[["start", "peak", "end"]].astype("datetime64[s]")
    empty = pd.DataFrame(columns=[ID, "year", "day", "ndvi"])
    return table, pd.concat(curves, ignore_index=True) if curves else empty


def _date(year: Any, day: float) -> pd.Timestamp | None:
    if not np.isfinite(day):
        return None
    return pd.Timestamp(int(year), 1, 1) + pd.Timedelta(days=round(day) - 1)


def _numbers(
    observed: pd.DataFrame, seasons: geopandas.GeoDataFrame
) -> dict[str, float | int | str]:
    dates = observed["date"]
    numbers: dict[str, float | int | str] = {
        "parcels": int(observed[ID].nunique()),
        "dates": int(dates.nunique()),
        "first_date": str(dates.min().date()),
        "last_date": str(dates.max().date()),
        "rows": len(observed),
        "seasons": len(seasons),
    }
    for name in ("start", "peak", "end"):
        known = seasons[name].dropna()
        numbers[f"{name}_known"] = len(known)
        if len(known):
            numbers[f"median_{name}_day"] = int(known.dt.day_of_year.median())
    return numbers


def _write_page(
    task: ProfilesTask,
    observed: pd.DataFrame,
    seasons: geopandas.GeoDataFrame,
    curves: pd.DataFrame,
    summary: Mapping[str, float | int | str],
) -> dict[str, str]:
    folder = place(task.folder)
    year = int(seasons["year"].mode().max()) if len(seasons) else None
    sketches: Sequence[Any] = []
    if year is not None:
        of_year = seasons[seasons["year"] == year]
        sketches = [
            sketch_curves(of_year, observed, curves, year=year),
            sketch_peaks(of_year, year=year),
        ]
    drawings = {sketch.key: draw(sketch) for sketch in sketches}
    for key, drawing in drawings.items():
        (folder / f"{key}.png").write_bytes(drawing.png)
    numbers = {"region": task.title, **summary}
    (folder / "report.json").write_text(json.dumps(numbers, indent=1), encoding="utf-8")
    page = Page(
        title=f"Parcels: {task.title}",
        date=str(year or summary["last_date"]),
        collection="NDVI of parcels over the year",
        facts=[
            ("Parcels", f"{summary['parcels']:,}"),
            ("Dates", str(summary["dates"])),
            ("Seasons", f"{summary['seasons']:,}"),
        ],
        sections=[
            Section(
                id="pictures",
                title="The year",
                text="Dots are observations, lines the fitted curve. A start or end outside of the "
                "observed dates is not given.",
                pictures=[Picture(sketch=one, drawing=drawings[one.key]) for one in sketches],
            )
        ],
        provenance=[
            ("Dates", f"{summary['first_date']} to {summary['last_date']}"),
            ("Curve", task.options.method.replace("_", " ")),
            ("Start and end at", f"{task.options.threshold:.0%} of the amplitude"),
            ("Written by", f"eo_assets {__version__}"),
        ],
    )
    (folder / "report.html").write_text(render(page), encoding="utf-8")
    return {sketch.key: f"{sketch.key}.png" for sketch in sketches}
