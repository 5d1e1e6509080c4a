"""Charts of reflectance by band."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

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
_BINS = 120


def draw_band_histograms(reflectance: Mapping[str, npt.NDArray[np.float32]]) -> Figure:
    """Draw how many pixels reflect how much, one line a band.

    Args:
        reflectance: By band name ``(y, x)``, NaN where there is no observation; some are not.
    """
    figure = new_figure(WIDTH_IN, 3.2)
    axes = figure.add_subplot()
    dress(axes, x="Surface reflectance (1 = 100 %)", y="Share of pixels (%)")
    valid = {name: image[np.isfinite(image)] for name, image in reflectance.items()}
    top = max(float(np.percentile(values, 99.5)) for values in valid.values())
    edges = np.linspace(min(0.0, *(float(v.min()) for v in valid.values())), top, _BINS + 1)
    handles = []
    for name, values in valid.items():
        colour, dashes = _STYLES[name]
        counts, _ = np.histogram(values, edges)
        handles += axes.step(
            edges[:-1], 100 * counts / values.size, where="post", color=colour, linestyle=dashes,
            linewidth=1.3, label=name,
        )  # fmt: skip
    axes.set_xlim(edges[0], top)
    axes.set_ylim(bottom=0)
    legend_below(figure, handles, columns=6)
    return figure
