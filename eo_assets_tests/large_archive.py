"""Scenes of real size in small files: Sentinel-2 tiles side by side whose pixels come in squares.

A file of 10 980 × 10 980 pixels takes some hundred kilobytes, is written in a second, and takes
the reader the same work as any other: its blocks are decoded to full size.
"""

from __future__ import annotations

import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import from_origin

from eo_assets.catalog.regions import Region
from eo_assets_tests.place import DAY
from eo_assets_tests.tiny_archive import (
    CLEAR,
    UTM,
    Granule,
    lonlat_ring,
    planetary_computer_item,
    write_tif,
)

SIZE = 10_980
"""Edge of a Sentinel-2 tile in 10 m pixels."""

ORIGIN = (300_000.0, 5_100_000.0)
FILES = {"blue": "B02", "green": "B03", "red": "B04", "nir": "B08"}
"""Names of files by band."""

_BASES = {"blue": 1400, "green": 1500, "red": 1600, "nir": 4000}
CELL = 90
"""Edge of the squares, pixels."""


def square_values(band: str) -> np.ndarray:
    """Digital numbers of the squares of a scene, ``(y, x)``; each is ``CELL`` pixels a side."""
    return (
        _BASES[band]
        + np.arange((SIZE // CELL) ** 2, dtype=np.uint16).reshape(SIZE // CELL, -1) % 997
    )


def _squares(band: str) -> np.ndarray:
    return np.repeat(np.repeat(square_values(band), CELL, axis=0), CELL, axis=1)


def write_large_archive(
    root: Path,
    *,
    tiles: int = 1,
    bands: tuple[str, ...] = ("red", "nir"),
    side_px: int | None = None,
) -> Region:
    """Write ``tiles`` × ``tiles`` scenes of one day.

    Args:
        root: Folder of the archive.
        tiles: Scenes on each side.
        bands: Of scenes and region: of ``FILES``.
        side_px: Edge of the region; all of the scenes but for a rim of 500 m when not given.

    Returns:
        The region, a square that the scenes cover.
    """
    at = {"origin": ORIGIN, "block": 512}
    patterns = {
        FILES[band]: write_tif(root / f"{FILES[band]}.tif", _squares(band), **at) for band in bands
    }
    clear = np.full((SIZE // 2, SIZE // 2), CLEAR, np.uint8)
    patterns["SCL"] = write_tif(root / "SCL.tif", clear, pixel_m=20, **at)
    edge = SIZE * 10.0
    for row, column in itertools.product(range(tiles), repeat=2):
        west, north = ORIGIN[0] + column * edge, ORIGIN[1] - row * edge
        item = _item(f"35T{'LMNP'[column]}{'KJHG'[row]}", west, north, tuple(patterns))
        folder = root / item["id"]
        folder.mkdir()
        for key, pattern in patterns.items():
            path = Path(shutil.copy(pattern, folder / f"{key}.tif"))
            with rasterio.open(path, "r+") as file:
                file.transform = from_origin(west, north, *file.res)
        (folder / "item.json").write_text(json.dumps(item), encoding="utf-8")
    for pattern in patterns.values():
        pattern.unlink()
    west, north = ORIGIN[0] + 500, ORIGIN[1] - 500
    side = edge * tiles - 1000 if side_px is None else side_px * 10.0
    ring = lonlat_ring(west, north - side, west + side, north)
    return Region(
        id="large",
        title="Large",
        geometry={"type": "Polygon", "coordinates": [ring]},
        bands=bands,
        crs=UTM,
    )


def _item(tile: str, west: float, north: float, files: tuple[str, ...]) -> dict[str, Any]:
    item = planetary_computer_item(Granule(tile=0, day=DAY))
    edge = SIZE * 10.0
    ring = lonlat_ring(west, north - edge, west + edge, north)
    xs, ys = zip(*ring, strict=True)
    return item | {
        "id": item["id"].replace("T35TLK", f"T{tile}"),
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [min(xs), min(ys), max(xs), max(ys)],
        "properties": item["properties"] | {"s2:mgrs_tile": tile},
        "assets": {key: {"href": f"./{key}.tif"} for key in files},
    }
