"""Charts of a region over time: classes, NDVI, how much was seen. Gaps stay gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from eo_assets.reporting.style import (
    ACCENT,
    INK,
    QUIET,
    WIDTH_IN,
    dress,
    legend_below,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_GREEN = "#1b7f5c"
_SHARES = {
    "valid_pct": ("valid", "#1b7f5c", ""),
    "masked_pct": ("cloud, shadow or snow", "#9aa3ad", "//"),
    "no_coverage_pct": ("not seen", "#50575f", "xx"),
    "failed_read_pct": ("file could not be read", "#d6006c", ".."),
}
_MARKS = ("x", "s", "^", "D", "v", "P")
_MOST_NAMES = 24

LITTLE_PCT = 20.0
"""Of the region: the mean of fewer pixels may be that of an odd corner; its point is hollow."""

LONGEST_DAYS = 92
"""Between two dates whose points a line joins: over more than a season it would invent a course."""


def draw_class_areas(areas: pd.DataFrame, dates: Sequence[str]) -> Figure:
    """Draw the area of each class on each date, stacked, in the colours of the classes.

    Args:
        areas: ``date, class_id, name, colour, area_ha``.
        dates: All dates, in order; those without classes keep an empty place.
    """
    from matplotlib.patches import Patch

    figure = new_figure(WIDTH_IN, 4.0)
    axes = figure.add_subplot()
    dress(axes, y="Area (ha)")
    axes.grid(visible=False, axis="x")
    table = areas.pivot_table(index="date", columns="class_id", values="area_ha", aggfunc="sum")
    table = table.reindex(list(dates)).fillna(0.0)
    below = np.zeros(len(table))
    classes = areas.drop_duplicates("class_id", keep="last").sort_values("class_id")
    handles = []
    for row in classes.to_dict("records"):
        heights = table[row["class_id"]].to_numpy()
        axes.bar(
            range(len(table)), heights, bottom=below, color=row["colour"], width=0.86,
            edgecolor="white", linewidth=0.3,
        )  # fmt: skip
        below += heights
        handles.append(
            Patch(facecolor=row["colour"], edgecolor=QUIET, linewidth=0.4,
                  label=f"{row['class_id']}  {row['name']}")
        )  # fmt: skip
    _date_names(axes, dates)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    legend_below(figure, handles, columns=2)
    return figure


def draw_ndvi_curve(dates: pd.DataFrame) -> Figure:
    """Draw mean NDVI over time with the range of eight pixels in ten; a date without is a gap.

    Args:
        dates: ``date, empty, valid_pct, ndvi_mean, ndvi_p10, ndvi_p90``.
    """
    figure = new_figure(WIDTH_IN, 3.4)
    axes = figure.add_subplot()
    dress(axes, x="Date", y="NDVI (dimensionless)")
    days, low, mean, high = _broken(
        pd.to_datetime(dates["date"]).to_numpy(),
        *(dates[f"ndvi_{name}"].to_numpy(float) for name in ("p10", "mean", "p90")),
    )
    handles = [
        axes.fill_between(days, low, high, color=_GREEN, alpha=0.2, linewidth=0,
                          label="10 to 90 % of the pixels"),
        *axes.plot(days, mean, color=_GREEN, linewidth=1.5, marker="o", markersize=4, label="mean"),
    ]  # fmt: skip
    # a date between two gaps has neither line nor area
    axes.vlines(days, low, high, color=_GREEN, linewidth=1.2, alpha=0.5)
    little = dates[(dates["valid_pct"] < LITTLE_PCT) & dates["ndvi_mean"].notna()]
    if len(little):
        handles += axes.plot(
            pd.to_datetime(little["date"]).to_numpy(), little["ndvi_mean"].to_numpy(float), "o",
            color=_GREEN, markerfacecolor="white", markersize=5,
            label=f"less than {LITTLE_PCT:g} % seen",
        )  # fmt: skip
    for mark, (empty, rows) in zip(
        _MARKS, dates[dates["empty"] != ""].groupby("empty"), strict=False
    ):
        handles += axes.plot(
            pd.to_datetime(rows["date"]).to_numpy(), np.full(len(rows), 0.03), mark, color=ACCENT,
            markersize=5, fillstyle="none", transform=axes.get_xaxis_transform(),
            label=f"gap: {str(empty).replace('_', ' ')}",
        )  # fmt: skip
    figure.autofmt_xdate(rotation=30)
    legend_below(figure, handles, columns=3)
    return figure


def _broken(days: npt.NDArray[Any], *curves: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """Put a day without values into every long time without a date: lines end there."""
    long = np.flatnonzero(np.diff(days) > np.timedelta64(LONGEST_DAYS, "D"))
    between = days[long] + (days[long + 1] - days[long]) / 2
    return [
        np.insert(days, long + 1, between),
        *(np.insert(curve, long + 1, np.nan) for curve in curves),
    ]


def draw_seen(dates: pd.DataFrame) -> Figure:
    """Draw how the region's pixels divide on each date.

    Args:
        dates: ``date`` and the shares ``valid_pct, masked_pct, no_coverage_pct, failed_read_pct``.
    """
    figure = new_figure(WIDTH_IN, 2.9)
    axes = figure.add_subplot()
    dress(axes, y="Share of the region (%)")
    axes.grid(visible=False, axis="x")
    below = np.zeros(len(dates))
    handles = []
    for name, (label, colour, hatch) in _SHARES.items():
        share = dates[name].fillna(0.0).to_numpy(float)
        handles.append(
            axes.bar(range(len(dates)), share, bottom=below, color=colour, width=0.86, label=label,
                     hatch=hatch, edgecolor="white", linewidth=0.3)
        )  # fmt: skip
        below += share
    axes.set_ylim(0, 100)
    _date_names(axes, dates["date"].tolist())
    legend_below(figure, handles, columns=2)
    return figure


def _date_names(axes: Axes, dates: Sequence[str]) -> None:
    step = max(-(-len(dates) // _MOST_NAMES), 1)
    places = range(0, len(dates), step)
    axes.set_xticks(list(places), [dates[place] for place in places], rotation=60, ha="right")
    axes.tick_params(axis="x", labelsize=7, labelcolor=INK, length=0)
    axes.set_xlim(-0.6, len(dates) - 0.4)
    axes.set_xlabel("Date", fontsize=8.5, color=INK)
