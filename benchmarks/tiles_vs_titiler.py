"""Whole tiles over HTTP against titiler, interleaved in one run: CPU time of the servers, and pace.

Both services run with one worker on the same local Cloud Optimized GeoTIFFs of the sample archive
and give PNG tiles of 256 pixels. For one file the peer is titiler.core, for several items
titiler.mosaic, as published (``titiler_peer.py``); it does not mask clouds or read their quality
band, ours does. The tiles lie all over the scene, at all zooms: more than any cache of grids holds.
``first`` is their first visit, ``again`` those after it; no tile is asked for twice with the same
stretch, so that none is in a cache of finished ones. Only ratios mean much::

    python benchmarks/tiles_vs_titiler.py --peers .venv-peers/bin/python --json tiles.json
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import random
import socket
import subprocess
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path

import httpx
import numpy as np
import psutil
import rasterio
from measuring import cpu_s
from odc.geo.geobox import GeoBox
from tiles_evaluation import TARGETS, TMS, cubes_of, one_file, scenes_of, ten_of

from eo_assets.commands.tiles import tile_server
from eo_assets.cube.grid import Grid
from eo_assets.settings import load_settings
from eo_assets.tiles.layer import Layer
from eo_assets.tiles.registry import Registry

PACE = 1.6
"""How many times as many tiles a second as the peer ours is to give sixteen clients."""

ZOOMS = range(9, 15)
EDGE_DEG = 0.01
AT_ONCE = 8
"""Tiles asked of one service before it is the other's turn."""

RECOMMENDED = {
    # as titiler's manual recommends
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif,.tiff",
    "GDAL_CACHEMAX": "200",
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_INGESTED_BYTES_AT_OPEN": "32768",
    "VSI_CACHE": "TRUE",
    "VSI_CACHE_SIZE": "5000000",
    # as our own service has them
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
}


@contextlib.contextmanager
def peer_server(python, items, folder):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    (folder / "items.json").write_text(json.dumps(items))
    settings = [f"{name}={value}" for name, value in RECOMMENDED.items()]
    script = Path(__file__).parent / "titiler_peer.py"
    process = subprocess.Popen(["env", *settings, python, script, str(port), folder / "items.json"])
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(1200):
            with contextlib.suppress(httpx.TransportError):
                httpx.get(url, trust_env=False)
                break
            time.sleep(0.1)
        yield process, url
    finally:
        process.terminate()
        process.wait()


def layers(cubes, bounds, path, folder):
    """Put what is compared into the service's registry; give the ids."""
    with rasterio.open(path) as file:
        grid = Grid.of(GeoBox(file.shape, file.transform, str(file.crs)))
    for cube in cubes:
        layer = Layer(
            id=cube.digest[:32], title="benchmark", cube=cube, bounds=bounds, grid=grid, request={}
        )
        Registry(folder).add(layer)
        yield layer.id


def addresses(ours, theirs, ids, path):
    """Give for each case how both are asked for a tile with a brightness."""
    cog, mosaic = (f"{theirs}/{name}/tiles/WebMercatorQuad" for name in ("cog", "mosaic"))
    one = f"url={path}&expression=(b4-b1)/(b4%2Bb1)"
    many = "assets=nir&assets=red&expression=(b1-b2)/(b1%2Bb2)"
    shown = "colormap_name=rdylgn&rescale=-0.2"
    peers = (
        lambda t, s: f"{cog}/{t}.png?url={path}&bidx=1&bidx=2&bidx=3&rescale=0,{s * 1e4:.4f}",
        lambda t, s: f"{cog}/{t}.png?{one}&{shown},{s:.8f}",
        lambda t, s: f"{mosaic}/{t}.png?url=2&{many}&{shown},{s:.8f}",
        lambda t, s: f"{mosaic}/{t}.png?url=10&pixel_selection=median&{many}&{shown},{s:.8f}",
    )

    def own(layer, low):
        return lambda t, s: f"{ours}/layers/{layer}/tiles/{t}.png?stretch={low},{s:.8f}"

    lows = ("0", "-0.2", "-0.2", "-0.2")
    own_ones = (own(layer, low) for layer, low in zip(ids, lows, strict=True))
    return dict(zip(TARGETS, zip(own_ones, peers, strict=True), strict=True))


def take(client, url):
    answer = client.get(url)
    if answer.status_code != 200 or not answer.content.startswith(b"\x89PNG"):
        raise SystemExit(f"{url}: {answer.status_code} {answer.text[:300]}")


