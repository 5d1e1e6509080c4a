"""Burnt patches: pixels that touch, and the least area a patch has to have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import geopandas
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from affine import Affine
from rasterio.features import shapes
from scipy import ndimage
from shapely.geometry import shape

from eo_assets.fires.severity import BURNT, UNBURNT, Codes, is_burnt

_TOUCHING = np.ones((3, 3), np.uint8)


@dataclass(frozen=True)
class Patches:
    """Burnt patches that are large enough.

    Attributes:
        codes: Severity codes without the smaller ones, which count as unburnt, ``(y, x)``.
        labels: Number of the patch of each pixel, from 1; int32, 0 outside, ``(y, x)``.
        dropped_px: Burnt pixels in patches that were too small.
    """

    codes: Codes
    labels: npt.NDArray[np.int32]
    dropped_px: int


def least_pixels(least_ha: float, pixel_ha: float) -> int:
    """Give how many pixels a patch of an area has at least."""
    return max(math.ceil(least_ha / pixel_ha - 1e-9), 1)


def keep_large(codes: Codes, least_px: int) -> Patches:
    """Leave out burnt patches below the minimum mapping unit.

    Pixels belong together when they touch, be it at a corner; classes do not divide a patch.

    Args:
        codes: Severity codes of the whole region, ``(y, x)``; all patches lie in memory.
        least_px: Fewest pixels of a patch.
    """
    labels = np.empty(codes.shape, np.int32)
    ndimage.label(is_burnt(codes), _TOUCHING, output=labels)
    sizes = np.bincount(labels.ravel())
    large = sizes >= least_px
    large[0] = False
    kept = large[labels]
    numbers = np.cumsum(large).astype(np.int32)
    return Patches(
        codes=np.where((labels > 0) & ~kept, np.uint8(UNBURNT), codes),
        labels=np.where(kept, numbers[labels], np.int32(0)),
        dropped_px=int(sizes[1:][~large[1:]].sum()),
    )


def patch_table(patches: Patches, transform: Affine, crs: str) -> geopandas.GeoDataFrame:
    """Give patches as polygons, largest first.

    Args:
        patches: The patches.
        transform: Pixel corner to CRS.
        crs: ``EPSG:32635``, in metres.

    Returns:
        ``patch`` (from 1), ``burnt_ha``, hectares of each burnt class, and the outline along pixel
        edges, in ``crs``.
    """
    pixel_ha = abs(transform.a * transform.e) / 10_000
    outlines: dict[int, list[Any]] = {}
    # pieces that touch at a corner only: as one outline they would cross themselves
    found = shapes(patches.labels, mask=patches.labels > 0, connectivity=4, transform=transform)
    for outline, number in found:
        outlines.setdefault(int(number), []).append(shape(outline))
    count = len(outlines)
    pairs = patches.labels.astype(np.int64) * 256 + patches.codes
    table = np.bincount(pairs[patches.labels > 0], minlength=(count + 1) * 256)
    table = table[: (count + 1) * 256].reshape(count + 1, 256)[1:]
    columns = {f"{one.key}_ha": table[:, one.code] * pixel_ha for one in BURNT}
    frame = geopandas.GeoDataFrame(
        pd.DataFrame({"burnt_ha": sum(columns.values(), np.zeros(count)), **columns}).round(4),
        geometry=[shapely.union_all(outlines[number]) for number in range(1, count + 1)],
        crs=crs,
    )
    frame = frame.sort_values("burnt_ha", ascending=False, kind="stable", ignore_index=True)
    frame.insert(0, "patch", np.arange(1, count + 1, dtype=np.int32))
    return frame
