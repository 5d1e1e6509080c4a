"""Pictures and tables of what was asked of a map."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

from eo_assets.reporting.style import ACCENT, QUIET, dress, new_figure, to_png

_COLOURS = (ACCENT, "#1d4e89", "#2a7f62", "#7b4b94", "#b08900", QUIET)
_MARGIN = np.timedelta64(3, "D")
_NUMBERS = ("count", "mean", "median", "min", "max", "sd")


def series_chart(
    series: Iterable[Mapping[str, Any]], *, title: str, span: tuple[float, float]
) -> bytes:
    """Draw medians over time, with the range from the tenth to the ninetieth percentile.

    Args:
        series: Observations as the tile service gives them; those without a valid pixel are left
            out.
        title: For people.
        span: Values the vertical axis shows at least, so that small changes look small.

    Returns:
        A PNG.
    """
    bands: dict[str, list[Mapping[str, Any]]] = {}
    all_days = _days(rows := list(series))
    for row in rows:
        points = bands.setdefault(str(row["band"]), [])
        if row["median"] is not None:
            points.append(row)
    figure = new_figure(4.6, 2.5)
    axes = figure.add_subplot()
    dress(axes, x="local solar day", y=", ".join(bands), title=title)
    for colour, (band, rows) in zip(_COLOURS * len(bands), bands.items(), strict=False):
        days = _days(rows)
        low, middle, high = ([row[name] for row in rows] for name in ("p10", "median", "p90"))
        axes.fill_between(days, low, high, color=colour, alpha=0.15, linewidth=0)
        axes.plot(days, middle, marker="o", markersize=3.5, linewidth=1.2, color=colour, label=band)
    if all_days.size:
        # invisible, so that the axis reaches the span and what lies beyond
        axes.plot(all_days[[0, 0]], span, alpha=0)
        axes.set_xlim(all_days.min() - _MARGIN, all_days.max() + _MARGIN)
    if len(bands) > 1:
        axes.legend(fontsize=7, frameon=False)
    axes.xaxis.set_major_locator(locator := AutoDateLocator(minticks=3, maxticks=7))
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
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


def _days(rows: Iterable[Mapping[str, Any]]) -> npt.NDArray[np.datetime64]:
    return np.array([row["time"][:10] for row in rows], "datetime64[D]")
