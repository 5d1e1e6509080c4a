"""Which figures a report has, what they say in words, and how one becomes a file."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from eo_assets.catalog.indices import INDICES
from eo_assets.reporting import band_charts, maps, quality_charts
from eo_assets.reporting.overview import NDVI_BINS, REFLECTANCE_BINS, Overview, quantile
from eo_assets.reporting.style import to_png

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SCENE_COLOURS = ("#4477AA", "#EE6677", "#CCBB44", "#228833", "#66CCEE", "#AA3377")
_STATUS = {
    2: ("cloud, shadow or snow", "#9aa3ad"),
    3: ("not seen by the satellite", "#50575f"),
    4: ("file could not be read", "#d6006c"),
}
_VALID = 1


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """A figure to draw.

    Attributes:
        key: Name of its file.
        title: For people.
        alt: What it shows, in words with its main numbers, for those who cannot see it.
        note: How to read it.
        draw: Draws it.
        arguments: Of ``draw``.
        photo: Whether it is a picture of the ground rather than a drawing.
    """

    key: str
    title: str
    alt: str
    note: str
    draw: Callable[..., Figure]
    arguments: Mapping[str, Any] = field(default_factory=dict)
    photo: bool = False


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """A drawn figure.

    Attributes:
        png: The file for people to take away.
        inline: The same for the page; pictures of the ground are several times smaller as WebP.
        media_type: Of ``inline``.
        width: Pixels.
        height: Pixels.
    """

    png: bytes
    inline: bytes
    media_type: str
    width: int
    height: int


def draw(sketch: Sketch) -> Drawing:
    """Draw a figure; runs on a worker."""
    from PIL import Image

    def encoded(picture: Image.Image, encoder: str, **options: Any) -> bytes:
        buffer = io.BytesIO()
        picture.save(buffer, encoder, **options)
        return buffer.getvalue()

    with Image.open(io.BytesIO(to_png(sketch.draw(**sketch.arguments)))) as image:
        picture = image.convert("RGB")
    width, height = picture.size
    if sketch.photo:
        png = encoded(picture, "PNG", optimize=True)
        webp = encoded(picture, "WEBP", quality=82, method=4)
        return Drawing(png=png, inline=webp, media_type="image/webp", width=width, height=height)
    # a drawing has few colours: a palette is smaller and looks the same
    flat = picture.quantize(256, dither=Image.Dither.NONE)
    png = encoded(flat, "PNG", optimize=True)
    return Drawing(png=png, inline=png, media_type="image/png", width=width, height=height)


def sketch_maps(overview: Overview) -> list[Sketch]:
    """Sketch the pictures of a mosaic its bands allow."""
    bands, pixel_m = overview.reflectance, overview.pixel_m
    nir = "nir" if "nir" in bands else "nir08"
    sketches = []
    if {"red", "green", "blue"} <= set(bands):
        rgb = maps.stretch([bands[name] for name in ("red", "green", "blue")], together=True)
        sketches.append(
            Sketch(
                key="true_colour",
                title="True colour",
                alt="Satellite picture of the region in natural colours.",
                note="Red, green and blue, one scale for all three. Grey: no observation.",
                draw=maps.draw_picture,
                arguments={"rgb": rgb, "pixel_m": pixel_m},
                photo=True,
            )
        )
    if {nir, "red", "green"} <= set(bands):
        rgb = maps.stretch([bands[name] for name in (nir, "red", "green")], together=False)
        sketches.append(
            Sketch(
                key="false_colour",
                title="False colour",
                alt="Satellite picture of the region; vegetation appears red.",
                note="Near infrared, red and green: the redder, the more vigorous the vegetation.",
                draw=maps.draw_picture,
                arguments={"rgb": rgb, "pixel_m": pixel_m},
                photo=True,
            )
        )
    if {nir, "red"} <= set(bands):
        sketches.append(_sketch_ndvi(overview))
    return sketches


def _sketch_ndvi(overview: Overview) -> Sketch:
    median, low, high = ndvi_quantiles(overview)
    return Sketch(
        key="ndvi",
        title="NDVI",
        alt=f"Map of the vegetation index NDVI: median {median:.2f}, nine in ten pixels between "
        f"{low:.2f} and {high:.2f}.",
        note="Vegetation index from near infrared and red.",
        draw=maps.draw_ndvi,
        arguments={
            "ndvi": INDICES["ndvi"].compute(overview.reflectance),
            "pixel_m": overview.pixel_m,
        },
        photo=True,
    )


def ndvi_quantiles(overview: Overview) -> tuple[float, float, float]:
    """Median, 5 % and 95 % quantile of the NDVI of the full mosaic; NaN where none is valid."""
    if not overview.ndvi_counts.sum():
        return float("nan"), float("nan"), float("nan")
    median, low, high = (
        quantile(overview.ndvi_counts, NDVI_BINS, share) for share in (0.5, 0.05, 0.95)
    )
    return median, low, high


def ndvi_spread(overview: Overview) -> dict[str, float]:
    """Mean, 10 % and 90 % quantile of the NDVI of the full mosaic, which has a valid pixel."""
    counts = overview.ndvi_counts
    centres = (NDVI_BINS[:-1] + NDVI_BINS[1:]) / 2
    low, high = (quantile(counts, NDVI_BINS, share) for share in (0.1, 0.9))
    return {"mean": float((centres * counts).sum() / counts.sum()), "p10": low, "p90": high}


def sketch_origin(overview: Overview, scenes: Sequence[str]) -> Sketch:
    """Sketch the map of which scene each pixel is from, and why some are missing.

    Args:
        overview: The mosaic.
        scenes: Labels of the scenes, in the order ``overview.source`` counts them.
    """
    codes = overview.source.copy()
    key: dict[int, tuple[str, str]] = {}
    for position, label in enumerate(scenes[:_FIRST_STATUS_CODE], start=1):
        if (codes == position).any():
            colour = _SCENE_COLOURS[(position - 1) % len(_SCENE_COLOURS)]
            key[position] = (f"{position}  {label}", colour)
    for status, (name, colour) in _STATUS.items():
        lacking = (overview.status == status) & (overview.source == 0)
        if lacking.any():
            codes[lacking] = _FIRST_STATUS_CODE + status
            key[_FIRST_STATUS_CODE + status] = (name, colour)
    share = 100 * float(np.mean(overview.source > 0))
    return Sketch(
        key="origin",
        title="Where each pixel is from",
        alt=f"Map of the {len(scenes)} scenes the mosaic is made of; {share:.0f} per cent of its "
        "rectangle has an observation.",
        note="The scene that gave each pixel its value, and why others have none.",
        draw=maps.draw_codes,
        arguments={"codes": codes, "key": key, "pixel_m": overview.pixel_m, "columns": 1},
    )


_FIRST_STATUS_CODE = 240


def sketch_class_map(
    labels: npt.NDArray[np.uint8], classes: pd.DataFrame, *, pixel_m: float
) -> Sketch:
    """Sketch the class map with its legend."""
    key = {
        int(row["class_id"]): (f"{row['class_id']}  {row['name']}", str(row["colour"]))
        for row in classes.to_dict("records")
    }
    largest = max(classes.to_dict("records"), key=lambda row: row["area_ha"])
    return Sketch(
        key="classes",
        title="Classes",
        alt=f"Map of {len(classes)} classes of similar reflectance; the largest is class "
        f"{largest['class_id']}, {largest['name']}, {largest['share_pct']:.0f} per cent.",
        note="Names are hints from the mean spectrum, not a land-cover map.",
        draw=maps.draw_codes,
        arguments={"codes": labels, "key": key, "pixel_m": pixel_m},
    )


def sketch_ndvi_histogram(overview: Overview) -> Sketch | None:
    """Sketch the histogram of NDVI; None where no pixel has one."""
    if not overview.ndvi_counts.sum():
        return None
    median, low, high = ndvi_quantiles(overview)
    return Sketch(
        key="ndvi_histogram",
        title="Distribution of NDVI",
        alt=f"Histogram of NDVI over {overview.ndvi_counts.sum():,} pixels: median {median:.2f}, "
        f"5 % below {low:.2f}, 5 % above {high:.2f}.",
        note="All valid pixels at full resolution.",
        draw=quality_charts.draw_ndvi_histogram,
        arguments={"counts": overview.ndvi_counts},
    )


def sketch_band_histograms(overview: Overview) -> Sketch:
    """Sketch how reflectance is distributed, band by band."""
    middles = {
        name: quantile(counts, REFLECTANCE_BINS, 0.5)
        for name, counts in overview.band_counts.items()
        if counts.any()
    }
    return Sketch(
        key="band_histograms",
        title="Distribution of reflectance",
        alt="Histograms of reflectance, medians: "
        + ", ".join(f"{name} {middle:.3f}" for name, middle in middles.items())
        + ".",
        note="All valid pixels at full resolution, but the brightest half per cent.",
        draw=band_charts.draw_band_histograms,
        arguments={"counts": overview.band_counts},
    )
