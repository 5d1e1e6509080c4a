"""How figures look: one size of type, quiet axes, and PNG bytes at the end.

Matplotlib is imported where a figure is drawn, on a worker; its global state is never touched.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1d2733"
QUIET = "#5b6876"
GRID = "#e3e8ee"
PAPER = "#ffffff"
ACCENT = "#c2410c"
NO_DATA = "#d3d9e0"

WIDTH_IN = 5.2
DPI = 200


def new_figure(width_in: float, height_in: float) -> Figure:
    """An empty figure whose text and axes share one look."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width_in, height_in), dpi=DPI, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def dress(axes: Axes, *, x: str = "", y: str = "", title: str = "") -> None:
    """Give axes their labels and take away what does not carry information."""
    axes.set_facecolor(PAPER)
    axes.grid(visible=True, color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in {"left", "bottom"})
        spine.set_color(QUIET)
        spine.set_linewidth(0.6)
    axes.tick_params(colors=QUIET, labelsize=8, width=0.6, length=3)
    axes.set_xlabel(x, fontsize=8.5, color=INK)
    axes.set_ylabel(y, fontsize=8.5, color=INK)
    if title:
        axes.set_title(title, fontsize=9, color=INK, loc="left", fontweight="bold")


def outlined(width: float = 1.0, colour: str = INK) -> list[Any]:
    """Path effects that give light lines and letters a thin dark edge."""
    from matplotlib.patheffects import Normal, Stroke

    return [Stroke(linewidth=width, foreground=colour), Normal()]


def legend_below(figure: Figure, handles: list[Any], *, columns: int) -> None:
    """A legend under everything else."""
    figure.legend(
        handles=handles,
        loc="outside lower left",
        ncols=columns,
        fontsize=7.5,
        frameon=False,
        labelcolor=INK,
        handlelength=1.4,
        columnspacing=1.2,
    )


def spread_out(places: Sequence[float], gap: float) -> list[float]:
    """Move rising places to the right until neighbours are ``gap`` apart, so that labels fit."""
    moved: list[float] = []
    for place in places:
        moved.append(max(float(place), moved[-1] + gap) if moved else float(place))
    return moved


def to_png(figure: Figure) -> bytes:
    """Draw a figure; the same figure gives the same bytes."""
    buffer = io.BytesIO()
    # without these, matplotlib writes its version into the file
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
