"""Maps: images of the ground with a scale bar, a north arrow and the key to their colours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from eo_assets.reporting.style import (
    INK,
    NO_DATA,
    QUIET,
    WIDTH_IN,
    legend_below,
    new_figure,
    outlined,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Image = npt.NDArray[np.float32]
Rgb = npt.NDArray[np.uint8]

_GAMMA = 1 / 1.7
NO_DATA_RGB = tuple(int(NO_DATA[i : i + 2], 16) for i in (1, 3, 5))
_NDVI_STOPS = (
    # blue-grey below 0 (water, snow), sand for bare ground, deepening green
    (-0.2, "#3f5f8f"),
    (0.0, "#b9c0c9"),
    (0.1, "#f2e6c8"),
    (0.35, "#d9dc93"),
    (0.6, "#7fb765"),
    (0.8, "#2f8148"),
    (1.0, "#0a3d24"),
)
NDVI_LIMITS = (_NDVI_STOPS[0][0], _NDVI_STOPS[-1][0])
_WATER_STOPS = (
    # land from straw to brown, a break at 0, deepening blue
    (-0.8, "#faf4e3"),
    (-0.4, "#dcc998"),
    (0.0, "#8a7448"),
    (0.0, "#a9d3ee"),
    (0.3, "#2f78b7"),
    (0.8, "#0b2a5c"),
)
_OWN_RAMPS = {"vegetation": _NDVI_STOPS, "water": _WATER_STOPS}


def stretch(planes: Sequence[Image], *, together: bool) -> Rgb:
    """Turn reflectance into colours people can read.

    From the 1st to the 99th percentile of the valid pixels, then a gamma that lifts dark forest
    without burning out bright rock.

    Args:
        planes: Red, green and blue of the picture: reflectance ``(y, x)``, NaN where invalid.
        together: One upper limit for all three keeps the natural balance of colours; otherwise
            each plane uses its whole range.

    Returns:
        ``(y, x, 3)``, uint8; ``NO_DATA`` grey where any plane is invalid.
    """
    stack = np.stack(planes, axis=-1)
    valid = np.isfinite(stack).all(axis=-1)
    colours = np.empty(stack.shape, np.uint8)
    colours[:] = NO_DATA_RGB
    if not valid.any():
        return colours
    low, high = np.percentile(stack[valid], [1, 99], axis=0)
    if together:
        high = np.full(3, high.max())
    share = np.clip((stack[valid] - low) / np.maximum(high - low, 1e-4), 0, 1)
    colours[valid] = np.rint(255 * share**_GAMMA).astype(np.uint8)
    return colours


def draw_picture(rgb: Rgb, *, pixel_m: float) -> Figure:
    """Draw a colour picture ``(y, x, 3)``."""
    figure, axes = map_axes(rgb.shape, pixel_m)
    axes.imshow(rgb, interpolation="nearest")
    return figure


def draw_ndvi(ndvi: Image, *, pixel_m: float) -> Figure:
    """Draw an NDVI map with its colour bar; grey where there is no observation."""
    return draw_values(
        ndvi, pixel_m=pixel_m, limits=NDVI_LIMITS, ramp="vegetation", label="NDVI (dimensionless)"
    )


def draw_values(
    values: Image, *, pixel_m: float, limits: tuple[float, float], ramp: str, label: str
) -> Figure:
    """Draw a map of a quantity with its colour bar; grey where there is no observation.

    Args:
        values: ``(y, x)``, NaN where there is none.
        pixel_m: Size of a pixel, metres.
        limits: Values of the ends of the colour bar.
        ramp: ``vegetation`` or ``water``, whose colours belong to values and which have limits of
            their own, or the name of one of Matplotlib's colour maps.
        label: What is shown, with its unit.
    """
    from matplotlib import colormaps

    if stops := _OWN_RAMPS.get(ramp):
        colours, (low, high) = _between(stops), (stops[0][0], stops[-1][0])
    else:
        colours, (low, high) = colormaps[ramp].with_extremes(bad=NO_DATA), limits
    figure, axes = map_axes(values.shape, pixel_m, extra_in=0.45)
    image = axes.imshow(values, cmap=colours, vmin=low, vmax=high, interpolation="nearest")
    bar = figure.colorbar(
        image, ax=axes, location="bottom", aspect=40, pad=0.02, extend="both", shrink=0.98
    )
    bar.set_label(label, fontsize=8.5, color=INK)
    bar.ax.tick_params(colors=QUIET, labelsize=8, width=0.6)
    bar.outline.set_visible(False)
    return figure


def ndvi_colours() -> Any:
    """The colour map of NDVI: lightness falls with vegetation, water is blue-grey."""
    return _between(_NDVI_STOPS)


def _between(stops: Sequence[tuple[float, str]]) -> Any:
    """The colour map that runs through colours at values."""
    from matplotlib.colors import LinearSegmentedColormap

    low, high = stops[0][0], stops[-1][0]
    shares = [((value - low) / (high - low), colour) for value, colour in stops]
    return LinearSegmentedColormap.from_list("own", shares, N=256).with_extremes(bad=NO_DATA)


def draw_codes(
    codes: npt.NDArray[np.uint8],
    key: Mapping[int, tuple[str, str]],
    *,
    pixel_m: float,
    columns: int = 2,
) -> Figure:
    """Draw a map of codes with its legend.

    Args:
        codes: ``(y, x)``.
        key: Name and colour ``#RRGGBB`` by code, in the order of the legend; other codes are grey.
        pixel_m: Size of a pixel, metres.
        columns: Of the legend.
    """
    from matplotlib.patches import Patch

    table = np.empty((256, 3), np.uint8)
    table[:] = _rgb(NO_DATA)
    for code, (_, colour) in key.items():
        table[code] = _rgb(colour)
    figure, axes = map_axes(codes.shape, pixel_m, extra_in=0.2 * -(-len(key) // columns))
    axes.imshow(table[codes], interpolation="nearest")
    handles = [
        Patch(facecolor=colour, edgecolor=QUIET, linewidth=0.4, label=name)
        for name, colour in key.values()
    ]
    legend_below(figure, handles, columns=columns)
    return figure


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(colour[1:])
    return red, green, blue


def map_axes(shape: Sequence[int], pixel_m: float, *, extra_in: float = 0.0) -> tuple[Figure, Axes]:
    """Begin a map: axes for an image of a shape, with scale bar and north arrow.

    Args:
        shape: Rows and columns.
        pixel_m: Size of a pixel, metres.
        extra_in: Room for a legend, inches.
    """
    rows, cols = shape[0], shape[1]
    figure = new_figure(WIDTH_IN, min(WIDTH_IN * rows / cols, 1.6 * WIDTH_IN) + extra_in)
    axes = figure.add_subplot()
    axes.set_axis_off()
    _scale_bar(axes, rows, cols, pixel_m)
    _north_arrow(axes, rows, cols)
    return figure, axes


def bar_length_m(width_m: float) -> float:
    """A round length, 1, 2 or 5 times a power of ten, at most a quarter of the map's width."""
    power = 10.0 ** np.floor(np.log10(width_m / 4))
    return float(max(step * power for step in (1, 2, 5) if step * power <= width_m / 4))


