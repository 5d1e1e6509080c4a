"""Whole tiles over HTTP against titiler, interleaved in one run: CPU time of the servers, and pace.

Both services run with one worker on the same local Cloud Optimized GeoTIFFs of the sample archive
and give PNG tiles of 256 pixels, zooms 9 to 13. For one file the peer is titiler.core's own
``TilerFactory``. titiler.mosaic is not installed: for several items the peer is put together here
of what it is made of - rio-tiler's ``mosaic_reader`` with its pixel selections and titiler.core's
``render_image``. It masks by the same quality classes, at the tile's pixels; it neither opens nor
grows clouds nor applies scale and offset, which ours does. No tile is asked for twice with the same
stretch, so that none is in a cache of finished ones. Only ratios of a quiet machine mean much::

    python benchmarks/tiles_vs_titiler.py --sample .eo_assets/sample --rounds 5
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import itertools
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import psutil
from fastapi import FastAPI, Response
from tiles_evaluation import PLACE, TMS, one_file, scenes_of

from eo_assets.catalog.quality import SCL
from eo_assets.commands.tiles import tile_server
from eo_assets.cube.graph import LoadStored, VirtualCube
from eo_assets.cube.grid import Grid
from eo_assets.pipeline.sources import cog_scene
from eo_assets.settings import load_settings
from eo_assets.tiles.layer import Layer
from eo_assets.tiles.registry import Registry

CASES = {
    "RGB of one file": 0.5,
    "NDVI of one file": 0.55,
    "masked NDVI of 2 items": 0.25,
    "masked NDVI of the median of 10 items": 0.17,
}
"""What is compared, and how much of the peer's CPU time ours may take."""

PACE = 1.6
"""How many times as many tiles a second as the peer ours is to give sixteen clients."""

ZOOMS = range(9, 14)
COMMON = {"MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1"}
RECOMMENDED = {
    # as titiler's manual recommends
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif,.tiff",
    "GDAL_CACHEMAX": "200",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    "VSI_CACHE": "TRUE",
    "VSI_CACHE_SIZE": "5000000",
}


def peer_app(items):
    """titiler.core for one file; for several items, its parts."""
    from rio_tiler.colormap import cmap
    from rio_tiler.io import Reader
    from rio_tiler.models import ImageData
    from rio_tiler.mosaic import mosaic_reader
    from rio_tiler.mosaic.methods import FirstMethod, MedianMethod
    from titiler.core.factory import TilerFactory
    from titiler.core.resources.enums import ImageType
    from titiler.core.utils import render_image

    colours = cmap.get("rdylgn")

    def read(item, x, y, z):
        bands = []
        for name in ("nir", "red"):
            with Reader(item[name]) as file:
                bands.append(file.tile(x, y, z))
        with Reader(item["scl"]) as file:
            classes = file.tile(x, y, z, resampling_method="nearest").array[0]
        image = ImageData.create_from_list(bands)
        image.array.mask |= np.isin(classes.data, (*SCL.fill, *SCL.invalid)) | classes.mask
        return image

    app = FastAPI()
    app.include_router(TilerFactory().router, prefix="/cog")

    @app.get("/items/{n}/{z}/{x}/{y}.png")
    def tile(n: int, z: int, x: int, y: int, low: float, high: float) -> Response:
        method = MedianMethod if n > 2 else FirstMethod
        image, _ = mosaic_reader(items[:n], read, x, y, z, pixel_selection=method())
        nir, red = image.array.astype(np.float32)
        shown = ImageData(((nir - red) / (nir + red))[np.newaxis])
        shown.rescale(((low, high),))
        content, kind = render_image(shown, output_format=ImageType.png, colormap=colours, zlevel=6)
        return Response(content, media_type=kind)

    return app


@contextlib.contextmanager
def peer_server(items):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    code = (
        "import json, sys, uvicorn; sys.path.insert(0, sys.argv[1]); import tiles_vs_titiler as p; "
        "uvicorn.run(p.peer_app(json.loads(sys.argv[2])), port=int(sys.argv[3]), log_level='error')"
    )
    settings = [f"{name}={value}" for name, value in (COMMON | RECOMMENDED).items()]
    words = [str(Path(__file__).parent), json.dumps(items), str(port)]
    process = subprocess.Popen(["env", *settings, sys.executable, "-c", code, *words])
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"{url}/openapi.json", trust_env=False)
                break
            time.sleep(0.1)
        yield process, url
    finally:
        process.terminate()
        process.wait()


def layers(scenes, path, folder):
    """Put what is compared into the service's registry; give the ids."""
    product = "sample/sentinel-2-l2a/2023-07-15/geotiff"
    scene = cog_scene(path, product)
    names = ("red", "green", "blue", "nir")
    stored = LoadStored(product=product, bands=names, scene=scene)
    single = VirtualCube(nodes={"product": stored}, result="product")

    def items(n):
        return VirtualCube.load("sentinel-2-l2a", scenes[:n], ("red", "nir")).valid(SCL)

    cubes = (
        single.render("red", "green", "blue"),
        single.index("ndvi").render("ndvi"),
        items(2).composite().index("ndvi").render("ndvi"),
        items(10).median().index("ndvi").render("ndvi"),
    )
    west, south, east, north = scenes[0].bbox_4326
    for cube in cubes:
        layer = Layer(
            id=cube.digest[:32], title="benchmark", cube=cube, bounds=(west, south, east, north),
            grid=scene.bands["red"].grid or Grid.of(_grid_of(path)), request={},
            dates=(dt.date(2023, 7, 15),),
        )  # fmt: skip
        Registry(folder).add(layer)
        yield layer.id


