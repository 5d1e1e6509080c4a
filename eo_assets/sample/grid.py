"""Where the sample world lies: the simulated area, the two tiles and the region's own grid.

Everything is in EPSG:32635 (UTM 35N), metres, pixel edges on multiples of the pixel size, rows
from north to south. Nothing here is random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from affine import Affine
from pyproj import Transformer

if TYPE_CHECKING:
    from collections.abc import Iterable

EPSG = 32635
CENTRE_LON_LAT = (25.475, 45.41)
"""The region's centre: one sun position is computed here for a whole scene."""


@dataclass(frozen=True)
class Grid:
    """A north-up raster grid in EPSG:32635.

    Attributes:
        left: Easting of the western edge, metres.
        top: Northing of the northern edge, metres.
        pixel_m: Pixel size, metres.
        width: Number of columns.
        height: Number of rows.
    """

    left: int
    top: int
    pixel_m: int
    width: int
    height: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.height, self.width

    @property
    def transform(self) -> Affine:
        """Affine transform from (column, row) to (easting, northing) of the pixel's corner."""
        return Affine(self.pixel_m, 0, self.left, 0, -self.pixel_m, self.top)

    @property
    def bounds(self) -> tuple[int, int, int, int]:
        """West, south, east, north, metres."""
        return (
            self.left,
            self.top - self.height * self.pixel_m,
            self.left + self.width * self.pixel_m,
            self.top,
        )

    def window_in(self, outer: Grid) -> tuple[slice, slice]:
        """Rows and columns of ``outer``, of the same pixel size, which this grid covers."""
        row = (outer.top - self.top) // outer.pixel_m
        column = (self.left - outer.left) // outer.pixel_m
        return slice(row, row + self.height), slice(column, column + self.width)

    def coarser(self, factor: int) -> Grid:
        """The grid of the same area with pixels ``factor`` times as large."""
        return Grid(
            self.left,
            self.top,
            self.pixel_m * factor,
            self.width // factor,
            self.height // factor,
        )


def _from_bounds(west: int, south: int, east: int, north: int) -> Grid:
    return Grid(west, north, 10, (east - west) // 10, (north - south) // 10)


REGION = _from_bounds(370630, 5017230, 390670, 5042050)
"""The Bucegi region's own 10 m grid: what the truth is stored on."""

WORLD = _from_bounds(369420, 5015940, 391980, 5043300)
"""The simulated area: the region and a margin of 1.2 km for Landsat's and the DEM's grids."""

TILES = {
    "35TLL": _from_bounds(370620, 5017200, 381180, 5042100),
    "35TML": _from_bounds(380160, 5017200, 390720, 5042100),
}
"""Two tiles named like MGRS's: origins on multiples of 60 m, 1 km of overlap."""


def to_utm(lon: Iterable[float], lat: Iterable[float]) -> tuple[list[float], list[float]]:
    """Project longitudes and latitudes (degrees, EPSG:4326) to EPSG:32635 (metres)."""
    x, y = Transformer.from_crs(4326, EPSG, always_xy=True).transform(list(lon), list(lat))
    return list(x), list(y)
