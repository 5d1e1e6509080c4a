"""The chain's own ``mosaic`` and ``geotiff``, once, measured from inside; see ``mosaic.py``.

    python benchmarks/mosaic_chain.py FOLDER CASE OUTPUT [--workers N] [--grow] [--root URL]

Items, cube and cluster are made before the clock starts, as they are in a run of the six assets.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import itertools
import json
import shutil
import time
from pathlib import Path

import numpy as np
import psutil
from distributed import Client
from pyproj import Transformer
from scenes import CASES, CRS

from eo_assets.catalog.regions import Region
from eo_assets.pipeline import band_stack, geotiff, mosaic
from eo_assets.pipeline.tasks import InProcess
from eo_assets.settings import load_settings
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Record, Store
from eo_assets.workers.clusters import open_cluster
from eo_assets.workers.where import Workers

NAMES = {
    "B02": "blue", "B03": "green", "B04": "red", "B08": "nir", "B05": "rededge1",
    "B06": "rededge2", "B07": "rededge3", "B8A": "nir08", "B11": "swir16", "B12": "swir22",
}  # fmt: skip


class Cluster:
    """Runs tasks on a Dask cluster, and waits."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def map(self, function, tasks, *, label):  # noqa: ARG002
        return self._client.gather([self._client.submit(function, t, pure=False) for t in tasks])


def prepare(folder: Path, case, store: Store, *, grow: bool, root: str) -> Partition:
    """Publish what comes before the mosaic: the items, and the cube on the region's grid."""
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
    items = [json.loads(path.read_text()) for path in sorted(folder.rglob("item.json"))]
    if root:
        for item in items:
            for stac_asset in item["assets"].values():
                stac_asset["href"] = stac_asset["href"].replace(str(folder), root)
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


def processor_time() -> float:
    """Seconds of this process and those it started."""
    me = psutil.Process()
    times = [p.cpu_times() for p in (me, *me.children(recursive=True))]
    return sum(t.user + t.system for t in times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("case", choices=CASES)
    parser.add_argument("output", type=Path)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--grow", action="store_true")
    parser.add_argument("--root", default="")
    options = parser.parse_args()
    case = CASES[options.case]
    shutil.rmtree(options.output, ignore_errors=True)
    store = Store(options.output)
    with contextlib.ExitStack() as stack:
        runner = InProcess()
        if options.workers:
            cluster = stack.enter_context(
                open_cluster(Workers(n_workers=options.workers, memory_limit="4GiB"))
            )
            client = stack.enter_context(Client(cluster.again["address"], set_as_default=False))
            client.run(_imports)
            runner = Cluster(client)
        partition = prepare(options.folder, case, store, grow=options.grow, root=options.root)
        for _ in range(2):
            print("ready", flush=True)
            input()
            print(json.dumps(once(partition, store, runner, options.output)), flush=True)
        input()


def once(partition: Partition, store: Store, runner, output: Path) -> dict:
    settings = load_settings()
    started, cpu = time.perf_counter(), processor_time()
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
        "cpu": processor_time() - cpu,
        "file": str(next(output.rglob("*.tif"))),
    }


def _imports() -> None:
    import eo_assets.pipeline.mosaic  # noqa: F401


if __name__ == "__main__":
    main()
