"""GDAL alone makes the mosaic: the limit, and its own programs; see ``mosaic.py``."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from rasterio.windows import Window
from scenes import CRS, Case

COG = {
    "driver": "COG", "blocksize": 512, "compress": "ZSTD", "level": 1, "predictor": "YES",
    "overview_resampling": "AVERAGE", "num_threads": "ALL_CPUS",
}  # fmt: skip
GDAL = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_INGESTED_BYTES_AT_OPEN": 32_768}


def shape_of(case: Case) -> tuple[int, int]:
    left, bottom, right, top = case.bounds
    return (top - bottom) // case.resolution_m, (right - left) // case.resolution_m


def transform_of(case: Case) -> rasterio.Affine:
    return from_origin(case.bounds[0], case.bounds[3], case.resolution_m, case.resolution_m)


def write_cog(pixels: np.ndarray, case: Case, output: Path) -> None:
    """Write with GDAL's own driver, from memory, with the options of the chain's files."""
    profile = {
        "driver": "GTiff", "count": len(pixels), "dtype": pixels.dtype, "nodata": 0, "crs": CRS,
        "height": pixels.shape[1], "width": pixels.shape[2], "transform": transform_of(case),
        "interleave": "band",
    }  # fmt: skip
    with MemoryFile() as memory:
        with memory.open(**profile) as file:
            file.write(pixels)
        with memory.open() as file:
            rasterio.shutil.copy(file, output, **COG)


def threads_for(items: list[dict]) -> int:
    href = items[0]["assets"]["SCL"]["href"]
    return 16 if href.startswith("http") else os.cpu_count() or 1


def limit(case: Case, items: list[dict], output: Path) -> None:
    """Decode the blocks under the region of every file, each once, and write a COG."""
    pixels = np.zeros((len(case.bands), *shape_of(case)), np.uint16)
    left, bottom, right, top = case.bounds

    def decode(job: tuple[int, dict]) -> None:
        number, stac_asset = job
        pixel, _, x, _, _, y = stac_asset["proj:transform"]
        height, width = stac_asset["proj:shape"]
        columns = [int(np.clip((edge - x) // pixel, 0, width)) for edge in (left, right)]
        rows = [int(np.clip((y - edge) // pixel, 0, height)) for edge in (top, bottom)]
        if columns[0] >= columns[1] or rows[0] >= rows[1]:
            return
        with rasterio.Env(**GDAL), rasterio.open(stac_asset["href"]) as file:
            values = file.read(1, window=Window.from_slices(rows, columns))
        if number < 0:
            return
        ratio = int(pixel // case.resolution_m)
        values = values.repeat(ratio, 0).repeat(ratio, 1)
        column, row = (int((x - left) // case.resolution_m) + columns[0] * ratio,
                       int((top - y) // case.resolution_m) + rows[0] * ratio)  # fmt: skip
        height, width = values.shape
        pixels[number, row : row + height, column : column + width] = values

    bands = list(case.bands)
    jobs = [
        (bands.index(name) if name in bands else -1, stac_asset)
        for item in items
        for name, stac_asset in item["assets"].items()
    ]
    with ThreadPoolExecutor(threads_for(items)) as pool:
        list(pool.map(decode, jobs))
    write_cog(pixels, case, output)


def gdalwarp(case: Case, items: list[dict], output: Path) -> None:
    """GDAL's programs: a virtual mosaic a band, the least cloudy scene on top; no masks."""
    pixel = str(case.resolution_m)
    grid = ["-te", *map(str, case.bounds), "-tr", pixel, pixel]
    settings = [f"{name}={value}" for name, value in GDAL.items()]

    def run(*command: str) -> None:
        programs = ["env", *settings, *command]
        done = subprocess.run(programs, check=False, stdout=subprocess.DEVNULL)
        if done.returncode:
            raise SystemExit(f"{command[0]} ended with code {done.returncode}")

    bands = [str(output.with_name(f"{name}.vrt")) for name in case.bands]
    for name, vrt in zip(case.bands, bands, strict=True):
        hrefs = [item["assets"][name]["href"] for item in reversed(items)]
        files = [f"/vsicurl/{href}" if href.startswith("http") else href for href in hrefs]
        run("gdalbuildvrt", "-q", "-overwrite", "-resolution", "user", *grid, vrt, *files)
    together = str(output.with_suffix(".vrt"))
    run("gdalbuildvrt", "-q", "-overwrite", "-separate", together, *bands)
    outline = {"type": "Polygon", "coordinates": [[*case.outline, case.outline[0]]]}
    cutline = output.with_suffix(".geojson")
    crs = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:{CRS.replace(':', '::')}"}}
    cutline.write_text(json.dumps({**outline, "crs": crs}))
    pairs = [("-co", f"{name}={value}") for name, value in COG.items() if name != "driver"]
    creation = list(itertools.chain.from_iterable(pairs))
    run(
        "gdalwarp", "-q", "-overwrite", "-of", "COG", "-multi", "-wo", "NUM_THREADS=ALL_CPUS",
        "-wm", "512", "-cutline", str(cutline), *grid, *creation, together, str(output),
    )  # fmt: skip
