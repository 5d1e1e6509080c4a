"""How a mosaic of a whole Sentinel-2 tile gets faster with workers, and a model of many more.

    python benchmarks/dask_scaling.py [--workers 1 2] [--rounds 3] [--side-px 4000] [--json FILE]

Measured: wall time and CPU time of the blocks of a mosaic on local clusters of 1, 2, ... workers,
in turns, and the peak memory of a worker; medians of the rounds. Blocks are read from the page
cache, so that this is about computing, not about a network.

Modelled, not measured: the same blocks handed to n workers one after the other, longest first,
each taking the CPU time it took with one worker, plus what the scheduler takes for a task
(``--task-ms``). The model knows no network, no shared disk and no failing worker: it is the bound
that the number and length of blocks set, nothing more.
"""

from __future__ import annotations

import argparse
import datetime as dt
import heapq
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from eo_assets.pipeline import mosaic
from eo_assets.pipeline.mosaic import BlockSummary, BlockTask, compute_block
from eo_assets.settings import load_settings
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store
from eo_assets.workers.clusters import open_cluster
from eo_assets.workers.preparing import prepare
from eo_assets.workers.tasks import run_tasks
from eo_assets.workers.where import Workers
from eo_assets_tests.large_archive import write_large_archive
from eo_assets_tests.place import DAY, Place

MODELLED = (1, 2, 4, 8, 16, 32, 64)


def timed_block(task: BlockTask) -> tuple[float, BlockSummary]:
    """Compute a block; give the CPU seconds it took, of all threads of the worker."""
    before = time.process_time()
    summary = compute_block(task)
    return time.process_time() - before, summary


class Blocks:
    """Runs the tasks of a step: all in this process, but for the blocks, which it measures."""

    def __init__(self, n: int, memory_limit: str) -> None:
        self._workers = Workers(n_workers=n, memory_limit=memory_limit)
        self.n, self.found = n, {}

    def map(self, function: Any, tasks: Any, *, label: str) -> Any:
        if function is not compute_block:
            return [function(task) for task in tasks]
        with open_cluster(self._workers) as cluster, cluster.connect("benchmark") as client:
            prepare(client, load_settings(), wait_s=60)
            pids = list(client.run(os.getpid).values())
            # each worker imports what it needs before the clock starts
            run_tasks(client, timed_block, tasks[: 2 * self.n], key="warm", tell=lambda _: None)
            peak, over = [0], threading.Event()
            watch = threading.Thread(target=_watch, args=(pids, peak, over))
            watch.start()
            started = time.perf_counter()
            results = run_tasks(client, timed_block, tasks, key=label, tell=lambda _: None)
            wall = time.perf_counter() - started
            over.set()
            watch.join()
        seconds = [one for one, _ in results]
        self.found = {
            "workers": self.n,
            "blocks": len(tasks),
            "wall_s": round(wall, 2),
            "cpu_s": round(sum(seconds), 2),
            "peak_worker_mb": round(peak[0] / 2**20),
            "seconds": seconds,
        }
        return [summary for _, summary in results]


def _watch(pids: list[int], peak: list[int], over: threading.Event) -> None:
    processes = [psutil.Process(pid) for pid in pids]
    while not over.wait(0.1):
        peak[0] = max(peak[0], *(process.memory_info().rss for process in processes))


def model(seconds: list[float], n: int, task_s: float) -> float:
    """Give the time n workers take for blocks of these durations, longest first."""
    free = [0.0] * n
    for number, duration in enumerate(sorted(seconds, reverse=True)):
        # the scheduler hands one task after the other
        start = max(heapq.heappop(free), number * task_s)
        heapq.heappush(free, start + duration)
    return max(free)


def measure(place: Place, n: int, block_px: int, memory_limit: str) -> dict[str, Any]:
    runner = Blocks(n, memory_limit)
    mosaic.materialise(
        Partition(place.region, dt.date.fromisoformat(DAY)),
        store=Store(place.outputs), runner=runner, failure_budget=0.1, block_px=block_px,
    )  # fmt: skip
    return runner.found


def middle(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give the medians of several runs with the same number of workers."""
    figures = ("workers", "blocks", "wall_s", "cpu_s", "peak_worker_mb")
    medians = {name: round(statistics.median(run[name] for run in runs), 2) for name in figures}
    return {**medians, "rounds": len(runs)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--band", nargs="+", default=["red", "nir"])
    parser.add_argument("--side-px", type=int, help="edge of the region; the tile's when not given")
    parser.add_argument("--block-px", type=int, default=1024)
    parser.add_argument("--memory-limit", default="1GiB")
    parser.add_argument("--task-ms", type=float, default=1.0)
    parser.add_argument("--json", type=Path, help="file for the figures")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        region = write_large_archive(
            root / "archive", bands=tuple(given.band), side_px=given.side_px
        )
        place = Place(str(root / "archive"), root / "outputs", region)
        assert place.run(steps=("stac_items", "band_stack"), dask_workers=1).success
        rounds = [
            [measure(place, n, given.block_px, given.memory_limit) for n in given.workers]
            for _ in range(given.rounds)
        ]
    durations = rounds[-1][0]["seconds"]
    measured = [middle(runs) for runs in zip(*rounds, strict=True)]
    modelled = [
        {"workers": n, "model_s": round(model(durations, n, given.task_ms / 1000), 2)}
        for n in MODELLED
    ]
    result = {"measured": measured, "modelled_not_measured": modelled}
    for one in measured:
        print("measured ", one)
    for one in modelled:
        print("modelled ", one)
    if given.json:
        given.json.write_text(json.dumps(result))


if __name__ == "__main__":
    main()
