"""Tiny tiled GeoTIFFs and their STAC items, where each pixel says where it comes from.

Two tiles of Sentinel-2 size ratios (10 m bands, 20 m scene classification) in UTM 35N, 128 pixels
wide, overlapping by 28 columns. A digital number is ``tile's base + row * 128 + column``, so that
a test knows which pixel of which tile it sees. Items come in the shape of Planetary Computer,
Earth Search or Landsat; they state their files relative to themselves, as a directory that is
served by ``eo_assets.sample.api`` may.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from pyproj import Transformer
from rasterio.transform import from_origin

from eo_assets.catalog.regions import Region
from eo_assets.cube.scene import Scene, SourceBand, SourceFile

UTM = "EPSG:32635"
SIZE = 128
"""Edge of a tile in 10 m pixels."""

TILE_X = (399_960.0, 400_960.0)
TILE_Y = 5_000_040.0
TILES = ("35TLK", "35TMK")
BASES = (2_000, 3_077)
CLEAR, CLOUD, FILL = 4, 9, 0


def coded(base: int, shape: tuple[int, int] = (SIZE, SIZE)) -> np.ndarray:
    """Pixels that tell where they are: ``base + row * columns + column``."""
    return (base + np.arange(shape[0] * shape[1]).reshape(shape)).astype(np.uint16)


def write_tif(
    path: Path,
    pixels: np.ndarray,
    *,
    origin: tuple[float, float] = (TILE_X[0], TILE_Y),
    pixel_m: float = 10.0,
    crs: str | None = UTM,
    block: int = 64,
) -> Path:
    """Write a tiled GeoTIFF whose upper left corner is at ``origin``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    height, width = pixels.shape
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=height,
        width=width,
        count=1,
        dtype=pixels.dtype,
        crs=crs,
        transform=from_origin(*origin, pixel_m, pixel_m),
        tiled=True,
        blockxsize=block,
        blockysize=block,
        compress="DEFLATE",
    ) as file:
        file.write(pixels, 1)
    return path


def band_at(path: Path, **radiometry: Any) -> SourceBand:
    """A band whose packed values are its digital numbers, unless ``radiometry`` differs."""
    plain = {
        "scale": 0.0001,
        "offset": 0.0,
        "nodata": 0,
        "valid_min": 1,
        "valid_max": 65534,
        "value_scale": 0.0001,
        "reason": "made up",
    }
    return SourceBand(href=str(path), **(plain | radiometry))


def make_scene(
    folder: Path,
    name: str,
    pixels: dict[str, np.ndarray],
    quality: np.ndarray,
    *,
    origin: tuple[float, float] = (TILE_X[0], TILE_Y),
    pixel_m: float = 10.0,
    quality_m: float = 10.0,
    crs: str = UTM,
    cloud: float | None = 10.0,
    acquired: str = "2023-07-01T09:20:00+00:00",
    pass_id: str | None = None,
) -> Scene:
    """Write a scene's files and describe it; it is not probed."""
    at = {"origin": origin, "crs": crs}
    bands = {
        band: band_at(write_tif(folder / name / f"{band}.tif", values, pixel_m=pixel_m, **at))
        for band, values in pixels.items()
    }
    path = write_tif(folder / name / "scl.tif", quality, pixel_m=quality_m, **at)
    return Scene(
        id=name,
        acquired=dt.datetime.fromisoformat(acquired),
        platform="sentinel-2a",
        pass_id=pass_id or name,
        cloud_cover_pct=cloud,
        baseline="05.09",
        bbox_4326=(25.0, 45.0, 26.0, 46.0),
        bands=bands,
        quality=SourceFile(href=str(path)),
    )


def lonlat_ring(west: float, south: float, east: float, north: float) -> list[list[float]]:
    """Corners of a rectangle in UTM 35N, as longitude and latitude."""
    to_lonlat = Transformer.from_crs(UTM, "EPSG:4326", always_xy=True)
    corners = [(west, south), (east, south), (east, north), (west, north), (west, south)]
    return [list(to_lonlat.transform(x, y)) for x, y in corners]


def region(name: str = "seam", **changes: Any) -> Region:
    """A region over the seam of the two tiles, 180 × 90 pixels or a little more."""
    ring = lonlat_ring(400_060, 4_999_000, 401_860, 4_999_900)
    plain = {
        "id": name,
        "title": "Seam",
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bands": ("red", "nir"),
    }
    return Region(**(plain | changes))


