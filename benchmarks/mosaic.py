"""Mosaic to COG: the chain against GDAL's limit and the peers, in turns, on the same files.

    python benchmarks/mosaic.py --peers .venv-peers/bin/python --rounds 5 --json

Each contestant runs in a process of its own, twice: the first time makes what is made once in a
process, the second is measured. Wall and processor time are medians over the rounds; the ratios
are those of each round's limit. Memory is the highest sum of the processes' proportional shares.
All pictures are compared with the chain's, pixel by pixel.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections import defaultdict
from pathlib import Path
from typing import Self

import numpy as np
import psutil
import rasterio
from scenes import CASES, make

HERE = Path(__file__).parent
CHAIN = "eo_assets"
PEERS = ("limit", "odc-stac", "stackstac", "seed")
OFFSET = 1_000
"""Of digital numbers since processing baseline 04.00; the chain takes it off."""


class Memory:
    """Looks at a process and its children until told to stop."""

    def __init__(self, pid: int) -> None:
        self._root, self._stop, self.peak_mb = psutil.Process(pid), threading.Event(), 0.0
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.2):
            total = 0
            for process in (self._root, *self._root.children(recursive=True)):
                with contextlib.suppress(psutil.Error):
                    total += process.memory_full_info().pss
            self.peak_mb = max(self.peak_mb, total / 1e6)


def run(command: list[str], counts: str) -> dict:
    """Run one contestant; give what its second run took."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        results = []
        for _ in range(2):
            while (line := process.stdout.readline()) and line != "ready\n":
                pass
            if counts:
                json.load(urllib.request.urlopen(counts))
            with Memory(process.pid) as memory:
                process.stdin.write("\n")
                process.stdin.flush()
                result = process.stdout.readline()
            if not result:
                raise SystemExit(f"{' '.join(command)} ended without a result.")
            results.append(json.loads(result) | {"peak_mb": memory.peak_mb})
            if counts:
                results[-1] |= json.load(urllib.request.urlopen(counts))
        process.stdin.write("\n")
        process.stdin.flush()
    return results[1] | {"first_cpu": results[0]["cpu"]}


def match_pct(chain: Path, peer: Path) -> float:
    """Compare a peer's digital numbers with the chain's stored reflectance, pixel by pixel."""
    with rasterio.open(chain) as ours, rasterio.open(peer) as theirs:
        stored, dn = ours.read(), theirs.read()
    expected = np.where(dn == 0, 0, np.maximum(dn.astype(int) - OFFSET, 1))
    return 100 * float((stored == expected).mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peers", default=sys.executable, help="Python with the peers")
    parser.add_argument("--only", nargs="*", choices=PEERS, default=PEERS)
    parser.add_argument("--case", choices=CASES, default="region")
    parser.add_argument("--delay-ms", type=float, help="over HTTP, with this delay; else local")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--workers", type=int, default=0, help="Dask workers; 0: in this process")
    parser.add_argument("--scratch", type=Path, help="where scenes stay for another time")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        scratch = options.scratch or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder = make(scratch, CASES[options.case])
        root, counts = [], ""
        if options.delay_ms is not None:
            server = stack.enter_context(subprocess.Popen(
                [sys.executable, str(HERE / "http_files.py"), str(folder), str(options.delay_ms)],
                stdout=subprocess.PIPE, text=True,
            ))  # fmt: skip
            stack.callback(server.terminate)
            assert server.stdout
            url = server.stdout.readline().strip()
            root, counts = ["--root", url], f"{url}/-/counts"
        commands = {
            name: [options.peers, str(HERE / "mosaic_peers.py"), name, str(folder), options.case,
                   str(scratch / f"out-{name}"), *root]
            for name in options.only
        }  # fmt: skip
        commands[CHAIN] = [
            sys.executable, str(HERE / "mosaic_chain.py"), str(folder), options.case,
            str(scratch / "out-chain"), "--workers", str(options.workers), *root,
        ]  # fmt: skip
        taken = defaultdict(list)
        for number in range(options.rounds):
            for name, command in commands.items():
                taken[name].append(run(command, counts))
                last = taken[name][-1]
                print(f"{number + 1} {name}: {last['cpu']:.2f} s CPU, {last['wall']:.2f} s wall",
                      file=sys.stderr, flush=True)  # fmt: skip
        rows = [row(name, results, taken) for name, results in taken.items()]
    if options.json:
        title = "Mosaic to COG, " + options.case
        title += "" if options.delay_ms is None else f", HTTP {options.delay_ms:g} ms"
        print(json.dumps({"name": title, "rows": rows}))
        return
    for one in rows:
        print(one)


def row(name: str, results: list[dict], taken: dict[str, list[dict]]) -> dict:
    """Give a contestant's line of the table."""
    chain = Path(taken[CHAIN][-1]["file"])
    middle = {
        key: statistics.median(result[key] for result in results)
        for key in ("wall", "cpu", "first_cpu", "peak_mb", "requests", "bytes")
        if key in results[0]
    }
    line = {"contestant": name, "n": len(results)}
    line |= {key: round(value, 2) for key, value in middle.items()}
    if "limit" in taken:
        for key in ("wall", "cpu", "peak_mb"):
            ratios = [
                one[key] / limit[key] for one, limit in zip(results, taken["limit"], strict=True)
            ]
            line[f"{key}_x"] = round(statistics.median(ratios), 2)
    # the limit masks nothing: its picture is another
    if name not in ("limit", CHAIN):
        line["match_pct"] = round(match_pct(chain, Path(results[-1]["file"])), 3)
    return line


if __name__ == "__main__":
    main()
