"""Burnt areas of a region over the years: sites by year, repeat burns, maps, one page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import numpy.typing as npt
import pandas as pd

from eo_assets import __version__
from eo_assets.errors import MissingArtifactError
from eo_assets.fires.severity import BURNT
from eo_assets.fires.sites import site_names
from eo_assets.pipeline.burn_history import TIMES, History, HistoryTask, count_years
from eo_assets.pipeline.burn_item import write_years_item
from eo_assets.pipeline.burn_page import burn_page
from eo_assets.pipeline.burn_sites import read_sites
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import Place
from eo_assets.reporting.figures import Sketch, draw
from eo_assets.reporting.fire_figures import (
    Outline,
    sketch_severity,
    sketch_times,
    sketch_years,
)
from eo_assets.reporting.page import Picture, render
from eo_assets.storage.companions import companions, pictures
from eo_assets.storage.partition import Partition, WholeRegion
from eo_assets.storage.store import Record, Store, digest_of, file_digest
from eo_assets.storage.tables import read_table, write_table
from eo_assets.storage.vectors import sites_file

STEP = "burnt_area_report"
AREAS = "burnt_areas"
PAGE, SITE_YEARS, REPEATS, NUMBERS = (
    "report.html", "site_years.parquet", "repeat_burns.parquet", "report.json",
)  # fmt: skip

SHOWN_YEARS = 6
"""Years with a map on the page, the last ones; tables have all."""


@dataclass(frozen=True)
class _Years:
    """The years there are, by year."""

    records: Mapping[int, Record]
    folders: Mapping[int, Place]

    @property
    def made(self) -> dict[int, Record]:
        """Those that are not empty."""
        return {year: record for year, record in self.records.items() if not record.empty}


def materialise(subject: WholeRegion, *, sites: Path, store: Store, runner: TaskRunner) -> Record:
    """Report on all years of a region whose burnt areas have been materialised.

    Args:
        subject: The region.
        sites: Folder with a file of protected sites for each region.
        store: Where the years are and the report goes.
        runner: Where maps are read and figures drawn.

    Returns:
        The record; empty with ``never_seen_twice`` when all years are empty.

    Raises:
        MissingArtifactError: ``burnt_areas`` has not been materialised for any year.
        GridMismatchError: Years are on different grids.
        ConfigurationError: Sites are missing or unusable.
        StorageError: The report cannot be stored.
    """
    years = _years_of(subject, store)
    file = sites_file(sites, subject.region.id)
    record = Record(
        step=STEP,
        region=subject.region.id,
        collection=subject.region.collection,
        date=subject.period,
        upstream={f"{AREAS} {year}": one.digest for year, one in years.records.items()},
        digest=digest_of(
            STEP, __version__, file_digest(file), *(one.digest for one in years.records.values())
        ),
    )
    with store.publish(subject, STEP) as folder:
        if years.made:
            record = _written(
                subject, years, read_sites(file, subject.region), folder, runner, record
            )
        else:
            record = record.model_copy(update={"empty": "never_seen_twice"})
        store.write_record(folder, record)
    return record


def _years_of(subject: WholeRegion, store: Store) -> _Years:
    partitions = [
        Partition(subject.region, date, "yearly") for date in store.dates(subject.region, AREAS)
    ]
    if not partitions:
        raise MissingArtifactError(
            f"There is no {AREAS} of {subject}.", f"Materialise {AREAS} of some years first."
        )
    return _Years(
        records={one.date.year: store.read_usable(one, AREAS) for one in partitions},
        folders={one.date.year: store.folder(one, AREAS) for one in partitions},
    )


def _written(
    subject: WholeRegion,
    years: _Years,
    sites: geopandas.GeoDataFrame,
    folder: Place,
    runner: TaskRunner,
    record: Record,
) -> Record:
    site_years = pd.concat(
        [
            read_table(years.folders[year] / one.files["sites"]).assign(year=year)
            for year, one in years.made.items()
        ],
        ignore_index=True,
    )
    site_years.insert(0, "year", site_years.pop("year"))
    grid_name = next(iter(years.made.values())).files["severity"].rpartition("burn-severity")[2]
    name = f"{subject.region.id}_{subject.region.collection}_years-burnt{grid_name}"
    task = HistoryTask(
        maps={
            year: str(years.folders[year] / r.files["severity"]) for year, r in years.made.items()
        },
        target=str(folder / name),
        sites=sites,
        tags={
            "TIFFTAG_SOFTWARE": f"eo_assets {__version__}",
            "YEARS": " ".join(str(year) for year in years.made),
        },
    )
    [history] = runner.map(count_years, [task], label="years")
    write_table(folder / SITE_YEARS, site_years)
    write_table(folder / REPEATS, history.by_site)
    by_year = _by_year(years)
    sketches = _sketches(years, by_year, history, sites)
    drawings = runner.map(draw, sketches, label="figures")
    drawn = []
    for sketch, drawing in zip(sketches, drawings, strict=True):
        (folder / f"{sketch.key}.png").write_bytes(drawing.png)
        drawn.append(Picture(sketch=sketch, drawing=drawing))
    summary: dict[str, float | int | str] = {
        "years": len(years.made),
        "first_year": min(years.made),
        "last_year": max(years.made),
        "sites": len(sites),
        "burnt_ha": history.burnt_ha,
        "repeat_ha": history.repeat_ha,
    }
    numbers = {**summary, "by_year": by_year.to_dict("records")}
    (folder / NUMBERS).write_text(json.dumps(numbers, indent=1), encoding="utf-8")
    page = burn_page(subject, years.records, by_year, site_years, history, drawn)
    (folder / PAGE).write_text(render(page), encoding="utf-8")
    figures = {sketch.key: f"{sketch.key}.png" for sketch in sketches}
    described = companions(
        folder,
        {
            "report": (PAGE, "The report"),
            "numbers": (NUMBERS, "Burnt area by year"),
            "site_years": (SITE_YEARS, "Burnt area by protected site and year"),
            "repeat_burns": (REPEATS, "What burnt more than once, by protected site"),
            **pictures(figures.values(), ending="_picture"),
        },
    )
    item = write_years_item(subject, years.made, history, folder / name, described)
    files = {
        "report": PAGE,
        **figures,
        "years_burnt_map": name,
        "site_years": SITE_YEARS,
        "repeat_burns": REPEATS,
        "stac_item": item,
    }
    return record.model_copy(update={"summary": summary, "files": files})


def _by_year(years: _Years) -> pd.DataFrame:
    columns = ["seen_pct", "burnt_ha", *(f"{one.key}_ha" for one in BURNT), "patches"]
    return pd.DataFrame(
        [
            {"year": year, **{name: record.summary[name] for name in columns}}
            for year, record in years.made.items()
        ]
    )


def _sketches(
    years: _Years, by_year: pd.DataFrame, history: History, sites: geopandas.GeoDataFrame
) -> list[Sketch]:
    geobox = history.grid.geobox
    pixel_m = float(geobox.resolution.x) * history.factor
    outlines = _outlines(sites, history)
    sketches = [sketch_years(by_year)]
    for year in sorted(years.made, reverse=True)[:SHOWN_YEARS]:
        numbers = years.records[year].summary
        sketches.append(
            sketch_severity(year, history.views[year], outlines, numbers, pixel_m=pixel_m)
        )
    if len(years.made) > 1:
        key = {0: ("Not burnt", "#EFEDE3"), **TIMES}
        shown = {code: one for code, one in key.items() if (history.times == code).any()}
        sketches.append(
            sketch_times(
                history.times, shown, outlines, pixel_m=pixel_m, repeat_ha=history.repeat_ha
            )
        )
    return sketches


def _outlines(sites: geopandas.GeoDataFrame, history: History) -> list[Outline]:
    to_pixels = ~history.grid.geobox.transform
    top, left = history.corner
    found: list[Outline] = []
    for name, geometry in zip(site_names(sites), sites.geometry, strict=True):
        rings: list[npt.NDArray[np.float64]] = []
        for part in getattr(geometry, "geoms", [geometry]):
            x, y = np.asarray(part.exterior.coords)[:, :2].T
            columns = (to_pixels.a * x + to_pixels.c - left) / history.factor - 0.5
            rows = (to_pixels.e * y + to_pixels.f - top) / history.factor - 0.5
            rings.append(np.stack([columns, rows], axis=1))
        found.append((name, rings))
    return found
