"""Charts of how good a classification is, and of what the mosaic holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from eo_assets.reporting.maps import NDVI_LIMITS, ndvi_colours
from eo_assets.reporting.overview import NDVI_BINS, Counts, quantile
from eo_assets.reporting.style import (
    ACCENT,
    INK,
    QUIET,
    WIDTH_IN,
    dress,
    new_figure,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MEASURES = (
    ("inertia", "Inertia (SD²)", "elbow"),
    ("silhouette", "Mean silhouette", "↑ better"),
    ("calinski_harabasz", "Calinski–Harabasz", "↑ better"),
    ("davies_bouldin", "Davies–Bouldin", "↓ better"),
)
_LARGE = 1000


def draw_silhouettes(sample: pd.DataFrame, classes: pd.DataFrame) -> Figure:
    """Draw the silhouette of each sampled pixel, sorted within its class, and their mean.

    Args:
        sample: Sampled pixels with ``class_id`` and ``silhouette``.
        classes: One row a class.
    """
    figure = new_figure(WIDTH_IN, 4.2)
    axes = figure.add_subplot()
    dress(axes, x="Silhouette (−1 to 1)", y="Class; height is the number of sampled pixels")
    axes.grid(visible=False, axis="y")
    # room for the name of the smallest class
    gap, room = len(sample) / 100, len(sample) / 28
    start, ticks = 0.0, []
    for row in classes.to_dict("records"):
        values = np.sort(sample.loc[sample["class_id"] == row["class_id"], "silhouette"].to_numpy())
        if not values.size:
            continue
        padding = max(room - values.size, 0) / 2
        heights = start + padding + np.arange(values.size)
        axes.fill_betweenx(heights, 0, values, color=row["colour"], linewidth=0)
        axes.plot(values, heights, color=INK, linewidth=0.4)
        ticks.append((float(heights.mean()), str(row["class_id"])))
        start += values.size + 2 * padding + gap
    mean = float(sample["silhouette"].mean())
    axes.axvline(0, color=QUIET, linewidth=0.6)
    axes.axvline(mean, color=ACCENT, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.text(
        mean, 1.01, f"mean {mean:.2f}", transform=axes.get_xaxis_transform(), ha="center",
        va="bottom", fontsize=8, color=ACCENT,
    )  # fmt: skip
    axes.set_yticks([place for place, _ in ticks], [name for _, name in ticks])
    axes.set_ylim(start, 0)
    axes.set_xlim(min(-0.2, float(sample["silhouette"].min())), 1)
    return figure


def draw_k_scan(scan: pd.DataFrame, *, chosen: int, suggested: int | None) -> Figure:
    """Draw four measures against the number of classes; the chosen and suggested ones marked.

    Args:
        scan: One row a number of classes.
        chosen: The number in use.
        suggested: The number the scan suggests.
    """
    figure = new_figure(WIDTH_IN, 4.6)
    panels = figure.subplots(2, 2, sharex=True)
    for number, (panel, (name, label, reading)) in enumerate(
        zip(panels.flat, _MEASURES, strict=True)
    ):
        dress(panel, x="Number of classes" if number > 1 else "", title=label)
        panel.plot(
            scan["k"], scan[name], color=INK, linewidth=1.3, marker="o", markersize=3.2,
            markerfacecolor="white", markeredgewidth=0.9,
        )  # fmt: skip
        panel.axvline(chosen, color=ACCENT, linewidth=1.2, linestyle=(0, (4, 2)))
        if suggested is not None:
            at = scan.loc[scan["k"] == suggested, name]
            panel.plot([suggested], at, marker="D", markersize=6, color="#0f6f8a", zorder=4)
        panel.set_title(reading, fontsize=7, color=QUIET, style="italic", loc="right")
        if scan[name].max() > _LARGE:
            panel.yaxis.set_major_formatter("{x:,.0f}")
        panel.xaxis.get_major_locator().set_params(integer=True)
    note = f"Dashed: {chosen} classes, in use."
    if suggested is not None:
        note += f"  Diamond: {suggested}, suggested."
    figure.supxlabel(note, fontsize=8, color=ACCENT, x=0.01, ha="left")
    return figure


def draw_ndvi_histogram(counts: Counts) -> Figure:
    """Draw how many pixels have which NDVI, in the colours of the NDVI map, and the median.

    Args:
        counts: Pixels in each of ``NDVI_BINS``; at least one.
    """
    figure = new_figure(WIDTH_IN, 2.8)
    axes = figure.add_subplot()
    dress(axes, x="NDVI (dimensionless)", y="Share of valid pixels (%)")
    centres = (NDVI_BINS[:-1] + NDVI_BINS[1:]) / 2
    low, high = NDVI_LIMITS
    share = 100 * counts / counts.sum()
    axes.bar(
        centres, share, width=np.diff(NDVI_BINS), linewidth=0,
        color=ndvi_colours()(np.clip((centres - low) / (high - low), 0, 1)),
    )  # fmt: skip
    axes.step(NDVI_BINS[:-1], share, where="post", color=INK, linewidth=0.5)
    middle = quantile(counts, NDVI_BINS, 0.5)
    axes.axvline(middle, color=ACCENT, linewidth=1.2, linestyle=(0, (4, 2)))
    axes.text(
        middle, 1.01, f"median {middle:.2f}", transform=axes.get_xaxis_transform(), ha="center",
        va="bottom", fontsize=8, color=ACCENT,
    )  # fmt: skip
    axes.set_xlim(
        min(low, quantile(counts, NDVI_BINS, 0.001)),
        max(0.9, quantile(counts, NDVI_BINS, 0.999)) + 0.03,
    )
    return figure
