"""Charts of the classes: their spectra, how much ground they cover, how they lie to one another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from eo_assets.reporting.style import (
    GRID,
    INK,
    QUIET,
    WIDTH_IN,
    dress,
    legend_below,
    new_figure,
    outlined,
    spread_out,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FloatArray = npt.NDArray[Any]

_WAVELENGTHS = (0.4, 0.5, 0.6, 0.7, 0.8, 1.0, 1.2, 1.6, 2.0, 2.5)
"""Marked on the axis, micrometres."""


def draw_signatures(signatures: pd.DataFrame, classes: pd.DataFrame) -> Figure:
    """Draw mean reflectance against wavelength, with a band of one standard deviation.

    Args:
        signatures: One row a class and band; only reflectance is drawn.
        classes: One row a class, with ``name`` and ``colour``.
    """
    figure = new_figure(WIDTH_IN, 4.3 + 0.1 * len(classes))
    axes = figure.add_subplot()
    dress(axes, x="Wavelength (µm, logarithmic)", y="Surface reflectance (1 = 100 %)")
    drawn = signatures[(signatures["units"] == "1") & (signatures["count"] > 0)]
    handles = []
    for row in classes.to_dict("records"):
        spectrum = drawn[drawn["class_id"] == row["class_id"]].sort_values("wavelength_um")
        if spectrum.empty:
            continue
        x, mean, sd = (spectrum[name].to_numpy() for name in ("wavelength_um", "mean", "sd"))
        axes.fill_between(x, mean - sd, mean + sd, color=row["colour"], alpha=0.22, linewidth=0)
        handles += axes.plot(
            x, mean, color=row["colour"], linewidth=1.8, marker="o", markersize=3.4,
            markeredgecolor=INK, markeredgewidth=0.4, label=f"{row['class_id']}  {row['name']}",
            path_effects=outlined(2.6), zorder=3,
        )  # fmt: skip
    _mark_bands(axes, drawn)
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    legend_below(figure, handles, columns=1 if len(handles) <= 5 else 2)
    return figure


def _mark_bands(axes: Axes, drawn: pd.DataFrame) -> None:
    bands = drawn.drop_duplicates("band").sort_values("wavelength_um")
    waves = bands["wavelength_um"].to_numpy()
    # most bands lie close together, below 1 µm
    axes.set_xscale("log")
    shown = [tick for tick in _WAVELENGTHS if 0.9 * waves[0] <= tick <= 1.1 * waves[-1]]
    axes.set_xticks(shown, [f"{tick:g}" for tick in shown])
    axes.xaxis.minorticks_off()
    # names of close bands are moved apart, their lines are not
    logs = np.log(waves)
    places = np.exp(spread_out(logs, 0.037 * (logs[-1] - logs[0] or 1.0)))
    for name, wave, place in zip(bands["band"].astype(str), waves, places, strict=True):
        axes.axvline(wave, color=GRID, linewidth=0.8, zorder=0)
        axes.annotate(
            name, xy=(wave, 1), xytext=(place, 1.03), rotation=90,
            xycoords=axes.get_xaxis_transform(), textcoords=axes.get_xaxis_transform(),
            ha="center", va="bottom", fontsize=6.5, color=QUIET,
            arrowprops={"arrowstyle": "-", "color": QUIET, "linewidth": 0.4, "shrinkA": 0,
                        "shrinkB": 0}, annotation_clip=False,
        )  # fmt: skip


def draw_areas(classes: pd.DataFrame) -> Figure:
    """Draw how much ground each class covers, hectares and per cent."""
    figure = new_figure(WIDTH_IN, 0.9 + 0.32 * len(classes))
    axes = figure.add_subplot()
    dress(axes, x="Area (ha)")
    axes.grid(visible=False, axis="y")
    rows = classes.to_dict("records")
    labels = [f"{row['class_id']}  {row['name']}" for row in rows]
    bars = axes.barh(
        labels, classes["area_ha"], color=classes["colour"], edgecolor=INK, linewidth=0.4
    )
    axes.bar_label(
        bars,
        [f"{row['area_ha']:,.0f} ha · {row['share_pct']:.2f} %" for row in rows],
        padding=4, fontsize=7.5, color=INK,
    )  # fmt: skip
    axes.invert_yaxis()
    axes.set_xlim(0, max(1.0, 1.5 * classes["area_ha"].max()))
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.locator_params(axis="x", nbins=4)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    return figure


def draw_principal_components(sample: pd.DataFrame, classes: pd.DataFrame) -> Figure:
    """Draw sampled pixels on the two directions in which their reflectance varies most.

    Args:
        sample: Reflectance by band, ``class_id`` and ``silhouette``.
        classes: One row a class.
    """
    values = sample.drop(columns=["class_id", "silhouette"]).to_numpy()
    spread = values.std(axis=0)
    standardised = (values - values.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    _, singular, directions = np.linalg.svd(standardised, full_matrices=False)
    # a direction has no sign of its own: the one that brightens most bands is drawn to the right
    directions *= np.where(directions.sum(axis=1, keepdims=True) < 0, -1, 1)
    share = 100 * singular**2 / max(float(np.sum(singular**2)), 1e-12)
    points = standardised @ directions[:2].T
    if points.shape[1] < 2:
        points, share = np.column_stack([points, np.zeros(len(points))]), np.append(share, 0.0)
    return _scatter(
        points, sample["class_id"].to_numpy(), classes,
        x=f"Principal component 1 (SD of the bands; {share[0]:.0f} % of the variance)",
        y=f"Principal component 2 (SD of the bands; {share[1]:.0f} %)",
    )  # fmt: skip


def draw_red_nir(sample: pd.DataFrame, classes: pd.DataFrame) -> Figure:
    """Draw sampled pixels by red and near-infrared reflectance, where vegetation shows."""
    nir = "nir" if "nir" in sample else "nir08"
    points = sample[["red", nir]].to_numpy()
    return _scatter(
        points, sample["class_id"].to_numpy(), classes,
        x="Red reflectance (1 = 100 %)", y="Near-infrared reflectance (1 = 100 %)",
    )  # fmt: skip


def _scatter(
    points: FloatArray, ids: FloatArray, classes: pd.DataFrame, *, x: str, y: str
) -> Figure:
    figure = new_figure(WIDTH_IN, 4.2)
    axes = figure.add_subplot()
    dress(axes, x=x, y=y)
    colours = dict(zip(classes["class_id"].tolist(), classes["colour"].tolist(), strict=True))
    axes.scatter(
        points[:, 0], points[:, 1], s=5, c=[colours[i] for i in ids], alpha=0.6,
        edgecolors=INK, linewidths=0.1,
    )  # fmt: skip
    # a few extreme pixels must not squeeze all others into a corner
    low, high = np.percentile(points, [0.2, 99.8], axis=0)
    margin = np.where(high > low, 0.07 * (high - low), 0.1)
    outside = []
    for class_id, colour in colours.items():
        if not (ids == class_id).any():
            continue
        centre = points[ids == class_id].mean(axis=0)
        if ((centre < low - margin) | (centre > high + margin)).any():
            outside.append(str(class_id))
            continue
        axes.plot(
            centre[0], centre[1], marker="o", markersize=13, color=colour, markeredgecolor=INK,
            markeredgewidth=1.1, zorder=4,
        )  # fmt: skip
        axes.text(
            centre[0], centre[1], str(class_id), ha="center", va="center", fontsize=8,
            fontweight="bold", color="white", path_effects=outlined(1.8), zorder=5, clip_on=True,
        )  # fmt: skip
    axes.set_xlim(low[0] - margin[0], high[0] + margin[0])
    axes.set_ylim(low[1] - margin[1], high[1] + margin[1])
    if outside:
        axes.set_title(
            f"Beyond the edge: class {', '.join(outside)}", fontsize=7.5, color=QUIET, loc="right"
        )
    return figure
