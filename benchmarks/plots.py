"""The plots of ``docs/benchmarks.md``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

OURS, OTHERS, DARK = "#1b7f5c", "#b4bdc4", "#3c464d"
STYLE = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": OTHERS,
    "axes.labelcolor": DARK,
    "text.color": DARK,
    "xtick.color": DARK,
    "ytick.color": DARK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.dpi": 130,
}
MOSAICS = {"mosaic": "local files", "http-30": "HTTP, 30 ms", "whole-tile": "110 km tile, local"}


def draw(found: dict[str, Any], folder: Path) -> dict[str, str]:
    """Draw what figures there are.

    Args:
        found: Figures of parts, by name.
        folder: Where the pictures go.

    Returns:
        What each shows, by file name.
    """
    folder.mkdir(exist_ok=True)
    pictures = {}
    with mpl.rc_context(STYLE):
        for name, (title, make) in PICTURES.items():
            figure = make(found)
            if figure is not None:
                figure.savefig(folder / name)
                plt.close(figure)
                pictures[name] = title
    return pictures


def mosaics(found: dict[str, Any]) -> plt.Figure | None:
    """Bars: wall time against the limit, a panel a case."""
    cases = {
        title: [row for row in found[name]["rows"] if "wall_x" in row]
        for name, title in MOSAICS.items()
        if name in found
    }
    cases = {title: rows for title, rows in cases.items() if rows}
    if not cases:
        return None
    heights = [len(rows) for rows in cases.values()]
    figure, axes = plt.subplots(
        len(cases), 1, figsize=(7.2, 0.9 + 0.34 * sum(heights) + 0.45 * len(cases)),
        height_ratios=heights, squeeze=False, layout="constrained", sharex=True,
    )  # fmt: skip
    for axis, (title, rows) in zip(axes[:, 0], cases.items(), strict=True):
        bars(axis, {row["contestant"]: row["wall_x"] for row in rows})
        axis.axvline(1, color=DARK, linewidth=0.8, linestyle=":")
        axis.set_title(title)
    axes[-1, 0].set_xlabel("wall time, times that of GDAL decoding the blocks and writing the COG")
    return figure


def bars(axis: Axes, values: dict[str, float]) -> None:
    ordered = sorted(values.items(), key=lambda pair: -pair[1])
    colours = [OURS if name == "eo_assets" else OTHERS for name, _ in ordered]
    drawn = axis.barh([name for name, _ in ordered], [x for _, x in ordered], color=colours)
    axis.bar_label(drawn, fmt="%.2f", padding=3)
    axis.margins(x=0.1)
    axis.tick_params(length=0)


def latency(found: dict[str, Any]) -> plt.Figure | None:
    """Lines: wall time against latency, of the limit and the chain."""
    times: dict[str, dict[int, float]] = {"limit": {}, "eo_assets": {}}
    for delay in (0, 30, 80):
        for row in found.get(f"http-{delay}", {"rows": ()})["rows"]:
            if row["contestant"] in times and "wall_s" in row:
                times[row["contestant"]][delay] = row["wall_s"]
    if len(times["eo_assets"]) < 2:
        return None
    figure, axis = plt.subplots(figsize=(4.6, 3), layout="constrained")
    for name, colour in (("limit", DARK), ("eo_assets", OURS)):
        delays, seconds = list(times[name]), list(times[name].values())
        axis.plot(delays, seconds, "o-", color=colour, markersize=4)
        axis.annotate(
            name, (delays[-1], seconds[-1]), (6, 0), textcoords="offset points", color=colour,
            va="center",
        )  # fmt: skip
    axis.set(xlabel="latency of each request, ms", ylim=(0, None), xticks=list(times["limit"]))
    axis.set_title("wall time of the region's mosaic, s")
    axis.margins(x=0.12)
    return figure


def tiles(found: dict[str, Any]) -> plt.Figure | None:
    """Bars: processor time a tile against titiler's, with the targets."""
    rows = [row for row in found.get("tiles", ()) if row["what"] == "cpu_ms"]
    if not rows:
        return None
    figure, axis = plt.subplots(figsize=(7.2, 0.9 + 0.32 * len(rows)), layout="constrained")
    rows.reverse()
    places = np.arange(len(rows))
    drawn = axis.barh(places, [row["ratio"] for row in rows], color=OURS, height=0.62)
    axis.bar_label(drawn, fmt="%.2f", padding=-28, color="white")
    for place, row in zip(places, rows, strict=True):
        axis.plot([row["target"]] * 2, [place - 0.42, place + 0.42], color=DARK, linewidth=1.6)
    axis.set_yticks(places, [f"{row['case']}, {row['visit']}" for row in rows])
    axis.set_xlabel("processor time a tile, times titiler's; upright lines: targets")
    axis.tick_params(length=0)
    axis.margins(x=0.12)
    return figure


def growth(found: dict[str, Any]) -> plt.Figure | None:
    """Points and fitted curves on logarithmic axes, a panel a dimension."""
    rows = found.get("growth", {"rows": ()})["rows"]
    if not rows:
        return None
    lines = -(-len(rows) // 3)
    figure, axes = plt.subplots(
        lines, 3, figsize=(7.6, 2.5 * lines), squeeze=False, layout="constrained"
    )
    for axis, row in zip(axes.flat, rows, strict=False):
        sizes, seconds = np.array(row["sizes"], float), np.array(row["cpu_s"])
        along = np.geomspace(sizes[0], sizes[-1], 60)
        curve = row["constant_s"] + row["slope_s"] * along ** row["exponent"]
        axis.plot(along, curve, color=OURS, linewidth=1.4)
        axis.plot(sizes, seconds, "o", color=DARK, markersize=4)
        axis.set(xscale="log", yscale="log", title=row["with"])
        # a cost that does not grow shall look flat
        axis.set_ylim(min(seconds) / 2, max(*seconds, 4 * min(seconds)) * 2)
        axis.set_xticks(sizes, [f"{n / 1000:g}k" if n >= 1000 else str(n) for n in row["sizes"]])
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=6))
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        for each in (axis.xaxis, axis.yaxis):
            each.set_minor_locator(NullLocator())
        axis.text(0.05, 0.9, f"exponent {row['exponent']:.2f}", transform=axis.transAxes)
    for axis in axes.flat[len(rows) :]:
        axis.set_visible(False)
    figure.supylabel("processor time, s", fontsize=9)
    return figure


PICTURES = {
    "benchmark-mosaic.png": ("Mosaic to COG against the limit", mosaics),
    "benchmark-latency.png": ("Mosaic over HTTP by latency", latency),
    "benchmark-tiles.png": ("Tiles against titiler", tiles),
    "benchmark-growth.png": ("Growth of cost with size", growth),
}
