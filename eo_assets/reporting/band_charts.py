"""Charts of reflectance by band."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from eo_assets.reporting.overview import REFLECTANCE_BINS, Counts, quantile
from eo_assets.reporting.style import WIDTH_IN, dress, legend_below, new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart by every kind of sight; lines differ in dashes besides
_STYLES = {
    "blue": ("#0072B2", "-"),
    "green": ("#009E73", "-"),
    "red": ("#D55E00", "-"),
    "nir": ("#CC79A7", "-"),
    "nir08": ("#CC79A7", "-"),
    "swir16": ("#E69F00", (0, (5, 2))),
    "swir22": ("#000000", (0, (2, 2))),
}


def draw_band_histograms(counts: Mapping[str, Counts]) -> Figure:
    """Draw how many pixels reflect how much, one line a band.

    Args:
        counts: By band name: pixels in each of ``REFLECTANCE_BINS``; at least one.
    """
    figure = new_figure(WIDTH_IN, 3.2)
    axes = figure.add_subplot()
    dress(axes, x="Surface reflectance (1 = 100 %)", y="Share of pixels (%)")
    handles = []
    for name, pixels in counts.items():
        colour, dashes = _STYLES[name]
        handles += axes.step(
            REFLECTANCE_BINS[:-1], 100 * pixels / pixels.sum(), where="post", color=colour,
            linestyle=dashes, linewidth=1.3, label=name,
        )  # fmt: skip
    low, high = (
        [quantile(pixels, REFLECTANCE_BINS, share) for pixels in counts.values()]
        for share in (0.0005, 0.995)
    )
    axes.set_xlim(min(0.0, *low), max(high))
    axes.set_ylim(bottom=0)
    legend_below(figure, handles, columns=6)
    return figure
