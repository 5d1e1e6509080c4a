"""Training polygons for the sample world, made when asked for, as people draw them on a picture.

Small irregular outlines inside patches that look alike, a few hundred metres apart, a few dozen a
class where there is room; up to one pixel in seven is something else, for nobody draws perfectly.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import geopandas
import numpy as np
import rasterio
from rasterio.features import geometry_mask
from scipy import ndimage
from shapely.geometry import Polygon

from eo_assets.sample import noise

if TYPE_CHECKING:
    from pathlib import Path

    from affine import Affine
    from numpy.typing import NDArray

PER_CLASS = 40
"""Most polygons of a class."""

APART_M = 200.0
"""Least distance between the middles of two polygons."""

_TRIES = 600
_PURE = 0.86
_SMALLEST_PX = 6


def training_polygons(directory: Path) -> geopandas.GeoDataFrame:
    """Draw training polygons.

    Args:
        directory: The sample archive, with its truth.

    Returns:
        ``class``, ``colour`` (``#RRGGBB``) and ``geometry``, EPSG:32635; the same each time.
    """
    with rasterio.open(directory / "truth" / "landcover.tif") as file:
        cover, transform, crs = file.read(1), file.transform, file.crs
    legend = json.loads((directory / "truth" / "landcover.json").read_text(encoding="utf-8"))
    rows = []
    middles = np.zeros((0, 2))
    for code, one in legend.items():
        found = _polygons_of(cover == int(code), transform, middles, name=one["name"])
        middles = np.concatenate([middles, [(p.centroid.x, p.centroid.y) for p in found]])
        rows += [(one["name"], f"#{one['color_hint']}", polygon) for polygon in found]
    names, colours, polygons = zip(*rows, strict=True)
    return geopandas.GeoDataFrame(
        {"class": names, "colour": colours}, geometry=list(polygons), crs=crs
    )


def _polygons_of(
    is_class: NDArray[np.bool_], transform: Affine, taken: NDArray[np.float64], *, name: str
) -> list[Polygon]:
    rng = noise.generator(f"training/{name}")
    inner = np.argwhere(ndimage.binary_erosion(is_class, iterations=2))
    found: list[Polygon] = []
    for row, col in rng.permutation(inner)[:_TRIES]:
        x, y = transform @ (col + 0.5, row + 0.5)
        if len(taken) and (np.hypot(*(taken - (x, y)).T) < APART_M).any():
            continue
        polygon = _outline(x, y, rng)
        if not _fits(polygon, is_class, transform):
            continue
        found.append(polygon)
        taken = np.concatenate([taken, [(x, y)]])
        if len(found) == PER_CLASS:
            break
    return found


def _outline(x: float, y: float, rng: np.random.Generator) -> Polygon:
    corners = int(rng.integers(6, 10))
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radii_m = rng.uniform(0.6, 1.3, corners) * rng.uniform(22, 55)
    return Polygon(
        np.stack([x + radii_m * np.cos(angles), y + radii_m * np.sin(angles)], axis=1).round(1)
    )


def _fits(polygon: Polygon, is_class: NDArray[np.bool_], transform: Affine) -> bool:
    west, south, east, north = polygon.bounds
    (left, top), (right, bottom) = ~transform @ (west, north), ~transform @ (east, south)
    rows = slice(max(int(top), 0), int(bottom) + 1)
    cols = slice(max(int(left), 0), int(right) + 1)
    window = is_class[rows, cols]
    corner = transform @ transform.translation(cols.start, rows.start)
    inside = geometry_mask([polygon], window.shape, corner, invert=True)
    n_inside = int(inside.sum())
    return n_inside >= _SMALLEST_PX and float(window[inside].mean()) >= _PURE
