"""Grids of tiles: the web's, and the windows of a layer's own grid."""

from __future__ import annotations

from affine import Affine
from odc.geo.geobox import GeoBox

from eo_assets.cube.grid import Grid
from eo_assets.tiles.layer import EQUATOR_M, TILE_PX
from eo_assets.tiles.problems import TooMuchError

_HALF_M = EQUATOR_M / 2


def check_tile(z: int, x: int, y: int) -> None:
    """Refuse a tile that is not on the map.

    Raises:
        TooMuchError: Its column or row lies beyond the last one of its zoom.
    """
    if not (0 <= x < 2**z and 0 <= y < 2**z):
        raise TooMuchError(
            f"There is no tile {z}/{x}/{y}.", f"At zoom {z} columns and rows end at {2**z - 1}."
        )


def tile_geobox(z: int, x: int, y: int, size: int = TILE_PX) -> GeoBox:
    """Give the grid of a tile of the web's maps (WebMercatorQuad, XYZ).

    Args:
        z: Zoom.
        x: Column from the west.
        y: Row from the north.
        size: Pixels along an edge.

    Returns:
        The grid, EPSG:3857.
    """
    edge_m = EQUATOR_M / 2**z
    corner = Affine.translation(x * edge_m - _HALF_M, _HALF_M - y * edge_m)
    return GeoBox((size, size), corner * Affine.scale(edge_m / size, -edge_m / size), "EPSG:3857")


def window_geobox(grid: Grid, row: int, column: int, size: int = TILE_PX) -> GeoBox:
    """Give a window of a layer's own grid, counted from its upper left corner.

    Args:
        grid: The grid.
        row: Of windows.
        column: Of windows.
        size: Pixels along an edge; windows at the lower and right edge are smaller.

    Returns:
        The grid of the window.

    Raises:
        TooMuchError: It lies beyond the last one.
    """
    rows, columns = -(-grid.shape[0] // size), -(-grid.shape[1] // size)
    if not (0 <= row < rows and 0 <= column < columns):
        raise TooMuchError(
            f"There is no window {row}/{column}.", f"There are {rows} rows of {columns} windows."
        )
    rows_px = slice(row * size, min((row + 1) * size, grid.shape[0]))
    columns_px = slice(column * size, min((column + 1) * size, grid.shape[1]))
    return grid.geobox[rows_px, columns_px]
