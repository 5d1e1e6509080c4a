"""The limit and the peers of the mosaic benchmark, one of them, once; see ``mosaic.py``.

    python benchmarks/mosaic_peers.py CONTESTANT FOLDER CASE OUTPUT [--root URL]

Runs in the peers' environment. Digital numbers stay as they are in the files. All give the same
picture: of each pixel the first of the scenes, the least cloudy first, whose class is usable.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import rasterio
import rasterio.features
import rasterio.shutil
from rasterio.io import MemoryFile
from rasterio.transform import from_origin
from rasterio.windows import Window
from scenes import CASES, CRS, UNUSABLE, Case

COG = {
    "driver": "COG", "blocksize": 512, "compress": "ZSTD", "level": 1, "predictor": "YES",
    "overview_resampling": "AVERAGE", "num_threads": "ALL_CPUS",
}  # fmt: skip
GDAL = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_INGESTED_BYTES_AT_OPEN": 32_768}
USABLE = np.ones(256, bool)
USABLE[list(UNUSABLE)] = False


def shape_of(case: Case) -> tuple[int, int]:
    left, bottom, right, top = case.bounds
    return (top - bottom) // case.resolution_m, (right - left) // case.resolution_m


def transform_of(case: Case) -> rasterio.Affine:
    return from_origin(case.bounds[0], case.bounds[3], case.resolution_m, case.resolution_m)


def outside(case: Case) -> np.ndarray:
    outline = {"type": "Polygon", "coordinates": [[*case.outline, case.outline[0]]]}
    return rasterio.features.geometry_mask([outline], shape_of(case), transform_of(case))


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


CONTESTANTS = {"limit": limit}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contestant", choices=CONTESTANTS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("output", type=Path)
    parser.add_argument("--root", default="")
    options = parser.parse_args()
    items = [json.loads(path.read_text()) for path in options.folder.rglob("item.json")]
    items.sort(key=lambda item: (item["properties"]["eo:cloud_cover"], item["id"]))
    for item in items if options.root else []:
        for stac_asset in item["assets"].values():
            stac_asset["href"] = stac_asset["href"].replace(str(options.folder), options.root)
    options.output.mkdir(parents=True, exist_ok=True)
    target = options.output / "mosaic.tif"
    for _ in range(2):
        target.unlink(missing_ok=True)
        print("ready", flush=True)
        input()
        started, cpu = time.perf_counter(), _processor_time()
        CONTESTANTS[options.contestant](CASES[options.case], items, target)
        wall, cpu = time.perf_counter() - started, _processor_time() - cpu
        print(json.dumps({"wall": wall, "cpu": cpu, "file": str(target)}), flush=True)
    input()


def _processor_time() -> float:
    me = psutil.Process()
    times = [p.cpu_times() for p in (me, *me.children(recursive=True))]
    return sum(t.user + t.system for t in times)


if __name__ == "__main__":
    main()
