"""Segments as polygons along pixel edges."""

from __future__ import annotations

from collections.abc import Sequence

import geopandas
import numpy as np
import numpy.typing as npt
import shapely
from affine import Affine
from rasterio.features import shapes

from eo_assets.segmentation.method import Labels

Outlines = tuple[npt.NDArray[np.int64], npt.NDArray[np.object_]]
"""Numbers of segments, and a polygon for each; one segment may come several times."""


def outline(labels: Labels, transform: Affine) -> Outlines:
    """Draw the segments of a tile.

    Args:
        labels: Segment of each pixel, 0 for none; int32.
        transform: From pixel corners to the coordinate system.

    Returns:
        Polygons.
    """
    found = [
        (int(number), shapely.geometry.shape(polygon))
        for polygon, number in shapes(labels, labels > 0, connectivity=4, transform=transform)
    ]
    numbers = np.array([number for number, _ in found], np.int64)
    return numbers, np.array([polygon for _, polygon in found], object)


def join_outlines(parts: Sequence[Outlines], *, crs: str) -> geopandas.GeoDataFrame:
    """Put the polygons of all tiles together; what an edge of a tile cut becomes whole.

    Args:
        parts: Polygons of each tile.
        crs: Their coordinate system.

    Returns:
        ``segment_id`` and ``geometry``, one row a segment, by number.
    """
    numbers = np.concatenate([part[0] for part in parts])
    polygons = np.concatenate([part[1] for part in parts])
    order = np.argsort(numbers, kind="stable")
    numbers, polygons = numbers[order], polygons[order]
    segments, firsts, counts = np.unique(numbers, return_index=True, return_counts=True)
    whole = polygons[firsts]
    for place in np.flatnonzero(counts > 1):
        pieces = polygons[firsts[place] : firsts[place] + counts[place]]
        # without the points where the pieces met
        whole[place] = shapely.union_all(pieces).simplify(0)
    geometry = geopandas.GeoSeries(shapely.normalize(whole), crs=crs)
    return geopandas.GeoDataFrame({"segment_id": segments}, geometry=geometry)
