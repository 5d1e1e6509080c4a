"""The page about burnt areas over the years: facts, maps, sites by year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from eo_assets import __version__
from eo_assets.catalog.collections import get_collection
from eo_assets.fires.severity import BURNT
from eo_assets.fires.sites import ID, NAME
from eo_assets.pipeline.burn_history import History
from eo_assets.reporting.page import Cell, Page, Picture, Section, Table
from eo_assets.storage.emptiness import reason
from eo_assets.storage.partition import WholeRegion
from eo_assets.storage.store import Record

_METHOD = (
    "Each year's season is compared with the same days a year before, both as the median of all "
    "clear observations: what burnt in between counts to the later year."
)
_CAUTION = (
    "Severity is the drop of the normalised burn ratio (dNBR) in classes of the USGS (Key and "
    "Benson 2006), which were calibrated in forests of the western United States. Felling, drought "
    "and harvest lower the ratio too: a map of burnt areas is a map of places to look at."
)


def burn_page(
    subject: WholeRegion,
    records: Mapping[int, Record],
    by_year: pd.DataFrame,
    site_years: pd.DataFrame,
    history: History,
    pictures: Sequence[Picture],
) -> Page:
    """Put the page together.

    Args:
        subject: The region.
        records: Of each year, empty ones included.
        by_year: One row a year that is not empty.
        site_years: One row a site and year.
        history: How often it burnt.
        pictures: The figures.
    """
    last = records[int(by_year["year"].max())].summary
    return Page(
        title=f"Burnt areas: {subject.region.title}",
        date=_span(by_year["year"].min(), by_year["year"].max()),
        collection=get_collection(subject.region.collection).title,
        facts=[
            ("Burnt at least once", f"{history.burnt_ha:,.0f} ha"),
            ("In more than one year", f"{history.repeat_ha:,.1f} ha"),
            ("Sites touched by fire", f"{_touched(site_years)} of {site_years[ID].nunique()}"),
        ],
        sections=[
            Section(id="maps", title="Where and how severely", text=_METHOD, pictures=pictures),
            Section(
                id="sites",
                title="Protected sites",
                text="A pixel counts with the share of it inside the site; sites may overlap.",
                pictures=[],
                tables=[_site_table(site_years), _repeat_table(history.by_site)],
            ),
            Section(
                id="years", title="Years", text=_CAUTION, pictures=[],
                tables=[_year_table(records, by_year)],
            ),
        ],
        provenance=[
            ("Season compared", str(last["season"])),
            ("Smallest patch kept", f"{last['min_patch_ha']:g} ha"),
            ("Taken off as the season's own change", f"dNBR {last['dnbr_offset']:.3f}"),
            ("Written by", f"eo_assets {__version__}"),
        ],
        footer="site_years.parquet, repeat_burns.parquet and report.json",
    )  # fmt: skip


def _span(first: int, last: int) -> str:
    return str(first) if first == last else f"{first} to {last}"


def _touched(site_years: pd.DataFrame) -> int:
    return int(site_years.loc[site_years["burnt_ha"] > 0, ID].nunique())


def _hectares(value: float) -> Cell:
    return Cell(text="–" if pd.isna(value) or value < 0.005 else f"{value:,.1f}")


def _site_table(site_years: pd.DataFrame) -> Table:
    burnt = site_years[site_years["burnt_ha"] > 0]
    ordered = burnt.sort_values(["year", "burnt_ha"], ascending=[False, False], kind="stable")
    return Table(
        caption="Hectares burnt in each site and year; sites and years without fire are left out.",
        header=("Site", "Year", "Burnt", "% of site", *(one.title for one in BURNT), "Seen (%)"),
        rows=[
            [
                Cell(text=row[NAME]),
                Cell(text=str(row["year"])),
                _hectares(row["burnt_ha"]),
                Cell(text=f"{row['burnt_pct']:.1f}"),
                *(_hectares(row[f"{one.key}_ha"]) for one in BURNT),
                Cell(text=f"{100 * row['seen_ha'] / row['site_ha']:.0f}"),
            ]
            for row in ordered.to_dict("records")
        ],
        numeric=frozenset(range(1, 5 + len(BURNT))),
    )


def _repeat_table(by_site: pd.DataFrame) -> Table:
    return Table(
        caption="Hectares of each site by how often they burnt.",
        header=("Site", "In one year", "In more than one"),
        rows=[
            [Cell(text=row[NAME]), _hectares(row["burnt_once_ha"]), _hectares(row["repeat_ha"])]
            for row in by_site.to_dict("records")
        ],
        numeric=frozenset({1, 2}),
    )


def _year_table(records: Mapping[int, Record], by_year: pd.DataFrame) -> Table:
    known = {int(row["year"]): row for row in by_year.to_dict("records")}
    rows = []
    for year in sorted(records, reverse=True):
        if row := known.get(year):
            cells = [f"{row['seen_pct']:.1f}", f"{row['burnt_ha']:,.1f}", f"{row['patches']:,}", ""]
        else:
            cells = ["–", "–", "–", reason(records[year].empty)]
        rows.append([Cell(text=str(year)), *(Cell(text=text) for text in cells)])
    return Table(
        caption="The region year by year.",
        header=("Year", "Seen twice (%)", "Burnt (ha)", "Patches", "Remark"),
        rows=rows,
        numeric=frozenset({1, 2, 3}),
    )
