"""Pictures and tables of what was asked of a map."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from eo_assets.reporting.style import ACCENT, QUIET, dress, new_figure, to_png

_COLOURS = (ACCENT, "#1d4e89", "#2a7f62", "#7b4b94", "#b08900", QUIET)
_NUMBERS = ("count", "mean", "median", "min", "max", "sd")


def series_chart(series: Iterable[Mapping[str, Any]], *, title: str) -> bytes:
    """Draw medians over time, with the range from the tenth to the ninetieth percentile.

    Args:
        series: Observations as the tile service gives them; those without a valid pixel are left
            out.
        title: For people.

    Returns:
        A PNG.
    """
    bands: dict[str, list[Mapping[str, Any]]] = {}
    for row in series:
        points = bands.setdefault(str(row["band"]), [])
        if row["median"] is not None:
            points.append(row)
    figure = new_figure(4.6, 2.5)
    axes = figure.add_subplot()
    dress(axes, x="local solar day", y=", ".join(bands), title=title)
    for colour, (band, rows) in zip(_COLOURS * len(bands), bands.items(), strict=False):
        days = np.array([row["time"][:10] for row in rows], "datetime64[D]")
        low, middle, high = ([row[name] for row in rows] for name in ("p10", "median", "p90"))
        axes.fill_between(days, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(days, middle, marker="o", markersize=3.5, linewidth=1.2, color=colour, label=band)
    if len(bands) > 1:
        axes.legend(fontsize=7, frameon=False)
    axes.xaxis.set_major_locator(_locator())
    axes.xaxis.set_major_formatter(_formatter())
    return to_png(figure)


def statistics_table(bands: Mapping[str, Mapping[str, Any]], *, title: str) -> str:
    """Give statistics of bands as an HTML table."""
    head = "".join(f"<th>{name}</th>" for name in ("band", *_NUMBERS))
    rows = "".join(
        f"<tr><td>{html.escape(band)}</td>"
        + "".join(f"<td>{_number(found[name])}</td>" for name in _NUMBERS)
        + "</tr>"
        for band, found in bands.items()
    )
    return f"<b>{html.escape(title)}</b><table><tr>{head}</tr>{rows}</table>"


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _locator() -> Any:
    from matplotlib.dates import AutoDateLocator

    return AutoDateLocator(minticks=3, maxticks=7)


def _formatter() -> Any:
    from matplotlib.dates import ConciseDateFormatter

    return ConciseDateFormatter(_locator())
