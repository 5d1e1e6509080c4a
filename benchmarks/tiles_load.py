"""Sixteen clients ask for tiles for a while: how many, how long, what memory does.

    python benchmarks/tiles_load.py --seconds 60 --clients 16

Each client asks for its own random walk of tiles with ever other stretches, so that no finished
tile is found in a cache. The script fails if a client gets anything but a picture, if all
processes of the service together ever hold more than ``--limit-mb`` (proportional set size: what
they share is counted once), or a tenth more in the last third of the time than in the second.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import random
import sys
import tempfile
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import psutil
from measuring import cpu_s, memory_mb

from eo_assets.commands.tiles import tile_server, with_catalog
from eo_assets.settings import load_settings

LAYERS = {
    "true colour of a day": {"first": "2023-07-15", "bands": ["red", "green", "blue"]},
    "median NDVI of a summer": {
        "first": "2023-06-01", "last": "2023-08-31", "composite": "median", "index": "ndvi"
    },
}  # fmt: skip


def tiles_of(layer):
    west, south, east, north = layer["bounds"]
    found = []
    for z in range(layer["minzoom"], layer["maxzoom"] + 1):
        n = 2**z
        xs = [int((lon + 180) / 360 * n) for lon in (west, east)]
        ys = [
            int((0.5 - np.arcsinh(np.tan(np.radians(lat))) / 2 / np.pi) * n)
            for lat in (north, south)
        ]
        found += [(z, x, y) for x in range(xs[0], xs[1] + 1) for y in range(ys[0], ys[1] + 1)]
    return found


def ask(url, layer, until, seed, taken, faults):
    tiles, chance = tiles_of(layer), random.Random(seed)
    with httpx.Client(timeout=120, trust_env=False) as client:
        for number in itertools.count():
            if time.monotonic() > until:
                return
            z, x, y = chance.choice(tiles)
            # never the same picture twice
            stretch = f"0,{0.3 + (seed * 100_000 + number) * 1e-7:.7f}"
            started = time.perf_counter()
            path = f"{url}/layers/{layer['id']}/tiles/{z}/{x}/{y}.png"
            answer = client.get(path, params={"stretch": stretch})
            taken.append(time.perf_counter() - started)
            if answer.status_code != 200 or not answer.content.startswith(b"\x89PNG"):
                faults.append(answer.text[:200])


def load(url, layer, process, *, clients, seconds, limit_mb):
    taken, faults = [], []
    until, before = time.monotonic() + seconds, cpu_s(process)
    threads = [
        threading.Thread(target=ask, args=(url, layer, until, seed, taken, faults))
        for seed in range(clients)
    ]
    for thread in threads:
        thread.start()
    memory = []
    while any(thread.is_alive() for thread in threads):
        memory.append(memory_mb(process))
        time.sleep(0.5)
    third = max(len(memory) // 3, 1)
    middle, late = np.mean(memory[third : 2 * third]), np.mean(memory[-third:])
    print(
        f"  {len(taken)} tiles, {len(taken) / seconds:.1f} a second, median "
        f"{np.median(taken) * 1e3:.0f} ms, p95 {np.percentile(taken, 95) * 1e3:.0f} ms, "
        f"{(cpu_s(process) - before) / len(taken) * 1e3:.1f} ms CPU each, "
        f"memory {middle:.0f} -> {late:.0f} MB, at most {max(memory):.0f} MB, "
        f"{len(faults)} faults {faults[:1]}"
    )
    return not faults and max(memory) < limit_mb and late < 1.1 * middle


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit-mb", type=float, default=1000)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        settings = load_settings(tiles_dir=Path(folder), tiles_workers=options.workers)
        settings = with_catalog(settings, stack)
        server, url = stack.enter_context(tile_server(settings))
        process, good = psutil.Process(server.pid), True
        for name, body in LAYERS.items():
            answer = httpx.post(
                f"{url}/layers", json={"region": "bucegi", **body}, timeout=120, trust_env=False
            )
            answer.raise_for_status()
            print(f"{name}, {options.clients} clients, {options.workers} workers")
            good &= load(
                url,
                answer.json(),
                process,
                clients=options.clients,
                seconds=options.seconds,
                limit_mb=options.limit_mb,
            )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
