"""Whether unchanged land keeps its class on all dates of the sample archive at once.

    python benchmarks/class_identity.py outputs/bucegi/sentinel-2-l2a

Reads the class maps and mosaics that were made of the sample, and the sample's truth, which is
used for nothing but judging. A pixel counts when the truth has it clear on every date and the
pipeline gave it a class on every date; it keeps its class when that is one and the same on all of
them, not only from each date to the next. Unchanged is said in three ways, each stricter:

    cover           no fire; seasons, snow, harvest and light may change what it looks like
    red, NIR, NDVI  and their true values differ by less than 0.02, 0.03 and 0.05 over the dates
    all ten bands   and so does, by less than 0.03, every band as the mosaics hold it
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
import xarray as xr
from rasterio.vrt import WarpedVRT

from eo_assets.cube.grid import Grid
from eo_assets.storage.region_grid import read_grid

BANDS = (
    "blue", "green", "red", "rededge1", "rededge2", "rededge3", "nir", "nir08", "swir16", "swir22",
)  # fmt: skip
RED, NIR, NDVI, ANY_BAND = 0.02, 0.03, 0.05, 0.03
CLOUD_LIMITS = (5, 10, 25, 60)
"""Of the region, per cent: from the dates one would call cloud-free to all but the overcast one."""


@dataclass(frozen=True)
class Day:
    """One date, every so manieth pixel: ``(y, x)``, of bands ``(band, y, x)``."""

    labels: np.ndarray
    clear: np.ndarray
    cloud_pct: float
    red: np.ndarray
    nir: np.ndarray
    seen: np.ndarray

    @property
    def ndvi(self) -> np.ndarray:
        return (self.nir - self.red) / np.maximum(self.nir + self.red, 1e-6)


def read_day(folder: Path, archive: Path, grid: Grid, every: int) -> Day:
    [classes] = (folder / "clusters").glob("*classes*.tif")
    with rasterio.open(classes) as file:
        labels = file.read(1)[::every, ::every]
    truth = archive / "truth"
    clouds = on_grid(truth / "clouds" / f"{folder.name}.tif", grid, every)[0]
    cover = on_grid(truth / "landcover.tif", grid, every)[0]
    with rasterio.open(truth / "reflectance" / f"{folder.name}.tif") as file:
        at = {name: number for number, name in enumerate(file.descriptions)}
    reflectance = on_grid(truth / "reflectance" / f"{folder.name}.tif", grid, every) / 1e4
    with xr.open_zarr(folder / "mosaic" / "mosaic.zarr", chunks=None, consolidated=False) as mosaic:
        seen = np.stack([mosaic[band].to_numpy()[::every, ::every] for band in BANDS])
    return Day(
        labels=labels,
        clear=clouds == 0,
        cloud_pct=100 * float((clouds[cover > 0] != 0).mean()),
        red=reflectance[at["B04"]],
        nir=reflectance[at["B08"]],
        seen=seen,
    )


def on_grid(path: Path, grid: Grid, every: int) -> np.ndarray:
    """A file of the truth on the grid of the products, ``(band, y, x)``."""
    place = dict(zip(("height", "width"), grid.shape, strict=True))
    with (
        rasterio.open(path) as file,
        WarpedVRT(file, crs=grid.crs, transform=grid.geobox.transform, **place) as same,
    ):
        return same.read()[:, ::every, ::every]


def spread(layers: Sequence[np.ndarray]) -> np.ndarray:
    return np.max(layers, axis=0) - np.min(layers, axis=0)


def judge(days: Sequence[Day], unburnt: np.ndarray) -> dict[str, dict[str, float]]:
    cover = unburnt & np.all([(d.labels > 0) & d.clear for d in days], axis=0)
    three = (
        cover
        & (spread([d.red for d in days]) < RED)
        & (spread([d.nir for d in days]) < NIR)
        & (spread([d.ndvi for d in days]) < NDVI)
    )
    all_ten = three & (spread([d.seen for d in days]) < ANY_BAND).all(axis=0)
    same = np.all([d.labels == days[0].labels for d in days], axis=0)
    chosen = {"cover": cover, "red, NIR, NDVI": three, "all ten bands": all_ten}
    return {
        name: {
            "pixels": int(which.sum()),
            "same_pct": round(100 * float(same[which].mean()), 2) if which.any() else float("nan"),
        }
        for name, which in chosen.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("products", type=Path, help="folder of a region's dates")
    parser.add_argument("--archive", type=Path, default=Path(".eo_assets/sample"))
    parser.add_argument("--every", type=int, default=3, help="take every so manieth row and column")
    parser.add_argument("--pairs", action="store_true", help="each pair of dates besides")
    parser.add_argument("--json", action="store_true", help="print JSON")
    wanted = parser.parse_args()
    folders = sorted(path.parents[1] for path in wanted.products.glob("*/clusters/model.json"))
    grid = read_grid(folders[0] / "band_stack" / "grid.json")
    fires = (wanted.archive / "truth" / "fires").glob("*.tif")
    burnt = np.any([on_grid(path, grid, wanted.every)[0] > 0 for path in fires], axis=0)
    days = {f.name: read_day(f, wanted.archive, grid, wanted.every) for f in folders}
    sets = [
        (f"at most {limit} % cloud", [date for date, day in days.items() if day.cloud_pct <= limit])
        for limit in CLOUD_LIMITS
    ]
    if wanted.pairs:
        clearer = sets[-1][1]
        sets += [(" and ".join(pair), list(pair)) for pair in itertools.combinations(clearer, 2)]
    found = [
        {"set": name, "dates": dates, "unchanged": judge([days[date] for date in dates], ~burnt)}
        for name, dates in sets
    ]
    if wanted.json:
        print(json.dumps(found))
        return
    for date, day in days.items():
        print(f"{date}  {day.cloud_pct:4.1f} % under cloud or its shadow, or not seen")
    for one in found:
        print(f"{one['set']}: {len(one['dates'])} dates at once")
        for name, share in one["unchanged"].items():
            print(f"    {name:15} {share['same_pct']:6.2f} % of {share['pixels']:9,} pixels")


if __name__ == "__main__":
    main()