def _scale_bar(axes: Axes, rows: int, cols: int, pixel_m: float) -> None:
    length_m = bar_length_m(cols * pixel_m)
    left, bottom = 0.04 * cols, rows - 0.035 * max(rows, cols)
    right = left + length_m / pixel_m
    label = f"{length_m / 1000:g} km" if length_m >= 1000 else f"{length_m:g} m"
    axes.plot(
        [left, right], [bottom, bottom], color="white", linewidth=2.4, solid_capstyle="butt",
        path_effects=outlined(4.2), zorder=5,
    )  # fmt: skip
    axes.text(
        (left + right) / 2, bottom - 0.012 * max(rows, cols), label, ha="center", va="bottom",
        color="white", fontsize=8, fontweight="bold", path_effects=outlined(2), zorder=5,
    )  # fmt: skip


def _north_arrow(axes: Axes, rows: int, cols: int) -> None:
    size = 0.06 * max(rows, cols)
    x, top = cols - 0.7 * size, 0.35 * size
    axes.annotate(
        "", xy=(x, top), xytext=(x, top + size),
        arrowprops={"arrowstyle": "-|>,head_width=0.35,head_length=0.7", "color": "white",
                    "linewidth": 1.6, "path_effects": outlined(3)}, zorder=5,
    )  # fmt: skip
    axes.text(
        x, top + 1.05 * size, "N", ha="center", va="top", color="white", fontsize=8.5,
        fontweight="bold", path_effects=outlined(2), zorder=5,
    )  # fmt: skip
