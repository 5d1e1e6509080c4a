"""Parcels on some dates: time and memory, beside exactextract and rasterstats on whole rasters.

    python benchmarks/parcels.py [--parcels 10000] [--dates 8] [--peers PYTHON] [--json FILE]

Each contender runs in a process of its own, so that its peak of memory is its own. rasterstats
takes part with ``--peers``, the Python of an environment that has it; it reads the same pixels from
GeoTIFFs, and counts those whose centre lies inside, so that its numbers differ.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import geopandas
import numpy as np
import rasterio
import shapely
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox

PIXEL = Affine(10, 0, 400_000, 0, -10, 5_040_960)
CRS = "EPSG:32635"


def make_world(folder: Path, *, n: int, size: int) -> None:
    from eo_assets.cube.grid import Block
    from eo_assets.storage.mosaic_zarr import create_mosaic, open_mosaic, write_block

    rng = np.random.default_rng(1)
    geobox = GeoBox((size, size), PIXEL, CRS)
    attributes = {"scale_factor": 0.0001, "add_offset": 0.0, "_FillValue": 0}

    def pixels(rows: int, low: int, high: int) -> xr.Variable:
        stored = rng.integers(low, high, (rows, size)).astype(np.uint16)
        return xr.Variable(("y", "x"), stored, attributes)

    template = xr.Dataset({name: pixels(1, 1, 2) for name in ("red", "nir")})
    create_mosaic(folder / "mosaic.zarr", template, geobox)
    for start in range(0, size, 512):
        stop = min(start + 512, size)
        strip = xr.Dataset(
            {"red": pixels(stop - start, 300, 900), "nir": pixels(stop - start, 2000, 5000)}
        )
        write_block(folder / "mosaic.zarr", Block(0, (start, stop), (0, size)), strip)
    mosaic = open_mosaic(folder / "mosaic.zarr", packed=True)
    for name in ("red", "nir"):
        with rasterio.open(
            folder / f"{name}.tif", "w", driver="GTiff", width=size, height=size, count=1,
            dtype="uint16", crs=CRS, transform=PIXEL, tiled=True, compress="ZSTD",
        ) as file:  # fmt: skip
            file.write(mosaic[name].to_numpy(), 1)
    origin = np.array([PIXEL.c, PIXEL.f - size * 10])
    corners = origin + rng.uniform(1000, size * 10 - 1000, (n, 2))
    turned = rng.uniform(0, 90, n)
    boxes = [
        shapely.affinity.rotate(shapely.box(x, y, x + 180, y + 110), angle)
        for (x, y), angle in zip(corners, turned, strict=True)
    ]
    ids = [f"p{i:05d}" for i in range(n)]
    parcels = geopandas.GeoDataFrame({"id": ids}, geometry=boxes, crs=CRS)
    parcels.to_parquet(folder / "bench.parquet")
    parcels.to_file(folder / "bench.gpkg")


def ours(folder: Path, size: int) -> float:
    import pandas as pd
    from pyproj import Transformer

    from eo_assets.cube.grid import Grid
    from eo_assets.pipeline.parcel_stats import StatsTask, compute_statistics

    geobox = GeoBox((size, size), PIXEL, CRS)
    bounds = geobox.boundingbox
    to_lonlat = Transformer.from_crs(CRS, 4326, always_xy=True)
    ring = [to_lonlat.transform(*corner) for corner in shapely.box(*bounds.bbox).exterior.coords]
    task = StatsTask(
        mosaic=str(folder / "mosaic.zarr"),
        grid=Grid.of(geobox),
        parcels=str(folder / "bench.parquet"),
        outline={"type": "Polygon", "coordinates": [ring]},
        date="2023-07-15",
        target=str(folder / "ours.parquet"),
    )
    compute_statistics(task)
    return float(pd.read_parquet(folder / "ours.parquet")["mean"].mean())


def plain_exactextract(folder: Path, size: int) -> float:
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    from eo_assets.storage.mosaic_zarr import open_mosaic

    mosaic = open_mosaic(folder / "mosaic.zarr")
    red, nir = (mosaic[name].to_numpy() for name in ("red", "nir"))
    ndvi = (nir - red) / (nir + red)
    parcels = geopandas.read_parquet(folder / "bench.parquet")
    source = NumPyRasterSource(
        ndvi, xmin=PIXEL.c, ymax=PIXEL.f, xmax=PIXEL.c + 10 * size, ymin=PIXEL.f - 10 * size,
        nodata=np.nan, srs_wkt=parcels.crs.to_wkt(),
    )  # fmt: skip
    operations = ["count", "mean", "median", "quantile(q=0.1)", "quantile(q=0.9)", "stdev"]
    return float(exact_extract(source, parcels, operations, output="pandas")["mean"].mean())


def rasterstats(folder: Path, size: int) -> float:  # noqa: ARG001
    from rasterstats import zonal_stats

    bands = {}
    for name in ("red", "nir"):
        with rasterio.open(folder / f"{name}.tif") as file:
            bands[name] = file.read(1).astype(np.float32)
    red, nir = bands["red"], bands["nir"]
    found = zonal_stats(
        geopandas.read_file(folder / "bench.gpkg"), (nir - red) / (nir + red), affine=PIXEL,
        nodata=-9999, stats=["count", "mean", "median", "percentile_10", "percentile_90", "std"],
    )  # fmt: skip
    return float(np.mean([one["mean"] for one in found]))


CONTENDERS = {"eo_assets": ours, "exactextract": plain_exactextract, "rasterstats": rasterstats}


def contend(name: str, folder: Path, size: int, dates: int) -> None:
    """Run one contender in this process and print what it took."""
    started, mean = time.perf_counter(), 0.0
    for _ in range(dates):
        mean = CONTENDERS[name](folder, size)
    status = Path("/proc/self/status").read_text(encoding="ascii")
    print(
        json.dumps(
            {
                "wall_s": round(time.perf_counter() - started, 1),
                "cpu_s": round(time.process_time(), 1),
                "peak_mb": round(int(status.partition("VmHWM:")[2].split()[0]) / 1024),
                "mean": round(mean, 5),
            }
        )
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parcels", type=int, default=10_000)
    parser.add_argument("--dates", type=int, default=8)
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--peers", help="Python with rasterstats; without it that takes no part")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--contender", nargs=2, metavar=("NAME", "FOLDER"))
    given = parser.parse_args()
    if given.contender:
        contend(given.contender[0], Path(given.contender[1]), given.size, given.dates)
        return
    with tempfile.TemporaryDirectory() as folder:
        make_world(Path(folder), n=given.parcels, size=given.size)
        found = {}
        for name in CONTENDERS:
            python = given.peers if name == "rasterstats" else sys.executable
            if python is None:
                print("rasterstats takes no part: --peers is not given", flush=True)
                continue
            command = [
                python, __file__, "--size", str(given.size), "--dates", str(given.dates),
                "--contender", name, folder,
            ]  # fmt: skip
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found[name] = json.loads(done.stdout)
            print(f"{name:<14} {found[name]}", flush=True)
    if given.json:
        given.json.write_text(json.dumps(found))


if __name__ == "__main__":
    main()
