"""Figures about burnt areas: severity of a year, how often it burnt, hectares by year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from eo_assets.fires.severity import BURNT, CLASSES, NODATA
from eo_assets.reporting import maps
from eo_assets.reporting.figures import Sketch
from eo_assets.reporting.style import (
    INK,
    NO_DATA,
    PAPER,
    QUIET,
    WIDTH_IN,
    dress,
    legend_below,
    new_figure,
    outlined,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Codes = npt.NDArray[np.uint8]
Outline = tuple[str, Sequence[npt.NDArray[np.float64]]]
"""Label of a site and its rings, columns and rows of the map."""

_NAMED = 0.004
"""Share of the map from which on a site is named."""


def sketch_severity(
    year: int, codes: Codes, outlines: Sequence[Outline], numbers: Mapping[str, float | int | str],
    *, pixel_m: float,
) -> Sketch:  # fmt: skip
    """Sketch the severity map of a year."""
    parts = ", ".join(f"{one.title.lower()} {numbers[f'{one.key}_ha']:,.0f} ha" for one in BURNT)
    return Sketch(
        key=f"severity_{year}",
        title=f"Burnt in {year}",
        alt=f"Map of burn severity in {year}: {numbers['burnt_ha']:,.0f} ha burnt ({parts}). "
        "Lines are protected sites.",
        note="Classes of dNBR by the thresholds of the USGS. Lines: protected sites.",
        draw=draw_codes_with_sites,
        arguments={
            "codes": codes,
            "key": {
                **{one.code: (one.title, one.colour) for one in CLASSES},
                NODATA: ("Not seen twice", NO_DATA),
            },
            "outlines": outlines,
            "pixel_m": pixel_m,
        },
    )


def sketch_times(
    times: Codes, key: Mapping[int, tuple[str, str]], outlines: Sequence[Outline],
    *, pixel_m: float, repeat_ha: float,
) -> Sketch:  # fmt: skip
    """Sketch the map of how often it burnt."""
    return Sketch(
        key="years_burnt",
        title="How often it burnt",
        alt=f"Map of the number of years in which each place burnt; {repeat_ha:,.1f} ha burnt in "
        "more than one.",
        note="A fire on a fresh scar shows only where something was left to burn.",
        draw=draw_codes_with_sites,
        arguments={"codes": times, "key": key, "outlines": outlines, "pixel_m": pixel_m},
    )


def sketch_years(years: pd.DataFrame) -> Sketch:
    """Sketch hectares by year and severity; ``year, burnt_ha`` and a column a class."""
    worst = max(years.to_dict("records"), key=lambda row: row["burnt_ha"])
    return Sketch(
        key="hectares_by_year",
        title="Hectares by year",
        alt=f"Bars of the burnt area of {len(years)} years by severity; the most, "
        f"{worst['burnt_ha']:,.0f} ha, in {worst['year']:.0f}.",
        note="Of the whole region, inside of sites or not.",
        draw=draw_years,
        arguments={"years": years},
    )


def draw_codes_with_sites(
    codes: Codes,
    key: Mapping[int, tuple[str, str]],
    outlines: Sequence[Outline],
    *,
    pixel_m: float,
) -> Figure:
    """Draw a map of codes under the outlines of sites.

    Args:
        codes: ``(y, x)``.
        key: Name and colour by code.
        outlines: Sites.
        pixel_m: Size of a pixel, metres.
    """
    figure = maps.draw_codes(codes, key, pixel_m=pixel_m, columns=3)
    axes = figure.axes[0]
    rows, cols = codes.shape
    for _, rings in outlines:
        for ring in rings:
            axes.plot(ring[:, 0], ring[:, 1], color=PAPER, linewidth=2.2, zorder=3)
            axes.plot(ring[:, 0], ring[:, 1], color=INK, linewidth=0.9, zorder=4)
    for label, column, row in place_labels(outlines, rows, cols):
        axes.text(
            column, row, label, fontsize=6.8, color=INK, ha="center", va="center", zorder=6,
            path_effects=outlined(2.4, PAPER),
        )  # fmt: skip
    axes.set_xlim(-0.5, cols - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)
    return figure


def place_labels(
    outlines: Sequence[Outline], rows: int, cols: int
) -> list[tuple[str, float, float]]:
    """Choose where sites are named: below what is seen of them, and below each other where needed.

    Args:
        outlines: Sites.
        rows: Rows of the map.
        cols: Columns.

    Returns:
        Label, column and row; sites that are not on the map have none.
    """
    view = shapely.box(0, 0, cols, rows)
    placed: list[tuple[str, float, float]] = []
    for label, rings in outlines:
        seen = shapely.union_all([shapely.make_valid(shapely.Polygon(ring)) for ring in rings])
        seen = seen.intersection(view)
        if seen.area < _NAMED * rows * cols:
            continue
        corners = shapely.get_coordinates(seen)
        column, row = corners[corners[:, 1].argmax()].tolist()
        column, row = float(np.clip(column, 0.16 * cols, 0.84 * cols)), row + 0.03 * rows
        for _, other_column, other_row in sorted(placed, key=lambda one: one[2]):
            if abs(column - other_column) < 0.3 * cols and abs(row - other_row) < 0.05 * rows:
                row = other_row + 0.055 * rows
        placed.append((label, column, min(row, 0.95 * rows)))
    return placed


def draw_years(years: pd.DataFrame) -> Figure:
    """Draw stacked bars of hectares by year."""
    from matplotlib.patches import Patch

    figure = new_figure(WIDTH_IN, 2.9)
    axes = figure.add_subplot()
    below = np.zeros(len(years))
    places = np.arange(len(years))
    for one in BURNT:
        hectares = years[f"{one.key}_ha"].to_numpy(float)
        axes.bar(
            places, hectares, bottom=below, color=one.colour, width=0.6, edgecolor=QUIET,
            linewidth=0.4,
        )  # fmt: skip
        below += hectares
    for place, total in enumerate(below.tolist()):
        axes.text(place, total, f"{total:,.0f} ha", ha="center", va="bottom", fontsize=8, color=INK)
    axes.set_xticks(places, [str(year) for year in years["year"]])
    axes.set_xlim(-0.6, max(len(years) - 0.4, 2.6))
    axes.margins(y=0.12)
    dress(axes, y="Burnt area (ha)")
    axes.grid(visible=False, axis="x")
    handles = [
        Patch(facecolor=one.colour, edgecolor=QUIET, linewidth=0.4, label=one.title)
        for one in BURNT
    ]
    legend_below(figure, handles, columns=4)
    return figure
