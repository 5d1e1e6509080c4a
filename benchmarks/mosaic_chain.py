"""The chain's own ``mosaic`` and ``geotiff``, measured from inside; see ``mosaic.py``.

    python benchmarks/mosaic_chain.py FOLDER CASE OUTPUT ROOT... [--workers N] [--grow]

Items, cube and cluster are made before the clock starts, as they are in a run of the six assets,
and by another process, so that none of their files is open yet.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import itertools
import json
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from distributed import Client
from measuring import cpu_s
from pyproj import Transformer
from scenes import CASES, CRS, Case

from eo_assets.catalog.regions import Region
from eo_assets.pipeline import band_stack, geotiff, mosaic
from eo_assets.pipeline.tasks import InProcess
from eo_assets.settings import load_settings
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Record, Store
from eo_assets.workers.clusters import open_cluster
from eo_assets.workers.tasks import run_tasks
from eo_assets.workers.where import Workers

NAMES = {
    "B02": "blue", "B03": "green", "B04": "red", "B08": "nir", "B05": "rededge1",
    "B06": "rededge2", "B07": "rededge3", "B8A": "nir08", "B11": "swir16", "B12": "swir22",
}  # fmt: skip


class Cluster:
    """Runs tasks on a Dask cluster, and waits."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def map(self, function, tasks, *, label):
        key = f"{label}-{time.time_ns():x}"
        return run_tasks(self._client, function, tasks, key=key, tell=lambda _: None)


def prepare(folder: Path, case: Case, output: Path, root: str, grow: bool) -> Partition:  # noqa: FBT001
    """Publish what comes before the mosaic: the items, and the cube on the region's grid."""
    store = Store(output)
    lonlat = Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)
    # what is straight in metres is not in degrees: many short pieces
    closed = np.array([*case.outline, case.outline[0]], float)
    pieces = [np.linspace(a, b, 200, endpoint=False) for a, b in itertools.pairwise(closed)]
    ring = [list(lonlat.transform(x, y)) for x, y in np.concatenate([*pieces, closed[:1]])]
    region = Region(
        id=case.name,
        title=case.name,
        geometry={"type": "Polygon", "coordinates": [ring]},
        bands=tuple(NAMES[band] for band in case.bands),
        crs=CRS,
        resolution_m=case.resolution_m,
    )
    partition = Partition(region, dt.date(2023, 7, 1), "monthly")
    items = [
        json.loads(path.read_text().replace(str(folder), root))
        for path in sorted(folder.rglob("item.json"))
    ]
    with store.publish(partition, "stac_items") as place:
        (place / "items.json").write_text(json.dumps({"features": items}))
        record = Record(
            step="stac_items", region=region.id, collection=region.collection,
            date=str(partition.date), files={"items": "items.json"}, digest="made for measuring",
        )  # fmt: skip
        store.write_record(place, record)
    band_stack.materialise(partition, store=store, runner=InProcess(), failure_budget=0)
    if not grow:
        # the peers take classes as they are
        path = store.folder(partition, "band_stack") / "cube.json"
        cube = json.loads(path.read_text())
        for node in cube["nodes"].values():
            if node["op"] == "valid_pixels":
                node["opening_m"] = node["dilation_m"] = 0
        path.write_text(json.dumps(cube))
    return partition


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("output", type=Path)
    parser.add_argument("roots", nargs="+")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--grow", action="store_true")
    options = parser.parse_args()
    shutil.rmtree(options.output, ignore_errors=True)
    with contextlib.ExitStack() as stack:
        runner = InProcess()
        if options.workers:
            cluster = stack.enter_context(
                open_cluster(Workers(n_workers=options.workers, memory_limit="4GiB"))
            )
            client = stack.enter_context(Client(cluster.again["address"], set_as_default=False))
            client.run(_imports)
            runner = Cluster(client)
        given = [
            (options.folder, CASES[options.case], options.output / str(n), root, options.grow)
            for n, root in enumerate(options.roots)
        ]
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
            partitions = list(other.map(prepare, *zip(*given, strict=True)))
        for partition, (_, _, output, *_) in zip(partitions, given, strict=True):
            print("ready", flush=True)
            if not sys.stdin.readline():
                return
            print(json.dumps(once(partition, runner, output)), flush=True)


def once(partition: Partition, runner, output: Path) -> dict:
    settings, store = load_settings(), Store(output)
    started, cpu = time.perf_counter(), cpu_s()
    mosaic.materialise(
        partition, store=store, runner=runner, failure_budget=0, block_px=settings.block_px
    )
    between = time.perf_counter()
    geotiff.materialise(partition, store=store, runner=runner)
    ended = time.perf_counter()
    return {
        "wall": ended - started,
        "mosaic_s": between - started,
        "geotiff_s": ended - between,
        "cpu": cpu_s() - cpu,
        "file": str(next(output.rglob("*.tif"))),
    }


def _imports() -> None:
    import eo_assets.pipeline.mosaic  # noqa: F401


if __name__ == "__main__":
    main()