def pace(make, tiles, fresh, *, clients, seconds):
    """Give tiles a second with several clients."""
    until, done, start = time.monotonic() + seconds, [], time.monotonic()

    def ask(offset):
        with httpx.Client(trust_env=False, timeout=120) as client:
            for tile in itertools.islice(itertools.cycle(tiles), offset, None):
                take(client, make(tile, next(fresh)))
                done.append(1)
                if time.monotonic() > until:
                    return

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(done) / (time.monotonic() - start)


def cpu_a_tile(makes, processes, tiles, fresh, rounds):
    """Give for each visit the CPU time both spent on a tile, milliseconds."""
    spent, asked = defaultdict(lambda: [0.0, 0.0]), defaultdict(int)
    with httpx.Client(trust_env=False, timeout=120) as client:
        for make in makes:  # what a process starts with: PROJ, GDAL, colour maps
            take(client, make(tiles[-1], next(fresh)))
        for round_number in range(rounds + 1):
            visit = "again" if round_number else "first"
            for chunk in (tiles[n : n + AT_ONCE] for n in range(0, len(tiles), AT_ONCE)):
                asked[visit] += len(chunk)
                for which, (make, process) in enumerate(zip(makes, processes, strict=True)):
                    before = cpu_s(process)
                    for tile in chunk:
                        take(client, make(tile, next(fresh)))
                    spent[visit][which] += cpu_s(process) - before
    return {
        visit: tuple(seconds / asked[visit] * 1e3 for seconds in both)
        for visit, both in spent.items()
    }


def compare(cases, processes, tiles, options):
    """Measure and print; give the rows."""
    fresh = (0.3 + n * 1e-6 for n in itertools.count())
    rows = []

    def add(what, case, visit, ours, peer, target):
        rows.append({"what": what, "case": case, "visit": visit, "ours": ours, "titiler": peer,
                     "ratio": ours / peer, "target": target})  # fmt: skip
        print(f"{case:40}{visit:>7}{ours:9.1f}{peer:9.1f}{ours / peer:8.2f}{target:8.2f}")

    head = f"{'ours':>9}{'titiler':>9}{'ratio':>8}{'target':>8}"
    print(f"{f'server CPU, ms a tile ({len(tiles)} tiles)':47}{head}")
    for name, makes in cases.items():
        found = cpu_a_tile(makes, processes, tiles, fresh, options.rounds)
        for visit, (ours, peer) in found.items():
            add("cpu_ms", name, visit, ours, peer, TARGETS[name])
    print(f"{'tiles a second, 16 clients':47}{head}")
    for name, makes in cases.items():
        rates = ([], [])
        for which, make in [*enumerate(makes)] * 2:
            rates[which].append(pace(make, tiles, fresh, clients=16, seconds=options.seconds))
        add("tiles_per_s", name, "again", *(float(np.mean(rate)) for rate in rates), PACE)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=Path, default=Path(".eo_assets/sample"))
    parser.add_argument("--peers", required=True, help="Python with titiler, of an environment")
    parser.add_argument("--tiles", type=int, default=72)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--json", type=Path, help="write the figures there too")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        scenes = ten_of(scenes_of(options.sample), folder)
        path, bounds = one_file(scenes[0], folder), scenes[0].bbox_4326
        ids = tuple(layers(cubes_of(scenes, path).values(), bounds, path, folder / "layers"))
        items = [{name: scene.bands[name].href for name in ("nir", "red")} for scene in scenes]
        # not those the scene only touches: titiler has no answer for a tile beside its file
        west, south, east, north = bounds
        inside = west + EDGE_DEG, south + EDGE_DEG, east - EDGE_DEG, north - EDGE_DEG
        tiles = [f"{tile.z}/{tile.x}/{tile.y}" for tile in TMS.tiles(*inside, ZOOMS)]
        tiles = random.Random(0).sample(tiles, min(options.tiles, len(tiles)))
        settings = load_settings(tiles_dir=folder / "layers", tiles_workers=1)
        own, ours = stack.enter_context(tile_server(settings))
        peer, theirs = stack.enter_context(peer_server(options.peers, items, folder))
        processes = psutil.Process(own.pid), psutil.Process(peer.pid)
        rows = compare(addresses(ours, theirs, ids, path), processes, tiles, options)
    if options.json:
        options.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
