"""The report page: one HTML file that needs nothing else, not even a network."""

from __future__ import annotations

import base64
import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from eo_assets.reporting.figures import Drawing, Sketch


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A drawn figure and its words."""

    sketch: Sketch
    drawing: Drawing

    @property
    def data_url(self) -> str:
        """The picture as a URL that carries it."""
        content = base64.b64encode(self.drawing.inline).decode()
        return f"data:{self.drawing.media_type};base64,{content}"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: What it says.
        link: Address relative to the page; empty for none.
        colour: Of a swatch before the text, ``#RRGGBB``; empty for none.
    """

    text: str
    link: str = ""
    colour: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a section.

    Attributes:
        caption: What it holds.
        header: Titles of the columns.
        rows: Cells by row; the first of each row is its header.
        numeric: Positions of the columns of numbers.
    """

    caption: str
    header: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    numeric: frozenset[int] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Section:
    """Part of the page."""

    id: str
    title: str
    text: str
    pictures: Sequence[Picture]
    tables: Sequence[Table] = ()


@dataclass(frozen=True, kw_only=True)
class Share:
    """Part of the region's pixels."""

    name: str
    percent: float
    css_class: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """Everything the page shows.

    Attributes:
        title: Region.
        date: ISO 8601.
        collection: Of the scenes.
        empty: A sentence why there is nothing, or less than usual, to see; empty when all is there.
        facts: Headline numbers: label and value.
        sections: Pictures, in order.
        classes: One row a class.
        signatures: One row a class and band.
        warnings: What to know before trusting the classes.
        continuity: How the classes continue those of earlier dates: label and value.
        reading: How completely the scenes could be read: label and value.
        coverage: How the region's pixels divide; adds up to 100.
        scenes: One row a scene: ``position, id, acquired, platform, cloud, baseline``.
        provenance: What it was made from and with: label and value.
        footer: Where the numbers are.
    """

    title: str
    date: str
    collection: str
    empty: str = ""
    facts: Sequence[tuple[str, str]] = ()
    sections: Sequence[Section] = ()
    classes: pd.DataFrame = field(default_factory=pd.DataFrame)
    signatures: pd.DataFrame = field(default_factory=pd.DataFrame)
    warnings: Sequence[str] = ()
    continuity: Sequence[tuple[str, str]] = ()
    reading: Sequence[tuple[str, str]] = ()
    coverage: Sequence[Share] = ()
    scenes: Sequence[Mapping[str, str]] = ()
    provenance: Sequence[tuple[str, str]] = ()
    footer: str = "report.json"


def render(page: Page) -> str:
    """Write the page as HTML; the same page gives the same text."""
    css = files("eo_assets.reporting").joinpath("report.css").read_text(encoding="utf-8")
    return _template().render(
        page=page,
        css=Markup(css),  # noqa: S704  a file of this package
        classes=page.classes.to_dict("records"),
        spectra=_spectra(page.signatures),
    )


@functools.cache
def _template() -> Template:
    """Compile the template, once a process: it takes longer than a page."""
    environment = Environment(
        loader=PackageLoader("eo_assets.reporting", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = _number
    return environment.get_template("report.html.j2")


def _spectra(signatures: pd.DataFrame) -> list[dict[str, Any]]:
    """One row a band, with mean and deviation of each class."""
    if signatures.empty:
        return []
    bands = signatures.drop_duplicates("band").sort_values("wavelength_um")
    return [
        {
            **{str(key): value for key, value in band.items()},
            "cells": signatures[signatures["band"] == band["band"]]
            .sort_values("class_id")[["mean", "sd"]]
            .to_dict("records"),
        }
        for band in bands[["band", "title", "wavelength_um", "units"]].to_dict("records")
    ]


def _number(value: float, digits: int) -> str:
    """A number for people; a dash where there is none."""
    return "–" if pd.isna(value) else f"{value:,.{digits}f}".replace("-", "−")
