"""Pictures of parcels over a year: a few typical curves, and a map of when each one peaks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas
import numpy as np
import pandas as pd

from eo_assets.reporting.figures import Sketch
from eo_assets.reporting.style import GRID, INK, QUIET, WIDTH_IN, dress, legend_below, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = ("#4477AA", "#EE6677", "#228833", "#CCBB44", "#AA3377", "#66CCEE")
_GROUP = "crop:name"
_MOST = 6


def typical(seasons: geopandas.GeoDataFrame) -> list[tuple[str, str]]:
    """Choose a parcel of each crop, or of a few amplitudes, that stands for its like.

    Args:
        seasons: One row a parcel of one year.

    Returns:
        Id and label of at most six parcels: of each crop the one with the median amplitude.
    """
    known = seasons[seasons["top"].notna()]
    if known.empty:
        return []
    amplitude = known["top"] - known["base"]
    if _GROUP in known.columns:
        groups = known[_GROUP].fillna("unknown").astype(str)
    else:
        bins = min(3, amplitude.nunique())
        groups = pd.qcut(amplitude, bins, duplicates="drop").astype(str)
    chosen = []
    for name, rows in known.groupby(groups):
        # among parcels that say equally much: the most dates first, then the median amplitude
        best = rows[rows["dates"] == rows["dates"].max()]
        order = amplitude[best.index].sort_values(kind="stable").index
        chosen.append((str(known.loc[order[len(order) // 2], "id"]), str(name)))
    return chosen[:_MOST]


def sketch_curves(
    seasons: geopandas.GeoDataFrame, observed: pd.DataFrame, curves: pd.DataFrame, *, year: int
) -> Sketch:
    """Sketch a few typical parcels' observations and curves."""
    lines = []
    for parcel, label in typical(seasons):
        points = observed[(observed["id"] == parcel) & (observed["date"].dt.year == year)]
        curve = curves[(curves["id"] == parcel) & (curves["year"] == year)]
        season = seasons[seasons["id"] == parcel].iloc[0]
        lines.append(
            {
                "label": f"{label} ({parcel})",
                "days": points["date"].dt.day_of_year.to_numpy(),
                "mean": points["mean"].to_numpy(),
                "low": points["p10"].to_numpy(),
                "high": points["p90"].to_numpy(),
                "seen": points["valid_fraction"].to_numpy(),
                "curve_days": curve["day"].to_numpy(),
                "curve": curve["ndvi"].to_numpy(),
                "marks": [
                    value.day_of_year
                    for value in (season["start"], season["end"])
                    if pd.notna(value)
                ],
            }
        )
    return Sketch(
        key="profiles",
        title=f"Typical parcels in {year}",
        alt=f"NDVI over {year} of {len(lines)} parcels: "
        + "; ".join(str(line["label"]) for line in lines),
        note="Bars: from the 10th to the 90th percentile of a parcel. Triangles: start and end.",
        draw=draw_curves,
        arguments={"lines": lines, "year": year},
    )


def draw_curves(lines: list[dict[str, Any]], *, year: int) -> Figure:
    """Draw NDVI over the year; see ``sketch_curves``."""
    figure = new_figure(WIDTH_IN, 3.4)
    axes = figure.add_subplot()
    for line, colour in zip(lines, _COLOURS, strict=False):
        axes.plot(
            line["curve_days"], line["curve"], color=colour, linewidth=1.4, label=line["label"]
        )
        axes.vlines(line["days"], line["low"], line["high"], color=colour, linewidth=0.8, alpha=0.5)
        axes.scatter(line["days"], line["mean"], s=6 + 16 * line["seen"], color=colour, zorder=3)
        at = np.interp(line["marks"], line["curve_days"], line["curve"])
        axes.scatter(
            line["marks"], at, marker="^", s=26, facecolor="white", edgecolor=colour, zorder=4
        )
    months = pd.date_range(f"{year}-01-01", f"{year}-12-01", freq="MS")
    axes.set_xticks([month.day_of_year for month in months], [f"{m:%b}" for m in months])
    axes.set_ylim(0, 1)
    axes.set_xlim(75, 320)
    dress(axes, y="NDVI")
    legend_below(figure, axes.get_legend_handles_labels()[0], columns=2)
    return figure


def sketch_peaks(seasons: geopandas.GeoDataFrame, *, year: int) -> Sketch:
    """Sketch the map of parcels coloured by when they peak."""
    known = seasons["peak"].notna().sum()
    return Sketch(
        key="peaks",
        title=f"When parcels peak in {year}",
        alt=f"Map of {len(seasons)} parcels coloured by the date of their highest NDVI, known for "
        f"{known}.",
        note="Grey: no season was found.",
        draw=draw_peaks,
        arguments={"seasons": seasons[["peak", "geometry"]], "year": year},
    )


def draw_peaks(seasons: geopandas.GeoDataFrame, *, year: int) -> Figure:
    """Draw parcels coloured by date; see ``sketch_peaks``."""
    from matplotlib.colors import Normalize

    west, south, east, north = seasons.total_bounds
    height = np.clip(WIDTH_IN * (north - south) / max(east - west, 1), 2, 1.4 * WIDTH_IN)
    figure = new_figure(WIDTH_IN, height + 0.6)
    axes = figure.add_subplot()
    axes.set_axis_off()
    days = seasons["peak"].dt.day_of_year
    low, high = (days.min(), days.max()) if days.notna().any() else (1, 365)
    norm = Normalize(low, max(high, low + 1))
    seasons.assign(day=days).plot(
        "day", ax=axes, cmap="viridis", norm=norm, linewidth=0, missing_kwds={"color": GRID}
    )
    from matplotlib.cm import ScalarMappable

    bar = figure.colorbar(
        ScalarMappable(norm, "viridis"), ax=axes, location="bottom", aspect=40, pad=0.02
    )
    ticks = np.linspace(low, max(high, low + 1), 5).round()
    start = pd.Timestamp(year, 1, 1)
    bar.set_ticks(list(ticks), labels=[f"{start + pd.Timedelta(days=d - 1):%d %b}" for d in ticks])
    bar.set_label("Date of the highest NDVI", fontsize=8.5, color=INK)
    bar.ax.tick_params(colors=QUIET, labelsize=8, width=0.6)
    bar.outline.set_visible(False)
    return figure
