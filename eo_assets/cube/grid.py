"""Where pixels lie: the grid a region owns, its blocks, and what of it lies inside the outline.

A grid is an ``odc.geo`` GeoBox everywhere: CRS, transform and shape in one value. No pixels here.
"""

from __future__ import annotations

import itertools
import json
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import shapely
import shapely.ops
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from odc.geo.geom import Geometry
from pydantic import BaseModel, ConfigDict
from pyproj import Transformer
from pyproj.exceptions import CRSError
from rasterio.errors import NotGeoreferencedWarning
from rasterio.features import geometry_mask
from shapely.geometry import shape

from eo_assets.catalog.collections import get_collection
from eo_assets.catalog.regions import Region
from eo_assets.errors import RegionError

# rasterio mutes this warning of its own scratch raster while it is at work, and a thread that has
# finished ends that for the others
warnings.filterwarnings("ignore", category=NotGeoreferencedWarning, module=r"rasterio\.features")

MAX_PIXELS = 2_000_000_000
"""More pixels than a grid of Romania at 10 m; a larger region is a mistake or wants splitting."""

_STRAIGHT_DEG = 0.01


class Grid(BaseModel):
    """A GeoBox as JSON.

    Attributes:
        crs: ``EPSG:32635`` or WKT.
        transform: Six affine coefficients, row-major: pixel corner to CRS.
        shape: Rows and columns.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    crs: str
    transform: tuple[float, float, float, float, float, float]
    shape: tuple[int, int]

    @classmethod
    def of(cls, geobox: GeoBox) -> Grid:
        """Describe a GeoBox."""
        return cls(
            crs=str(geobox.crs),
            transform=tuple(geobox.transform)[:6],
            shape=(int(geobox.shape[0]), int(geobox.shape[1])),
        )

    @classmethod
    def of_file(cls, file: rasterio.DatasetReader) -> Grid:
        """Describe where an open file lies, which has a CRS."""
        return cls(crs=file.crs.to_string(), transform=tuple(file.transform)[:6], shape=file.shape)

    @property
    def geobox(self) -> GeoBox:
        """The GeoBox described."""
        return GeoBox(self.shape, Affine(*self.transform), self.crs)


@dataclass(frozen=True)
class Block:
    """A rectangle of a grid.

    Attributes:
        index: Position in the list of blocks.
        rows: First row and the row after the last.
        columns: First column and the column after the last.
    """

    index: int
    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns as slices, ``(y, x)``."""
        return slice(*self.rows), slice(*self.columns)

    def of(self, geobox: GeoBox) -> GeoBox:
        """Cut this block out of the grid it belongs to."""
        return geobox[self.slices]


def region_crs(region: Region) -> CRS:
    """Choose the CRS of a region's grid: its own, or the UTM zone of its centre.

    For Landsat it is the zone of the northern hemisphere everywhere, as in its source files.

    Args:
        region: The region.

    Returns:
        A projected CRS in metres.

    Raises:
        RegionError: The region's CRS is unknown, or is not projected in metres.
    """
    if region.crs is None:
        longitude, latitude = region.centre
        zone = min(int((longitude + 180) // 6) + 1, 60)
        northern = latitude >= 0 or get_collection(region.collection).northern_utm
        return CRS(f"EPSG:{(32600 if northern else 32700) + zone}")
    try:
        crs = CRS(region.crs)
    except CRSError as error:
        raise RegionError(
            f"Region {region.id} has the unknown CRS {region.crs!r}.",
            "Give an EPSG code such as 'EPSG:32635', or leave it out for the UTM zone.",
        ) from error
    if not crs.projected or "metre" not in {axis.unit_name for axis in crs.proj.axis_info}:
        raise RegionError(
            f"Region {region.id} has the CRS {region.crs}; a projected CRS in metres is needed.",
            "Use a UTM zone, or EPSG:3035 in Europe.",
        )
    return crs


def project_outline(outline: dict[str, Any], crs: CRS) -> Geometry:
    """Project an outline, keeping lines that are straight in longitude and latitude straight there.

    Args:
        outline: GeoJSON Polygon or MultiPolygon, longitude and latitude (WGS 84).
        crs: CRS to project to.

    Returns:
        The outline in ``crs``.
    """
    return _projected(json.dumps(outline), str(crs))


@lru_cache(maxsize=64)
def _projected(outline: str, crs: str) -> Geometry:
    # about a kilometre: denser than any effect of curvature on a 10 m pixel
    dense = shapely.segmentize(shape(json.loads(outline)), _STRAIGHT_DEG)
    to_crs = Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    return Geometry(shapely.ops.transform(to_crs.transform, dense), crs)


def region_geobox(region: Region) -> GeoBox:
    """Give the grid a region owns.

    Its bounds are the outline's, snapped outwards. Pixel edges lie on multiples of the
    resolution; for Landsat pixel centres do, as in its source files.

    Args:
        region: The region.

    Returns:
        The grid.

    Raises:
        RegionError: The CRS is unusable, or the grid would be empty or enormous.
    """
    collection = get_collection(region.collection)
    crs = region_crs(region)
    resolution_m = region.resolution_m or collection.resolution_m
    bounds = project_outline(region.geometry, crs).boundingbox
    if not np.isfinite([bounds.left, bounds.bottom, bounds.right, bounds.top]).all():
        raise RegionError(
            f"Region {region.id} cannot be projected to {crs}.",
            "Give the region a CRS that covers it.",
        )
    rows, columns = (np.ceil(np.array(bounds.shape) / resolution_m) + 1).astype(int)
    if int(rows) * int(columns) > MAX_PIXELS:
        raise RegionError(
            f"Region {region.id} has {rows} × {columns} pixels of {resolution_m:g} m in {crs}; "
            f"at most {MAX_PIXELS:,} are sensible.",
            "Split the region, or give it a coarser resolution_m.",
        )
    return GeoBox.from_bbox(bounds, resolution=resolution_m, anchor=collection.grid_anchor)


def blocks(geobox: GeoBox, *, size: int, chunk: int) -> Iterator[Block]:
    """Divide a grid into blocks that share no storage chunk, so that they can be written at once.

    Args:
        geobox: The grid.
        size: Wanted edge of a block, pixels; blocks come out about even and not larger.
        chunk: Edge of a storage chunk, pixels.

    Yields:
        Blocks, row by row.
    """
    index = 0
    for rows in _spans(geobox.shape[0], size, chunk):
        for columns in _spans(geobox.shape[1], size, chunk):
            yield Block(index, rows, columns)
            index += 1


def _spans(length: int, size: int, chunk: int) -> list[tuple[int, int]]:
    chunks = -(-length // chunk)
    parts = -(-chunks // max(size // chunk, 1))
    edges = [round(part * chunks / parts) * chunk for part in range(parts)] + [length]
    return list(itertools.pairwise(edges))


def inside(geobox: GeoBox, outline: dict[str, Any]) -> npt.NDArray[np.bool_]:
    """Tell which pixels of a grid have their centre inside an outline.

    Args:
        geobox: The grid.
        outline: GeoJSON Polygon or MultiPolygon in the grid's CRS.

    Returns:
        Dims ``(y, x)``; True inside.
    """
    return geometry_mask(
        [outline], out_shape=tuple(geobox.shape), transform=geobox.transform, invert=True
    )