def _grid_of(path):
    import rasterio
    from odc.geo.geobox import GeoBox

    with rasterio.open(path) as file:
        return GeoBox(file.shape, file.transform, str(file.crs))


def addresses(ours, theirs, ids, path):
    """Give for each case how both are asked for a tile with a brightness."""
    cog = f"{theirs}/cog/tiles/WebMercatorQuad"
    ndvi = f"url={path}&expression=(b4-b1)/(b4%2Bb1)&colormap_name=rdylgn"
    peers = (
        lambda t, s: f"{cog}/{t}.png?url={path}&bidx=1&bidx=2&bidx=3&rescale=0,{s * 1e4:.4f}",
        lambda t, s: f"{cog}/{t}.png?{ndvi}&rescale=-0.2,{s:.8f}",
        lambda t, s: f"{theirs}/items/2/{t}.png?low=-0.2&high={s:.8f}",
        lambda t, s: f"{theirs}/items/10/{t}.png?low=-0.2&high={s:.8f}",
    )
    lows = ("0", "-0.2", "-0.2", "-0.2")

    def own(layer, low):
        return lambda t, s: f"{ours}/layers/{layer}/tiles/{t}.png?stretch={low},{s:.8f}"

    own_ones = (own(layer, low) for layer, low in zip(ids, lows, strict=True))
    return dict(zip(CASES, zip(own_ones, peers, strict=True), strict=True))


def cpu_s(process):
    family = [process, *process.children(recursive=True)]
    return sum(sum(one.cpu_times()[:2]) for one in family)


def take(client, url):
    answer = client.get(url)
    if answer.status_code != 200 or not answer.content.startswith(b"\x89PNG"):
        raise SystemExit(f"{url}: {answer.status_code} {answer.text[:300]}")
    return answer


def pace(make, tiles, fresh, *, clients, seconds):
    """Give tiles a second with several clients."""
    until, done, start = time.monotonic() + seconds, [], time.monotonic()

    def ask(offset):
        with httpx.Client(trust_env=False, timeout=120) as client:
            for tile in itertools.islice(itertools.cycle(tiles), offset, None):
                if time.monotonic() > until:
                    return
                take(client, make(tile, next(fresh)))
                done.append(1)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(done) / (time.monotonic() - start)


def compare(cases, processes, tiles, options):
    fresh = (0.3 + n * 1e-6 for n in itertools.count())
    print(f"{'CPU of the server, ms a tile':42}{'ours':>8}{'titiler':>9}{'ratio':>8}{'target':>8}")
    with httpx.Client(trust_env=False, timeout=120) as client:
        for name, makes in cases.items():
            spent = [0.0, 0.0]
            for round_number in range(options.rounds + 1):
                for which, (make, process) in enumerate(zip(makes, processes, strict=True)):
                    before = cpu_s(process)
                    for tile in tiles:
                        take(client, make(tile, next(fresh)))
                    if round_number:  # the first opens files
                        spent[which] += cpu_s(process) - before
            mine, other = (one / options.rounds / len(tiles) * 1e3 for one in spent)
            print(f"{name:42}{mine:8.1f}{other:9.1f}{mine / other:8.2f}{CASES[name]:8.2f}")
    print(f"{'tiles a second, 16 clients':42}{'ours':>8}{'titiler':>9}{'ratio':>8}{'target':>8}")
    for name, makes in list(cases.items())[:: len(cases) - 1]:
        rates = ([], [])
        for _ in range(2):
            for which, make in enumerate(makes):
                rates[which].append(pace(make, tiles, fresh, clients=16, seconds=options.seconds))
        mine, other = (float(np.mean(rate)) for rate in rates)
        print(f"{name:42}{mine:8.1f}{other:9.1f}{mine / other:8.2f}{PACE:8.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=Path, default=Path(".eo_assets/sample"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    tiles = [
        f"{tile.z}/{tile.x}/{tile.y}"
        for z in ZOOMS
        for tile in {TMS.tile(PLACE[0] + shift, PLACE[1], z) for shift in (-0.03, 0.03)}
    ]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        scenes = scenes_of(options.sample)
        path = one_file(scenes[0], folder)
        ids = tuple(layers(scenes, path, folder / "layers"))
        items = [
            {name: scene.bands[name].href for name in ("nir", "red")} | {"scl": scene.quality.href}
            for scene in scenes[:10]
        ]
        settings = load_settings(tiles_dir=folder / "layers", tiles_workers=1)
        own, ours = stack.enter_context(tile_server(settings))
        peer, theirs = stack.enter_context(peer_server(items))
        processes = psutil.Process(own.pid), psutil.Process(peer.pid)
        compare(addresses(ours, theirs, ids, path), processes, tiles, options)


if __name__ == "__main__":
    main()
