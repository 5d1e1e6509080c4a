"""Pictures of terrain: shaded relief in the colours of its heights, with contours; and slope."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from eo_assets.reporting.figures import Sketch
from eo_assets.reporting.maps import map_axes
from eo_assets.reporting.style import INK, NO_DATA, QUIET

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Image = npt.NDArray[np.float32]
Path = tuple[float, npt.NDArray[np.float64]]
"""Height of a contour, and its columns and rows."""

_HEIGHT_STOPS = ("#7fa87a", "#b5c78b", "#e8dfa8", "#d3b483", "#b08d6f", "#cfc6c0", "#fbfaf8")
"""From low to high ground: meadow green over sand and brown to the colour of bare summits."""

_SLOPE_STOPS = ("#fbfaf4", "#f3dfa6", "#e5a35b", "#b9502e", "#5b1a2b")
_STEEP_DEG = 50.0
_INDEX_LINES = 5
"""Every fifth contour is drawn stronger and labelled."""


def sketch_relief(
    elevation_m: Image, shade: Image, contours: Sequence[Path], *, pixel_m: float
) -> Sketch:
    """Sketch the shaded relief.

    Args:
        elevation_m: Heights, dims ``(y, x)``, NaN unknown.
        shade: Hillshade 1-255, likewise.
        contours: In pixels of the picture.
        pixel_m: Size of a pixel, metres.
    """
    low, high = float(np.nanmin(elevation_m)), float(np.nanmax(elevation_m))
    return Sketch(
        key="relief",
        title="Relief",
        alt=f"Shaded relief of the region with contours, from {low:.0f} to {high:.0f} m.",
        note="Shade and contours; colours follow the height.",
        draw=draw_relief,
        arguments={
            "elevation_m": elevation_m,
            "shade": shade,
            "contours": contours,
            "pixel_m": pixel_m,
        },
        photo=True,
    )


def sketch_slope(slope_deg: Image, *, pixel_m: float) -> Sketch:
    """Sketch the map of slopes; dims ``(y, x)``, degrees, NaN unknown."""
    middle, high = np.nanpercentile(slope_deg, [50, 95])
    return Sketch(
        key="slope",
        title="Slope",
        alt=f"Map of slopes: half of the region is steeper than {middle:.0f} degrees, one "
        f"twentieth steeper than {high:.0f}.",
        note="Angle to the horizontal.",
        draw=draw_slope,
        arguments={"slope_deg": slope_deg, "pixel_m": pixel_m},
        photo=True,
    )


def draw_relief(
    elevation_m: Image, shade: Image, contours: Sequence[Path], *, pixel_m: float
) -> Figure:
    """Draw shaded relief; see ``sketch_relief``."""
    from matplotlib.collections import LineCollection

    low, high = np.nanpercentile(elevation_m, [0.5, 99.5])
    colours = _colours("heights", _HEIGHT_STOPS)
    figure, axes = map_axes(elevation_m.shape, pixel_m, extra_in=0.45)
    image = axes.imshow(elevation_m, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    # light is multiplied in, so that colours keep their hue in the shade
    light = np.clip(np.nan_to_num(shade, nan=255.0) / 200, 0.25, 1.25)[..., np.newaxis]
    rgb = np.clip(colours(image.norm(elevation_m))[..., :3] * light, 0, 1)
    grey = np.array([int(NO_DATA[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    axes.imshow(np.where(np.isfinite(shade)[..., np.newaxis], rgb, grey), interpolation="nearest")
    heights = sorted({height for height, _ in contours})
    interval = min(np.diff(heights), default=1.0)
    index = [c for c in contours if round(c[0] / interval) % _INDEX_LINES == 0]
    others = [c for c in contours if round(c[0] / interval) % _INDEX_LINES]
    for lines, width in ((others, 0.22), (index, 0.5)):
        axes.add_collection(
            LineCollection([path for _, path in lines], colors=INK, linewidths=width, alpha=0.55),
            autolim=False,
        )
    _label(axes, index)
    axes.set_xlim(-0.5, elevation_m.shape[1] - 0.5)
    axes.set_ylim(elevation_m.shape[0] - 0.5, -0.5)
    _bar(figure, axes, image, "Elevation (m)")
    return figure


def draw_slope(slope_deg: Image, *, pixel_m: float) -> Figure:
    """Draw a map of slopes; see ``sketch_slope``."""
    figure, axes = map_axes(slope_deg.shape, pixel_m, extra_in=0.45)
    image = axes.imshow(
        slope_deg,
        cmap=_colours("slopes", _SLOPE_STOPS),
        vmin=0,
        vmax=_STEEP_DEG,
        interpolation="nearest",
    )
    _bar(figure, axes, image, "Slope (degrees)")
    return figure


def _label(axes: Any, contours: Sequence[Path]) -> None:
    """Write the height into the longest line of each index contour."""
    longest: dict[float, npt.NDArray[np.float64]] = {}
    for height, path in contours:
        if len(path) > len(longest.get(height, ())):
            longest[height] = path
    for height, path in longest.items():
        if len(path) < 40:
            continue
        x, y = path[len(path) // 2]
        dx, dy = path[len(path) // 2 + 3] - path[len(path) // 2 - 3]
        angle = -np.degrees(np.arctan2(dy, dx))
        axes.text(
            x, y, f"{height:.0f}", fontsize=4.5, color=INK, ha="center", va="center",
            rotation=(angle + 90) % 180 - 90, rotation_mode="anchor", clip_on=True,
            bbox={"facecolor": "white", "alpha": 0.55, "pad": 0.4, "linewidth": 0},
        )  # fmt: skip


def _colours(name: str, stops: Sequence[str]) -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list(name, list(stops), N=256).with_extremes(bad=NO_DATA)


def _bar(figure: Figure, axes: Any, image: Any, label: str) -> None:
    bar = figure.colorbar(image, ax=axes, location="bottom", aspect=40, pad=0.02, shrink=0.98)
    bar.set_label(label, fontsize=8.5, color=INK)
    bar.ax.tick_params(colors=QUIET, labelsize=8, width=0.6)
    bar.outline.set_visible(False)
