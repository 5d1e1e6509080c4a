"""The figures about a land-cover map: map, confusion, areas with intervals, importance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from eo_assets.reporting import maps
from eo_assets.reporting.figures import Sketch
from eo_assets.reporting.style import ACCENT, INK, QUIET, WIDTH_IN, dress, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from eo_assets.supervised.model import LandCoverClass


def sketch_land_cover(
    codes: npt.NDArray[np.uint8],
    classes: Sequence[LandCoverClass],
    counts: npt.NDArray[np.int64],
    table: pd.DataFrame,
    importance: pd.DataFrame,
    *,
    pixel_m: float,
) -> list[Sketch]:
    """Sketch the figures of a land-cover map.

    Args:
        codes: The map, small.
        classes: Its classes.
        counts: Held-out polygons, predicted by labelled class.
        table: One row a class.
        importance: ``feature, accuracy_lost``, the most important first.
        pixel_m: Size of the small map's pixels, metres.
    """
    names = [one.name.replace("_", " ") for one in classes]
    right, all_units = int(np.trace(counts)), int(counts.sum())
    largest = max(table.to_dict("records"), key=lambda row: row["mapped_ha"])
    return [
        Sketch(
            key="map",
            title="Land cover",
            alt=f"Map of {len(classes)} land-cover classes; the largest is {largest['name']} with "
            f"{largest['mapped_ha']:,.0f} ha.",
            note="The most probable class of each pixel. Grey: no observation.",
            draw=maps.draw_codes,
            arguments={
                "codes": codes,
                "key": {
                    one.code: (name, one.colour) for one, name in zip(classes, names, strict=True)
                },
                "pixel_m": pixel_m,
                "columns": 4,
            },
        ),
        Sketch(
            key="confusion",
            title="Confusion of held-out polygons",
            alt=f"Matrix of {all_units} held-out polygons by predicted and labelled class; {right} "
            "lie on the diagonal.",
            note="One pixel a polygon, predicted from other blocks of the map.",
            draw=draw_confusion,
            arguments={"counts": counts, "names": names},
        ),
        Sketch(
            key="areas",
            title="Areas",
            alt="Area of each class as mapped and corrected for the map's errors, with 95 % "
            "intervals.",
            note="Bars: pixels of the map. Points: estimated area with its 95 % interval.",
            draw=draw_areas,
            arguments={"table": table, "colours": [one.colour for one in classes]},
        ),
        Sketch(
            key="importance",
            title="What the classifier looks at",
            alt=f"Accuracy lost when a feature is shuffled; most for {importance['feature'][0]}.",
            note="Features that say the same stand in for each other: each alone seems to matter "
            "less than it does.",
            draw=draw_importance,
            arguments={"importance": importance},
        ),
    ]


def draw_confusion(counts: npt.NDArray[np.int64], names: Sequence[str]) -> Figure:
    """Draw a confusion matrix, shaded by the share of each row."""
    side = len(names)
    figure = new_figure(WIDTH_IN, 0.8 * WIDTH_IN)
    axes = figure.add_subplot()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, col in np.argwhere(counts > 0):
        colour = "white" if shares[row, col] > 0.55 else INK
        axes.text(
            col, row, str(counts[row, col]), ha="center", va="center", fontsize=7.5, color=colour
        )
    axes.set_xticks(range(side), names, rotation=40, ha="right")
    axes.set_yticks(range(side), names)
    axes.tick_params(colors=QUIET, labelsize=7.5, length=0)
    axes.set_xlabel("labelled as", fontsize=8.5, color=INK)
    axes.set_ylabel("predicted as", fontsize=8.5, color=INK)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def draw_areas(table: pd.DataFrame, colours: Sequence[str]) -> Figure:
    """Draw mapped areas as bars and estimated ones as points with intervals."""
    figure = new_figure(WIDTH_IN, 0.26 * len(table) + 0.8)
    axes = figure.add_subplot()
    places = np.arange(len(table))[::-1]
    axes.barh(places, table["mapped_ha"], color=list(colours), edgecolor=QUIET, linewidth=0.4)
    axes.errorbar(
        table["area_ha"], places, xerr=table["area_ci95_ha"].fillna(0), fmt="o", markersize=3.5,
        color=INK, elinewidth=1.1, capsize=2.5,
    )  # fmt: skip
    axes.set_yticks(places, [name.replace("_", " ") for name in table["name"]])
    axes.set_xlim(left=0)
    dress(axes, x="Area (ha)")
    return figure


def draw_importance(importance: pd.DataFrame) -> Figure:
    """Draw the accuracy lost by shuffling each feature."""
    figure = new_figure(WIDTH_IN, 0.2 * len(importance) + 0.8)
    axes = figure.add_subplot()
    places = np.arange(len(importance))[::-1]
    axes.barh(places, 100 * importance["accuracy_lost"], color=ACCENT, height=0.6)
    axes.set_yticks(places, importance["feature"])
    dress(axes, x="Accuracy lost (percentage points)")
    return figure
