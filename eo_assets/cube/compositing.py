"""Many scenes to one image, pixel by pixel.

A rule looks at each pixel on its own and takes scenes in an order given by the scenes themselves.
Its result therefore depends neither on how a region is cut into blocks nor on the order in which
items arrive.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from odc.geo.geobox import GeoBox

from eo_assets.cube.diagnosis import is_remote
from eo_assets.cube.filling import BandsRead, fill, start_reading, usability_of_scenes
from eo_assets.cube.graph.operations import CompositeMethod, Order, ValidPixels
from eo_assets.cube.image import Bool, Image, Status, blank
from eo_assets.cube.reducers import reduce_observations
from eo_assets.cube.scene import Scene
from eo_assets.cube.scene_order import count_passes, order_scenes, passes
from eo_assets.cube.scene_reading import EXACT, Reader, first_file

__all__ = ["Image", "Rule", "Status", "attempted_bands", "composite"]

REDUCE_ROWS = 128
"""Rows reduced at once; a geometric median needs some ten times the memory of its input."""


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How scenes become one image.

    Attributes:
        method: See ``eo_assets.cube.graph.operations.Composite``.
        order: The same.
        valid: Which pixels are usable.
    """

    method: CompositeMethod
    order: Order
    valid: ValidPixels


def composite(
    scenes: Sequence[Scene],
    bands: Sequence[str],
    geobox: GeoBox,
    *,
    rule: Rule,
    inside: Bool,
    reader: Reader = EXACT,
    positions: Sequence[int] | None = None,
) -> Image:
    """Composite scenes on a grid.

    Quality bands are read first, for all scenes; reflectance is then read only where pixels still
    need it, often not at all. Scenes of one pass of the satellite are mosaicked first, so that
    the overlap of neighbouring tiles counts as one observation.

    Args:
        scenes: The scenes.
        bands: Names of the bands.
        geobox: The grid.
        rule: How to composite.
        inside: Pixels wanted, dims ``(y, x)``.
        reader: How files are read.
        positions: Positions of the scenes to use; all where None.

    Returns:
        The image. A scene with a file that cannot be read gives no pixel of this image; where no
        other scene does either the status is ``FAILED_READ``.

    Raises:
        SourceUnavailableError: A server does not answer; worth another try.
        ViewLimitError: A view for a look would have to read too much.
    """
    image = blank(bands, inside)
    chosen = range(len(scenes)) if positions is None else positions
    if rule.method == "first" and reader.looks:
        _look(image, scenes, order_scenes(scenes, rule.order, chosen), geobox, rule, reader)
        return image
    usable = usability_of_scenes(scenes, chosen, geobox, rule.valid, image, reader)
    image.observations[:] = count_passes(scenes, usable) * inside
    order = [p for p in order_scenes(scenes, rule.order, chosen) if p in usable]
    if rule.method == "first":
        _mosaic(image, scenes, order, usable, geobox, reader)
        return image
    layers = []
    for group in passes(scenes, order):
        layer = blank(bands, inside)
        _mosaic(layer, scenes, group, usable, geobox, reader)
        image.reads += layer.reads
        image.status[layer.status == Status.FAILED_READ] = Status.FAILED_READ
        layers.append(layer)
    _reduce(image, layers, rule.method)
    return image


def attempted_bands(
    scene: Scene, bands: Sequence[str], geobox: GeoBox, inside: Bool, reader: Reader
) -> Image:
    """Read the bands of one scene, every observed pixel of it valid.

    Args:
        scene: The scene.
        bands: Names of the bands.
        geobox: The grid.
        inside: Pixels wanted, dims ``(y, x)``.
        reader: How files are read.

    Returns:
        The image; ``FAILED_READ`` everywhere where a band cannot be read.
    """
    image = blank(bands, inside)
    if inside.any():
        filled = fill(image, scene, 0, inside, geobox, reader)
        image.observations[filled] = 1
    return image


def _look(
    image: Image,
    scenes: Sequence[Scene],
    order: Sequence[int],
    geobox: GeoBox,
    rule: Rule,
    reader: Reader,
) -> None:
    """Fill each pixel from the first scene that is usable there, and read no more than that."""
    open_pixels = image.status != Status.OUTSIDE_REGION
    failed = np.zeros(image.status.shape, bool)
    batch = reader.threads(first_file(scenes[order[0]]).href) if order else 1
    for start in range(0, len(order), batch):
        if not open_pixels.any():
            break
        part = order[start : start + batch]
        before = image.status.copy()
        failed |= before == Status.FAILED_READ
        usable = usability_of_scenes(scenes, part, geobox, rule.valid, image, reader)
        failed |= (image.status == Status.FAILED_READ) & open_pixels
        image.status[before == Status.VALID] = Status.VALID
        for position in part:
            needed = usable[position] & open_pixels if position in usable else None
            if needed is not None and needed.any():
                open_pixels &= ~fill(image, scenes[position], position, needed, geobox, reader)
    failed |= image.status == Status.FAILED_READ
    image.status[failed & open_pixels] = Status.FAILED_READ


def _mosaic(
    image: Image,
    scenes: Sequence[Scene],
    order: Sequence[int],
    usable: dict[int, Bool],
    geobox: GeoBox,
    reader: Reader,
) -> None:
    """Fill each pixel from the first scene, in order, that is usable there.

    Over a network the next scene is being read meanwhile. What will be needed of it is known from
    the quality bands, if the scene before has all the pixels that these promise; if it has not,
    ``fill`` reads more.
    """
    open_pixels = image.status != Status.OUTSIDE_REGION
    waiting: deque[tuple[int, BandsRead | None]] = deque()

    def take_turn(position: int, begun: BandsRead | None) -> None:
        nonlocal open_pixels
        needed = usable[position] & open_pixels
        if needed.any():
            filled = fill(image, scenes[position], position, needed, geobox, reader, begun)
            open_pixels &= ~filled

    try:
        for position in order:
            scene = scenes[position]
            needed = usable[position] & open_pixels
            for before, _ in waiting:
                needed &= ~usable[before]
            begun = start_reading(image, scene, needed, geobox, reader) if needed.any() else None
            waiting.append((position, begun))
            # one scene keeps the cores busy, but not the network
            if len(waiting) > (1 if is_remote(first_file(scene).href) else 0):
                take_turn(*waiting.popleft())
        while waiting:
            take_turn(*waiting.popleft())
    finally:
        for _, begun in waiting:
            if begun:
                begun.pending.cancel()


def _reduce(image: Image, layers: Sequence[Image], method: str) -> None:
    """Reduce one layer a pass to the image, in strips that bound the memory."""
    names = tuple(image.bands)
    if not layers:
        return
    for start in range(0, image.status.shape[0], REDUCE_ROWS):
        rows = slice(start, start + REDUCE_ROWS)
        shape = image.status[rows].shape
        values = np.stack([[layer.bands[name][rows].ravel() for name in names] for layer in layers])
        valid = np.stack([layer.status[rows].ravel() == Status.VALID for layer in layers])
        reduced = reduce_observations(method, values, valid, names)
        for name, band in zip(names, reduced.values, strict=True):
            image.bands[name][rows] = band.reshape(shape)
        done = (reduced.values != 0).any(axis=0)
        image.status[rows][done.reshape(shape)] = Status.VALID
        if reduced.choice is not None:
            sources = np.stack([layer.source[rows].ravel() for layer in layers])
            chosen = np.take_along_axis(sources, reduced.choice[np.newaxis], axis=0)[0]
            image.source[rows] = np.where(done, chosen, 0).reshape(shape)
