"""Asking a scene's own pixels whether its digital numbers still carry the shift they are said to.

Earth Search marks scenes whose shift of +1000 it has removed; some it has removed it from are not
marked. Reflectance would then come out 0.1 too low. Over land that is not under cloud some red or
blue is always dark: with the shift no digital number lies much below 1000, without it many do. A
scene of nothing but bright ground says nothing.

The rule is the project's own; it is not published anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import cv2
import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.windows import Window

from eo_assets.cube.access import with_file
from eo_assets.cube.scene import Scene, SourceBand

DARK_SHARE = 0.9
"""Of the shift; darker than this no land is while the shift is in."""

BRIGHT_SHARE = 2.0
"""Of the shift; if even the darkest land is brighter, it may or may not be in."""

PERCENTILE = 1
FEWEST_PIXELS = 500
COARSE_PX = 256
"""Shorter edge at least of what is looked at."""

_LAND = (4, 5)
"""Vegetated and not vegetated, in Sentinel-2's scene classification."""

_DARK_BANDS = ("blue", "red", "coastal", "green")


@dataclass(frozen=True, kw_only=True)
class SelfCheck:
    """What the pixels say.

    Attributes:
        band: The band that was looked at.
        verdict: Whether the shift is in the pixels as the item says.
        reason: The numbers, for people.
    """

    band: str
    verdict: Literal["agrees", "contradicts", "undecided"]
    reason: str


def check_shift(scene: Scene) -> SelfCheck:
    """Compare a scene's darkest land with the shift its radiometry takes off.

    Args:
        scene: A scene whose item contradicts itself about its radiometry.

    Returns:
        The verdict: of the band that contradicts, or else of the one that says most.

    Raises:
        SourceReadError: A file is damaged.
        SourceUnavailableError: A server does not answer.
    """
    names = [name for name in _DARK_BANDS if name in scene.bands][:2]
    if scene.quality is None or not names:
        return SelfCheck(
            band="", verdict="undecided", reason="no band that is dark over land was asked for"
        )
    checks = [_check(scene.bands[name], name, scene.quality.href) for name in names]
    order = {"contradicts": 0, "agrees": 1, "undecided": 2}
    return min(checks, key=lambda check: order[check.verdict])


def _check(band: SourceBand, name: str, quality: str) -> SelfCheck:
    shift = -band.offset / band.scale
    land = _land_pixels(band, quality)
    if land.size < FEWEST_PIXELS:
        return SelfCheck(
            band=name,
            verdict="undecided",
            reason=f"only {land.size} coarse pixels of {name} are clear land",
        )
    dark = float(np.percentile(land, PERCENTILE))
    found = (
        f"{PERCENTILE} % of {land.size} coarse pixels of clear land have a digital number below "
        f"{dark:.0f} in {name}"
    )
    if dark < DARK_SHARE * shift:
        reason = (
            f"{found}, although the item says that {shift:.0f} is still added: it seems to be "
            "taken off already"
        )
        return SelfCheck(band=name, verdict="contradicts", reason=reason)
    if dark > BRIGHT_SHARE * shift:
        reason = f"{found}: too bright to tell whether {shift:.0f} is added"
        return SelfCheck(band=name, verdict="undecided", reason=reason)
    return SelfCheck(band=name, verdict="agrees", reason=f"{found}: {shift:.0f} is added")


def _land_pixels(band: SourceBand, quality: str) -> npt.NDArray[Any]:
    """Read a band coarsely; give the digital numbers of land, away from edges of any kind."""
    (part, shape), _ = with_file(_part_and_shape, band.href)
    values, _ = with_file(lambda file: _coarse(file, part, shape), band.href)
    classes, _ = with_file(lambda file: _coarse(file, part, shape), quality)
    land = np.isin(classes, _LAND) & (values != band.nodata)
    # overviews average: a pixel at the edge of the swath is partly nothing
    inner = cv2.erode(land.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    return values[inner]


def _part_and_shape(dataset: rasterio.DatasetReader) -> tuple[float, tuple[int, int]]:
    """Choose which central part of a file to look at, and in how many pixels."""
    edge = min(dataset.shape)
    factors = [f for f in dataset.overviews(1) if edge // f >= COARSE_PX]
    if not factors and edge > 4 * COARSE_PX:
        part = 4 * COARSE_PX / edge  # without overviews all of it would be read
        return part, (4 * COARSE_PX, 4 * COARSE_PX)
    factor = max(factors, default=1)
    rows, columns = (-(-length // factor) for length in dataset.shape)
    return 1.0, (rows, columns)


def _coarse(
    dataset: rasterio.DatasetReader, part: float, shape: tuple[int, int]
) -> npt.NDArray[Any]:
    rows, columns = dataset.shape
    window = Window(columns * (1 - part) / 2, rows * (1 - part) / 2, columns * part, rows * part)
    return dataset.read(1, window=window, out_shape=shape)
