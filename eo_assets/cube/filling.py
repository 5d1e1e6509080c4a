"""What scenes give to an image: which of their pixels are usable there, and the pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from odc.geo.geobox import GeoBox

from eo_assets.cube.graph.operations import ValidPixels
from eo_assets.cube.image import Bool, Image, Status, set_where
from eo_assets.cube.masking import Usability
from eo_assets.cube.radiometry import Packed
from eo_assets.cube.reading import Read
from eo_assets.cube.scene import Scene
from eo_assets.cube.scene_reading import Pending, Reader, first_file, in_threads, logged
from eo_assets.cube.windows import WindowRead, covers


def usability_of_scenes(
    scenes: Sequence[Scene],
    positions: Sequence[int],
    geobox: GeoBox,
    valid: ValidPixels,
    image: Image,
    reader: Reader,
) -> dict[int, Bool]:
    """Read the quality bands of scenes, and note in an image what they say of it.

    Args:
        scenes: The scenes.
        positions: Which of them.
        geobox: Grid of the image.
        valid: Which values are usable.
        image: Gets the status of masked pixels and of those that could not be read, and the reads.
        reader: How files are read.

    Returns:
        Usable pixels by position, dims ``(y, x)``; of scenes that were read and reach the grid.

    Raises:
        SourceUnavailableError: A server does not answer.
    """

    def read(position: int) -> tuple[Usability, Read | None] | Read:
        scene = scenes[position]
        quality = scene.quality
        if quality is None:
            name = next(iter(scene.bands))
            return logged(
                scene, name, scene.bands[name], reader, lambda: _observed(scene, geobox, reader)
            )
        return logged(
            scene, "quality", quality, reader, lambda: reader.usability(quality, valid, geobox)
        )

    usable = {}
    failed = np.zeros(image.status.shape, bool)
    threads = reader.threads(first_file(scenes[positions[0]]).href) if positions else 1
    results = in_threads(read, positions, threads).results()
    for position, result in zip(positions, results, strict=True):
        scene = scenes[position]
        if isinstance(result, Read):
            image.reads.append(result)
            failed |= covers(first_file(scene), geobox)
            continue
        usability, done = result
        if done is None:
            continue
        image.reads.append(done)
        usable[position] = usability.valid
        masked = usability.observed & (image.status != Status.OUTSIDE_REGION)
        set_where(image.status, Status.MASKED, masked)
    # even where another scene shows cloud: what could not be read may have been clear
    image.status[failed & (image.status != Status.OUTSIDE_REGION)] = Status.FAILED_READ
    return usable


def _observed(scene: Scene, geobox: GeoBox, reader: Reader) -> tuple[Usability, WindowRead | None]:
    """Where there is no quality band, what is observed is usable."""
    packed, window = reader.band(next(iter(scene.bands.values())), geobox)
    return Usability(observed=packed != 0, valid=packed != 0), window


@dataclass(frozen=True)
class BandsRead:
    """Bands of a scene that are being read.

    Attributes:
        rows: Rows of the image's grid they are read onto.
        columns: Columns.
        names: The bands.
        pending: Gives of each its values with the entry of the read log, or that alone where it
            cannot be read.
    """

    rows: slice
    columns: slice
    names: tuple[str, ...]
    pending: Pending[tuple[Packed, Read | None] | Read]

    def covers(self, rows: slice, columns: slice) -> bool:
        """Tell whether a part of the grid lies within."""
        return (
            self.rows.start <= rows.start
            and rows.stop <= self.rows.stop
            and self.columns.start <= columns.start
            and columns.stop <= self.columns.stop
        )


def start_reading(
    image: Image, scene: Scene, needed: Bool, geobox: GeoBox, reader: Reader
) -> BandsRead:
    """Begin to read the bands of a scene.

    Args:
        image: The image they are for.
        scene: The scene.
        needed: Pixels needed of it, at least one; dims ``(y, x)``.
        geobox: Grid of the image.
        reader: How files are read.

    Returns:
        What will have been read; no more than the smallest window around what is needed.
    """
    rows, columns = _bounding_box(needed, reader)
    part = geobox[rows, columns]

    def read(name: str) -> tuple[Packed, Read | None] | Read:
        band = scene.bands[name]
        return logged(scene, name, band, reader, lambda: reader.band(band, part))

    # a scene may lack optional bands, which then have no observation here
    names = tuple(name for name in image.bands if name in scene.bands)
    threads = reader.threads(first_file(scene).href)
    return BandsRead(rows, columns, names, in_threads(read, names, threads))


def fill(
    image: Image,
    scene: Scene,
    position: int,
    needed: Bool,
    geobox: GeoBox,
    reader: Reader,
    begun: BandsRead | None = None,
) -> Bool:
    """Fill needed pixels from a scene; give those that were filled.

    What has been ``begun`` to be read is used where it has all that is needed.
    """
    if begun and not begun.covers(*_bounding_box(needed, reader)):
        begun.pending.cancel()
        begun = None
    if begun is None:
        begun = start_reading(image, scene, needed, geobox, reader)
    rows, columns = begun.rows, begun.columns
    needed = needed[rows, columns]
    results = dict(zip(begun.names, begun.pending.results(), strict=True))
    filled = np.zeros(image.status.shape, bool)
    failures = [r for r in results.values() if isinstance(r, Read)]
    values = {name: r[0] for name, r in results.items() if not isinstance(r, Read)}
    image.reads += failures
    image.reads += [r[1] for r in results.values() if not isinstance(r, Read) and r[1]]
    status = image.status[rows, columns]
    if failures:
        # all bands of a pixel come from one scene, or none does
        status[needed] = Status.FAILED_READ
        return filled
    seen = np.zeros(needed.shape, np.uint16)
    for value in values.values():
        seen |= value
    observed = needed & (seen != 0)
    for name, value in values.items():
        # six times faster than NumPy's own copy
        cv2.copyTo(value, observed.view(np.uint8), image.bands[name][rows, columns])
    set_where(status, Status.VALID, observed)
    set_where(image.source[rows, columns], position + 1, observed)
    filled[rows, columns] = observed
    return filled


def _bounding_box(needed: Bool, reader: Reader) -> tuple[slice, slice]:
    if reader.looks:
        # one sampling for all scenes of a view is cheaper than reading a little less
        return slice(0, needed.shape[0]), slice(0, needed.shape[1])
    rows, columns = np.flatnonzero(needed.any(axis=1)), np.flatnonzero(needed.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
