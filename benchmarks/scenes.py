"""Scenes to measure with: Sentinel-2-like files and their items, made anew from numbers alone.

Two tiles of UTM 35N side by side, each acquired twice: uint16, DEFLATE with predictor 2, blocks of
1024 pixels, as on the archives. Only the blocks around the region hold pixels; the rest of a tile
is sparse. Values are smooth relief with a sensor's noise, so that they compress like real ones, to
about half. The *tile* case has one tile whole, in six bands of 20 m, acquired twice.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from pyproj import Transformer
from rasterio.transform import from_origin
from rasterio.windows import Window

CRS = "EPSG:32635"
BLOCK = 1024
TILE_M = 109_800
TOP = 5_000_040
TILES = {"35TLL": 300_000, "35TML": 399_960}
DATES = {"2023-07-16": 12.0, "2023-07-15": 30.0}
"""Days of acquisition, and how much of them is cloud: the clearer one is used first."""

CLOUD, FILL = 9, 0
UNUSABLE = (0, 1, 3, 8, 9, 10)
"""Scene classes no pixel is taken from."""


@dataclass(frozen=True)
class Case:
    """What is made of the scenes.

    Attributes:
        name: Of the case.
        bounds: Left, bottom, right, top of the grid, metres.
        resolution_m: Of the grid.
        bands: Pixel size of each band, metres.
        tiles: The tiles acquired.
    """

    name: str
    bounds: tuple[int, int, int, int]
    resolution_m: int
    bands: dict[str, int]
    tiles: tuple[str, ...]

    @property
    def outline(self) -> list[tuple[float, float]]:
        """Corners of the region, metres: of the bounds, or of an octagon, a metre within them."""
        left, bottom, right, top = self.bounds
        left, bottom, right, top = left + 1, bottom + 1, right - 1, top - 1
        cut = 0 if self.name == "tile" else 3_000
        ring = [
            (left + cut, bottom), (right - cut, bottom), (right, bottom + cut), (right, top - cut),
            (right - cut, top), (left + cut, top), (left, top - cut), (left, bottom + cut),
        ]  # fmt: skip
        return [*dict.fromkeys(ring)]


REGION = Case(
    name="region",
    bounds=(394_900, 4_950_020, 414_900, 4_974_020),
    resolution_m=10,
    bands={"B02": 10, "B03": 10, "B04": 10, "B08": 10, "B11": 20, "B12": 20},
    tiles=tuple(TILES),
)
TILE = Case(
    name="tile",
    bounds=(300_000, TOP - TILE_M, 300_000 + TILE_M, TOP),
    resolution_m=20,
    bands={"B05": 20, "B06": 20, "B07": 20, "B8A": 20, "B11": 20, "B12": 20},
    tiles=("35TLL",),
)
CASES = {case.name: case for case in (REGION, TILE)}


def make(folder: Path, case: Case) -> Path:
    """Write the scenes of a case unless they are there; give the folder they are in."""
    folder = folder / case.name
    if (folder / "complete").exists():
        return folder
    jobs = []
    for tile in case.tiles:
        for date, cloud in DATES.items():
            place = folder / "sentinel-2-l2a" / f"S2A_{tile}_{date}"
            place.mkdir(parents=True, exist_ok=True)
            seed = [*TILES].index(tile) * 10 + [*DATES].index(date)
            for number, (band, pixel_m) in enumerate(case.bands.items()):
                jobs.append((case, place / f"{band}.tif", tile, pixel_m, seed * 100 + number, None))
            jobs.append((case, place / "SCL.tif", tile, 20, seed * 100 + 99, cloud))
            item = _item(case, place, tile, date, cloud)
            (place / "item.json").write_text(json.dumps(item), encoding="utf-8")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda job: _write(*job), jobs))
    (folder / "complete").touch()
    return folder


def _write(
    case: Case, path: Path, tile: str, pixel_m: int, seed: int, cloud_pct: float | None
) -> None:
    size, left = TILE_M // pixel_m, TILES[tile]
    dtype = "uint16" if cloud_pct is None else "uint8"
    west, south, east, north = case.bounds
    margin = 500
    columns = (west - margin - left) / pixel_m, (east + margin - left) / pixel_m
    rows = (TOP - north - margin) / pixel_m, (TOP - south + margin) / pixel_m
    with rasterio.open(
        path, "w", driver="GTiff", width=size, height=size, count=1, dtype=dtype, nodata=0,
        crs=CRS, transform=from_origin(left, TOP, pixel_m, pixel_m), tiled=True, blockxsize=BLOCK,
        blockysize=BLOCK, compress="DEFLATE", predictor=2 if cloud_pct is None else 1,
        SPARSE_OK=True,
    ) as file:  # fmt: skip
        for row in range(0, size, BLOCK):
            for column in range(0, size, BLOCK):
                if not (row + BLOCK > rows[0] and row < rows[1]):
                    continue
                if not (column + BLOCK > columns[0] and column < columns[1]):
                    continue
                rng = np.random.default_rng([seed, row, column])
                pixels = _reflectance(rng) if cloud_pct is None else _classes(rng, cloud_pct)
                height, width = min(BLOCK, size - row), min(BLOCK, size - column)
                window = Window(column, row, width, height)
                file.write(pixels[:height, :width].astype(dtype), 1, window=window)


def _smooth(rng: np.random.Generator, cells: int) -> np.ndarray:
    """Relief between random heights at the corners of ``cells`` × ``cells`` squares, 0-1."""
    corners = rng.random((cells + 1, cells + 1))
    at = np.linspace(0, cells, BLOCK, endpoint=False)
    index, part = at.astype(int), at % 1
    rows = corners[index] * (1 - part)[:, None] + corners[index + 1] * part[:, None]
    return rows[:, index] * (1 - part) + rows[:, index + 1] * part


def _reflectance(rng: np.random.Generator) -> np.ndarray:
    relief = 900 * _smooth(rng, 8) + 500 * _smooth(rng, 64)
    noise = rng.standard_normal((BLOCK, BLOCK), np.float32) * 25
    return np.clip(1_300 + relief + noise, 1_001, 10_000)


def _classes(rng: np.random.Generator, cloud_pct: float) -> np.ndarray:
    ground = np.where(_smooth(rng, 16) > 0.5, 4, 5)
    cover = _smooth(rng, 6)
    return np.where(cover > np.quantile(cover, 1 - cloud_pct / 100), CLOUD, ground)


def _item(case: Case, place: Path, tile: str, date: str, cloud: float) -> dict:
    left = TILES[tile]
    lonlat = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)
    corners = [
        (left, TOP - TILE_M), (left + TILE_M, TOP - TILE_M), (left + TILE_M, TOP), (left, TOP)
    ]  # fmt: skip
    ring = [list(lonlat.transform(x, y)) for x, y in corners]
    longitudes, latitudes = zip(*ring, strict=True)
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": ["https://stac-extensions.github.io/projection/v1.1.0/schema.json"],
        "id": place.name,
        "collection": "sentinel-2-l2a",
        "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        "bbox": [min(longitudes), min(latitudes), max(longitudes), max(latitudes)],
        "properties": {
            "datetime": f"{date}T09:20:31Z",
            "platform": "sentinel-2a",
            "eo:cloud_cover": cloud,
            "s2:processing_baseline": "05.09",
            "s2:datatake_id": f"GS2A_{date.replace('-', '')}T092031_000001_N05.09",
            "s2:mgrs_tile": tile,
            "proj:epsg": 32635,
        },
        "links": [],
        "assets": {
            name: {
                "href": str(place / f"{name}.tif"),
                "type": "image/tiff; application=geotiff; profile=cloud-optimized",
                "roles": ["data"],
                "proj:shape": [TILE_M // pixel_m, TILE_M // pixel_m],
                "proj:transform": [pixel_m, 0, left, 0, -pixel_m, TOP],
            }
            for name, pixel_m in {**case.bands, "SCL": 20}.items()
        },
    }
