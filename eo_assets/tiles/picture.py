"""From values to a picture: stretched, coloured, transparent where nothing was observed.

Packed integers go through one table to their shade; no float is computed for them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from rio_tiler.colormap import cmap
from rio_tiler.errors import InvalidColorMapName

from eo_assets.clustering.palette import class_colours
from eo_assets.cube.evaluate import Evaluation
from eo_assets.cube.graph import Render
from eo_assets.cube.raster import Plane
from eo_assets.errors import UnknownNameError
from eo_assets.tiles.class_colours import CLASS_BAND, Rgba

Format = Literal["png", "webp", "npy"]
MEDIA_TYPES: dict[Format, str] = {
    "png": "image/png",
    "webp": "image/webp",
    "npy": "application/octet-stream",
}
_PNG_LEVEL = 1
"""As small as level 6 for pictures of the Earth, in a quarter of the time."""

_WEBP_QUALITY = 85
Shades = npt.NDArray[np.uint8]


def picture(
    pixels: Evaluation,
    render: Render,
    form: Literal["png", "webp"],
    classes: Mapping[int, Rgba] | None = None,
) -> bytes:
    """Draw pixels.

    Args:
        pixels: The pixels.
        render: How.
        form: ``png`` or ``webp``.
        classes: Colours of classes, where it shows some.

    Returns:
        The file's bytes.

    Raises:
        UnknownNameError: There is no such colour map.
    """
    stretches = render.stretch * len(render.bands) if len(render.stretch) == 1 else render.stretch
    planes = [pixels.raster.bands[name] for name in render.bands]
    if len(planes) == 1:
        steps = (
            planes[0].values.astype(np.uint8)
            if shows_classes(render)
            else _steps(planes[0], stretches[0], render.gamma)
        )
        return _indexed(steps, colours_of(render, classes), form)
    shades = [
        _steps(plane, stretch, render.gamma)
        for plane, stretch in zip(planes, stretches, strict=True)
    ]
    alpha = np.logical_and.reduce([one != 0 for one in shades])
    return _encoded(np.dstack(shades[::-1]), alpha, form)


def _steps(plane: Plane, stretch: tuple[float, float], gamma: float) -> Shades:
    """Give each value its step from 1 to 255; 0 where there is no observation."""
    if not plane.packed:
        return _stretched(plane.values, stretch, gamma)
    a = plane.attributes
    table = _step_table(
        float(a["scale_factor"]), float(a["add_offset"]), int(a["_FillValue"]), stretch, gamma
    )
    steps: Shades = table[plane.values]
    return steps


@lru_cache(maxsize=32)
def _step_table(
    scale: float, offset: float, fill: int, stretch: tuple[float, float], gamma: float
) -> Shades:
    values = (np.arange(65_536) * scale + offset).astype(np.float32)
    values[fill] = np.nan
    return _stretched(values, stretch, gamma)


def _stretched(values: npt.NDArray[Any], stretch: tuple[float, float], gamma: float) -> Shades:
    low, high = stretch
    with np.errstate(invalid="ignore"):
        share = np.clip((values - low) / ((high - low) or 1.0), 0.0, 1.0)
        if gamma != 1.0:
            share **= 1.0 / gamma
        steps = np.rint(share * 254) + 1
    return np.nan_to_num(steps, nan=0.0).astype(np.uint8)


def colours_of(render: Render, classes: Mapping[int, Rgba] | None = None) -> npt.NDArray[np.uint8]:
    """Give the colour of each step of a single band: 256 rows of red, green, blue, alpha.

    Args:
        render: How it is shown.
        classes: Colours of classes, where it shows some; without any, those of eight.

    Raises:
        UnknownNameError: There is no such colour map.
    """
    if not shows_classes(render):
        return _colours(render.colormap or "gray")
    if not classes:
        return _colours("classes")
    table = np.zeros((256, 4), np.uint8)
    for value, colour in classes.items():
        table[value] = colour
    return table


def shows_classes(render: Render) -> bool:
    """Tell whether values are classes, each with a colour of its own."""
    return render.colormap is None and render.bands == (CLASS_BAND,)


@lru_cache(maxsize=64)
def _colours(name: str) -> npt.NDArray[np.uint8]:
    table = np.zeros((256, 4), np.uint8)
    if name == "classes":
        # as products of eight classes are coloured, then again from the first
        ramp = class_colours(8)
        for step in range(1, 256):
            colour = ramp[(step - 1) % 8]
            table[step] = [*(int(colour[i : i + 2], 16) for i in (1, 3, 5)), 255]
        return table
    try:
        named: Any = cmap.get(name)
    except InvalidColorMapName as error:
        raise UnknownNameError(
            f"Colour map {name!r} is not known.",
            "Use rdylgn, viridis, gray, terrain or another one of rio-tiler.",
        ) from error
    for step in range(1, 256):
        table[step] = named.get(round((step - 1) / 254 * 255), (0, 0, 0, 0))
    return table


def _indexed(steps: Shades, colours: npt.NDArray[np.uint8], form: Literal["png", "webp"]) -> bytes:
    if form == "webp":
        rgba = colours[steps]
        return _encoded(rgba[..., 2::-1], steps != 0, form)
    image = Image.fromarray(steps, mode="P")
    image.putpalette(colours[:, :3].tobytes())
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=_PNG_LEVEL, transparency=colours[:, 3].tobytes())
    return out.getvalue()


def _encoded(
    bgr: npt.NDArray[np.uint8], alpha: npt.NDArray[np.bool_], form: Literal["png", "webp"]
) -> bytes:
    if not alpha.all():
        bgr = np.dstack([bgr * alpha[..., None], alpha * np.uint8(255)])
    options: Sequence[int] = (
        (cv2.IMWRITE_PNG_COMPRESSION, _PNG_LEVEL)
        if form == "png"
        else (cv2.IMWRITE_WEBP_QUALITY, _WEBP_QUALITY)
    )
    _, content = cv2.imencode(f".{form}", np.ascontiguousarray(bgr), list(options))
    return content.tobytes()


@lru_cache(maxsize=8)
def empty_picture(size: int, form: Literal["png", "webp"]) -> bytes:
    """Give a picture in which nothing is to be seen."""
    nothing = np.zeros((size, size), np.uint8)
    return _indexed(nothing, np.zeros((256, 4), np.uint8), form)


def as_npy(pixels: Evaluation, names: Sequence[str], *, packed: bool) -> bytes:
    """Give pixels as a NumPy file, dims ``(band, y, x)``.

    Args:
        pixels: The pixels.
        names: Names of the bands.
        packed: Integers as products store them, where all bands are; else float32 with NaN.

    Returns:
        The file's bytes.
    """
    planes = [pixels.raster.bands[name] for name in names]
    whole = packed and all(plane.packed for plane in planes)
    out = io.BytesIO()
    np.save(out, np.stack([plane.values if whole else plane.decoded() for plane in planes]))
    return out.getvalue()
