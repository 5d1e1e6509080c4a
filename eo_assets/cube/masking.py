"""Which pixels of a scene are usable, by its quality band, at that band's own resolution.

A boolean is ``valid`` here: True means usable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from eo_assets.cube.graph import ValidPixels

Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Usability:
    """What a quality band says, pixel by pixel.

    Attributes:
        observed: The satellite saw the pixel.
        valid: It is usable too.
    """

    observed: Bool
    valid: Bool


def usability(quality: npt.NDArray[np.integer], rule: ValidPixels, *, pixel_m: float) -> Usability:
    """Interpret a quality band.

    Cloud is opened first, which drops single bright roofs and river gravel, and then grown by
    ``dilation_m``, for clouds have soft edges. Beyond the array cloud is taken to go on as at its
    edge; a caller that wants a window to be exact reads ``rule.halo_px(pixel_m)`` more around it.

    Args:
        quality: Classes or flags, dims ``(y, x)``.
        rule: Which of them are usable.
        pixel_m: Pixel size, metres.

    Returns:
        Two boolean arrays in the shape of ``quality``.
    """
    observed = ~_any_of(quality, rule.fill, rule.kind)
    cloud = _any_of(quality, rule.cloud, rule.kind)
    other = tuple(value for value in rule.invalid if value not in rule.cloud)
    unusable = _any_of(quality, other, rule.kind)
    if cloud.any():
        unusable |= _grown(
            cloud, opening_px=rule.opening_px(pixel_m), dilation_px=rule.dilation_px(pixel_m)
        )
    return Usability(observed=observed, valid=observed & ~unusable)


def _any_of(quality: npt.NDArray[np.integer], values: tuple[int, ...], kind: str) -> Bool:
    if kind == "bits":
        flags = np.bitwise_or.reduce([1 << bit for bit in values]) if values else 0
        return (quality & quality.dtype.type(flags)) != 0
    # classes are small integers: a table beats comparing with each
    table = np.zeros(np.iinfo(quality.dtype).max + 1 if quality.itemsize == 1 else 65_536, bool)
    table[list(values)] = True
    return table[quality]


def _grown(cloud: Bool, *, opening_px: int, dilation_px: int) -> Bool:
    grid: npt.NDArray[Any] = cloud.astype(np.uint8)
    if opening_px:
        grid = cv2.morphologyEx(grid, cv2.MORPH_OPEN, _disk(opening_px))
    if dilation_px:
        grid = cv2.dilate(grid, _disk(dilation_px))
    return grid.astype(bool)


def _disk(radius: int) -> npt.NDArray[np.uint8]:
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return (x * x + y * y <= radius * radius).astype(np.uint8)