@dataclass(frozen=True, kw_only=True)
class Granule:
    """One tile on one day.

    Attributes:
        tile: 0 or 1.
        day: Solar day, which is the day in UTC here.
        scl: Scene class of all its pixels.
        cloud: Stated cloud cover, per cent.
        broken: Names of files that are left out.
    """

    tile: int
    day: str
    scl: int = CLEAR
    cloud: float = 5.0
    broken: tuple[str, ...] = ()


def _footprint(tile: int) -> dict[str, Any]:
    x, edge = TILE_X[tile], SIZE * 10.0
    ring = lonlat_ring(x, TILE_Y - edge, x + edge, TILE_Y)
    xs, ys = zip(*ring, strict=True)
    return {
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "bbox": [min(xs), min(ys), max(xs), max(ys)],
    }


def _feature(name: str, collection: str, tile: int, properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": collection,
        **_footprint(tile),
        "properties": properties,
        "links": [],
    }


def planetary_computer_item(granule: Granule) -> dict[str, Any]:
    """Sentinel-2 as the Planetary Computer states it: baseline 05.09, no ``raster:bands``."""
    stamp = f"{granule.day.replace('-', '')}T092031"
    tile = TILES[granule.tile]
    properties = {
        "datetime": f"{granule.day}T09:20:31.024000Z",
        "platform": "Sentinel-2A",
        "proj:epsg": 32635,
        "s2:mgrs_tile": tile,
        "s2:processing_baseline": "05.09",
        "s2:datatake_id": f"GS2A_{stamp}_042547_N05.09",
        "s2:datastrip_id": f"S2A_OPER_MSI_L2A_DS_MSFT_{stamp}_S{stamp}_N05.09",
        "s2:generation_time": f"{granule.day}T15:50:57.000000Z",
        "eo:cloud_cover": granule.cloud,
    }
    item = _feature(
        f"S2A_MSIL2A_{stamp}_R093_T{tile}_{stamp}", "sentinel-2-l2a", granule.tile, properties
    )
    return item | {"assets": {key: {"href": f"./{key}.tif"} for key in ("B04", "B08", "SCL")}}


def earth_search_item(granule: Granule, *, applied: bool = True) -> dict[str, Any]:
    """Sentinel-2 as Earth Search states it, its contradictory ``raster:bands`` included."""
    item = planetary_computer_item(granule)
    properties = item["properties"]
    properties["grid:code"] = f"MGRS-{properties.pop('s2:mgrs_tile')}"
    properties["platform"] = "sentinel-2a"
    properties["earthsearch:boa_offset_applied"] = applied
    bands = [{"nodata": 0, "scale": 0.0001, "offset": -0.1}]
    files = {"red": "B04", "nir": "B08", "scl": "SCL"}
    assets = {k: {"href": f"./{file}.tif", "raster:bands": bands} for k, file in files.items()}
    return item | {"assets": assets}


def landsat_item(day: str, *, tile: int = 0) -> dict[str, Any]:
    """Landsat Collection 2 as the Planetary Computer states it."""
    properties = {
        "datetime": f"{day}T09:05:20.477296Z",
        "platform": "landsat-9",
        "proj:epsg": 32635,
        "eo:cloud_cover": 3.2,
        "landsat:wrs_path": "183",
        "landsat:wrs_row": "028",
        "landsat:correction": "L2SP",
        "landsat:collection_category": "T1",
        "created": f"{day}T20:00:00.0Z",
    }
    name = f"LC09_L2SP_183028_{day.replace('-', '')}_02_T1"
    item = _feature(name, "landsat-c2-l2", tile, properties)
    return item | {"assets": {k: {"href": f"./{k}.tif"} for k in ("red", "nir08", "qa_pixel")}}


def write_granule(root: Path, granule: Granule) -> Path:
    """Write a Planetary Computer granule's files and item; give the item's path."""
    item = planetary_computer_item(granule)
    folder = root / item["id"]
    origin = (TILE_X[granule.tile], TILE_Y)
    pixels = coded(BASES[granule.tile])
    scl = np.full((SIZE // 2, SIZE // 2), granule.scl, np.uint8)
    files = {"B04": (pixels, 10.0), "B08": (pixels + 7, 10.0), "SCL": (scl, 20.0)}
    folder.mkdir(parents=True)
    for key, (values, pixel_m) in files.items():
        if key not in granule.broken:
            write_tif(folder / f"{key}.tif", values, origin=origin, pixel_m=pixel_m)
    path = folder / "item.json"
    path.write_text(json.dumps(item), encoding="utf-8")
    return path
