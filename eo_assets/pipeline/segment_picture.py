"""The preview of segments: their outlines over a part of the mosaic at full resolution."""

from __future__ import annotations

from dataclasses import dataclass

import rasterio
from rasterio.windows import Window

from eo_assets.clustering.bands import StoredBand
from eo_assets.pipeline.mosaic_blocks import bands_of, open_mosaic, select_bands
from eo_assets.places import place, reading
from eo_assets.reporting.segment_outlines import draw_outlines

_SIDE_PX = 320
"""Side of the part that is shown; the outlines of a whole region would hide the ground."""


@dataclass(frozen=True)
class PictureTask:
    """A preview to draw.

    Attributes:
        mosaic: Path of the stored mosaic.
        labels: Path of the label map.
        target: PNG to write.
    """

    mosaic: str
    labels: str
    target: str


def write_picture(task: PictureTask) -> None:
    """Draw outlines over the part of the mosaic around the most finely divided place; a worker."""
    with reading(place(task.labels)) as path, rasterio.open(path) as file:
        rows, cols = _fullest(file)
        labels = file.read(1, window=Window.from_slices(rows, cols))
        pixel_m = abs(file.transform.a)
    with open_mosaic(task.mosaic) as dataset:
        shown = _shown(bands_of(dataset))
        planes = [band.unpack(dataset[band.name][rows, cols].to_numpy()) for band in shown]
    place(task.target).write_bytes(draw_outlines(planes, labels, pixel_m=pixel_m))


def _fullest(file: rasterio.io.DatasetReader) -> tuple[slice, slice]:
    """Rows and columns of the part with the most segments, the first of equals."""
    height, width = min(_SIDE_PX, file.height), min(_SIDE_PX, file.width)
    places = [
        (slice(top, top + height), slice(left, left + width))
        for top in range(0, file.height - height + 1, _SIDE_PX)
        for left in range(0, file.width - width + 1, _SIDE_PX)
    ]

    def segments(place: tuple[slice, slice]) -> int:
        labels = file.read(1, window=Window.from_slices(*place))
        return len(set(labels[labels > 0].tolist()))

    return max(places, key=segments)


def _shown(bands: tuple[StoredBand, ...]) -> tuple[StoredBand, ...]:
    names = ("red", "green", "blue")
    if {band.name for band in bands} >= set(names):
        return select_bands(bands, names)
    return (bands[0],) * 3
