"""The limit and the peers of the mosaic benchmark, one of them; see ``mosaic.py``.

    python benchmarks/mosaic_peers.py CONTESTANT FOLDER CASE OUTPUT ROOT...

Runs in the peers' environment. Digital numbers stay as they are in the files. All give the same
picture, but for those that mask nothing: of each pixel the first of the scenes, the least cloudy
first, whose class is usable.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np
import rasterio.enums
import rasterio.features
from measuring import cpu_s
from mosaic_gdal import gdalwarp, limit, shape_of, transform_of, write_cog
from scenes import CASES, CRS, UNUSABLE, Case

USABLE = np.ones(256, bool)
USABLE[list(UNUSABLE)] = False


def outside(case: Case) -> np.ndarray:
    outline = {"type": "Polygon", "coordinates": [[*case.outline, case.outline[0]]]}
    return rasterio.features.geometry_mask([outline], shape_of(case), transform_of(case))


def first_usable(classes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Take each pixel from the first scene whose class is usable, of arrays ``(scene, y, x)``."""
    usable = USABLE[classes]
    chosen = np.take_along_axis(values, usable.argmax(axis=0)[np.newaxis], axis=0)[0]
    return np.where(usable.any(axis=0), chosen, 0).astype(np.uint16)


def reduced(bands: list, classes, case: Case, output: Path) -> None:
    """Reduce lazy arrays of dask, one task a block, and write."""
    import dask
    import dask.array as da

    lazy = [
        da.map_blocks(
            lambda scl, values: first_usable(scl.astype(np.uint8), values),
            classes, band, drop_axis=0, dtype=np.uint16,
        )
        for band in bands
    ]  # fmt: skip
    pixels = np.stack(dask.compute(*lazy, scheduler="threads"))
    pixels[:, outside(case)] = 0
    write_cog(pixels, case, output)


def odc_stac(case: Case, items: list[dict], output: Path) -> None:
    """odc-stac as fast as it was found to be: large chunks, scenes reduced in one task a chunk."""
    import odc.stac
    import pystac
    from odc.geo.geobox import GeoBox

    odc.stac.configure_rio(cloud_defaults=True)
    stack = odc.stac.load(
        [pystac.Item.from_dict(item) for item in items],
        bands=[*case.bands, "SCL"],
        geobox=GeoBox(shape_of(case), transform_of(case), CRS),
        chunks={"x": 4096, "y": 4096},
        groupby="id",
        preserve_original_order=True,
        resampling="nearest",
        dtype="uint16",
        nodata=0,
    )
    classes = stack["SCL"].data.rechunk({0: -1})
    bands = [stack[name].data.rechunk({0: -1}) for name in case.bands]
    reduced(bands, classes, case, output)


def stackstac(case: Case, items: list[dict], output: Path) -> None:
    """stackstac with chunks of 1024 pixels, scenes reduced in one task a chunk."""
    from stackstac import stack

    cube = stack(
        items,
        assets=[*case.bands, "SCL"],
        epsg=32635,
        resolution=case.resolution_m,
        bounds=case.bounds,
        chunksize=1024,
        dtype="uint16",
        fill_value=np.uint16(0),
        rescale=False,
        sortby_date=False,
    ).data.rechunk({0: -1, 1: 1})
    n = len(case.bands)
    reduced([cube[:, i] for i in range(n)], cube[:, n], case, output)


def seed(case: Case, items: list[dict], output: Path) -> None:
    """rioxarray, file by file: clip, resample, mask, merge, write."""
    import rioxarray
    import xarray as xr
    from rioxarray.merge import merge_arrays

    template = xr.DataArray(np.zeros(shape_of(case), np.uint16), dims=("y", "x"))
    template = template.rio.write_crs(CRS).rio.write_transform(transform_of(case))

    def clipped(stac_asset: dict) -> xr.DataArray:
        opened = rioxarray.open_rasterio(stac_asset["href"]).squeeze("band", drop=True)
        box = opened.rio.clip_box(*case.bounds)
        if abs(box.rio.resolution()[0]) != case.resolution_m:
            box = box.rio.reproject(
                CRS, resolution=case.resolution_m, resampling=rasterio.enums.Resampling.nearest
            )
        return box

    merged = []
    for name in case.bands:
        parts = []
        for item in items:
            classes = clipped(item["assets"]["SCL"])
            values = clipped(item["assets"][name])
            classes = classes.rio.reproject_match(values)
            usable = xr.DataArray(USABLE[classes.values], dims=("y", "x"))
            masked = values.where(usable.values, 0).astype(np.uint16)
            parts.append(masked.rio.write_nodata(0))
        merged.append(merge_arrays(parts, bounds=case.bounds, nodata=0))
    picture = xr.concat(merged, "band").assign_coords(band=range(1, len(merged) + 1))
    outline = {"type": "Polygon", "coordinates": [[*case.outline, case.outline[0]]]}
    picture.rio.clip([outline], crs=CRS, drop=False).rio.to_raster(
        output, driver="COG", compress="ZSTD", level=1, predictor="YES", blocksize=512,
        overview_resampling="AVERAGE", num_threads="ALL_CPUS",
    )  # fmt: skip


CONTESTANTS = {
    "limit": limit, "odc-stac": odc_stac, "stackstac": stackstac, "seed": seed, "gdalwarp": gdalwarp
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contestant", choices=CONTESTANTS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("output", type=Path)
    parser.add_argument("roots", nargs="+")
    options = parser.parse_args()
    paths = sorted(options.folder.rglob("item.json"))
    options.output.mkdir(parents=True, exist_ok=True)
    target = options.output / "mosaic.tif"
    for root in options.roots:
        items = [json.loads(path.read_text().replace(str(options.folder), root)) for path in paths]
        items.sort(key=lambda item: (item["properties"]["eo:cloud_cover"], item["id"]))
        print("ready", flush=True)
        if not sys.stdin.readline():
            return
        # the last one stays: it is compared
        target.unlink(missing_ok=True)
        started, cpu = time.perf_counter(), cpu_s()
        CONTESTANTS[options.contestant](CASES[options.case], items, target)
        wall, cpu = time.perf_counter() - started, cpu_s() - cpu
        print(json.dumps({"wall": wall, "cpu": cpu, "file": str(target)}), flush=True)


if __name__ == "__main__":
    main()
