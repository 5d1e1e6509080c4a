"""The page about a land-cover map: one HTML file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from eo_assets.reporting.page import Picture


@dataclass(frozen=True, kw_only=True)
class LandCoverPage:
    """What the page shows.

    Attributes:
        title: Region.
        date: ISO 8601.
        facts: Headline numbers: label and value.
        warnings: What to know before trusting the map.
        table: One row a class, see ``supervised.accuracy.accuracy_table``.
        pictures: Figures, in order.
    """

    title: str
    date: str
    facts: Sequence[tuple[str, str]]
    warnings: Sequence[str]
    table: pd.DataFrame
    pictures: Sequence[Picture]


def render_land_cover(page: LandCoverPage) -> str:
    """Write the page as HTML; the same page gives the same text."""
    environment = Environment(
        loader=PackageLoader("eo_assets.reporting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["share"] = lambda value: "–" if pd.isna(value) else f"{100 * value:.1f}"
    css = files("eo_assets.reporting").joinpath("report.css").read_text(encoding="utf-8")
    return environment.get_template("land_cover.html.j2").render(
        page=page,
        css=Markup(css),  # noqa: S704  a file of this package
        classes=page.table.to_dict("records"),
    )
