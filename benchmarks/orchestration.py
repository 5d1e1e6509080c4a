"""What Dagster costs: a backfill's runs against a plain loop over the same functions.

Both use the same Dask cluster from the same process and write to empty folders, in turns:

    python benchmarks/orchestration.py
    python benchmarks/orchestration.py --region bucegi --first 2023-07-15 --days 1

By default thirty days of two small, coarse regions: nearly all dates are empty, as with any real
archive, and what Dagster records of them is all there is to see. A region of real size tells what
it costs beside real work.

Runs are those a backfill launches - ten dates of a region each, in-process executor, records in
SQLite - without the process a run starts in (some seconds) and without the backfill daemon, which
looks every 30 s for runs to launch.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import tempfile
import time
from pathlib import Path

import psutil
from distributed import Client

from eo_assets.catalog.regions import Region, load_regions
from eo_assets.definitions import build_defs
from eo_assets.defs.instance import open_instance
from eo_assets.defs.jobs import CHAIN
from eo_assets.pipeline import band_stack, clusters, geotiff, mosaic, reports, stac_items
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.settings import load_settings
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store
from eo_assets.workers.clusters import open_cluster
from eo_assets.workers.where import Workers

DATES_A_RUN = 10


def region(name: str, west: float) -> Region:
    ring = [(west, 45.38), (west + 0.08, 45.38), (west + 0.08, 45.44), (west, 45.44), (west, 45.38)]
    outline = {"type": "Polygon", "coordinates": [[list(point) for point in ring]]}
    return Region(id=name, title=name, geometry=outline, resolution_m=60)


class Plain:
    """Runs tasks on the cluster, and waits."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def map(self, function, tasks, *, label):  # noqa: ARG002
        futures = [self._client.submit(function, task, pure=False) for task in tasks]
        return self._client.gather(futures)


def loop(partitions, settings, address):
    store = Store(settings.outputs)
    budget = settings.failure_budget
    with Client(address, set_as_default=False) as client:
        runner = Plain(client)
        for partition in partitions:
            given = {"store": store, "runner": runner}
            search = stac_items.Search(
                catalog=settings.catalog, url=settings.catalog, partition=partition
            )
            stac_items.materialise(search, **given)
            band_stack.materialise(partition, failure_budget=budget, **given)
            mosaic.materialise(
                partition, failure_budget=budget, block_px=settings.block_px, **given
            )
            geotiff.materialise(partition, **given)
            options = clusters.ClusterOptions(n_clusters=settings.clusters)
            clusters.materialise(partition, options=options, **given)
            reports.materialise(partition, **given)


def runs(partitions, settings, regions):
    job = build_defs(settings, regions=regions, show=lambda *_event: None).resolve_job_def(CHAIN)
    groups = itertools.groupby(partitions, key=lambda partition: partition.region.id)
    with open_instance(settings.dagster_home) as instance:
        for _, group in groups:
            members = list(group)
            for start in range(0, len(members), DATES_A_RUN):
                chunk = members[start : start + DATES_A_RUN]
                job.execute_in_process(
                    instance=instance,
                    run_config={"loggers": {"console": {"config": {}}}},
                    tags={
                        "dagster/asset_partition_range_start": chunk[0].key,
                        "dagster/asset_partition_range_end": chunk[-1].key,
                    },
                )


def measured(work) -> tuple[float, float]:
    """Wall and processor seconds, those of the cluster's processes included."""

    def cpu() -> float:
        own = psutil.Process()
        times = [p.cpu_times() for p in (own, *own.children(recursive=True))]
        return sum(t.user + t.system for t in times)

    wall, before = time.perf_counter(), cpu()
    work()
    return time.perf_counter() - wall, cpu() - before


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--region", help="A region's id, in place of the two small ones.")
    parser.add_argument("--first", type=dt.date.fromisoformat, default=dt.date(2023, 7, 1))
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    given = arguments()
    small = {one.id: one for one in (region("west", 25.40), region("east", 25.48))}
    regions = {given.region: load_regions()[given.region]} if given.region else small
    partitions = [
        Partition(one, given.first + dt.timedelta(days=n))
        for one in regions.values()
        for n in range(given.days)
    ]
    warm_up = [Partition(one, dt.date(2023, 7, 15)) for one in small.values()]
    base = load_settings()
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedCatalog(base.sample_dir, writable=False) as catalog,
        open_cluster(Workers(n_workers=2, memory_limit="2GiB")) as cluster,
    ):
        address = cluster.again["address"]
        places = (Path(folder) / str(number) for number in itertools.count())

        def work(name: str, some: list[Partition], known: dict[str, Region]) -> tuple[float, float]:
            place = next(places)
            own = {"outputs": place / "outputs", "dagster_home": place / "home"}
            settings = base.model_copy(
                update={"catalog": catalog.url, "dask_address": address, **own}
            )
            if name == "loop":
                return measured(lambda: loop(some, settings, address))
            return measured(lambda: runs(some, settings, known))

        for name in ("runs", "loop"):
            work(name, warm_up, small)
        totals = {"loop": [0.0, 0.0], "runs": [0.0, 0.0]}
        print(f"{len(partitions)} partitions; wall s, processor s")
        for number in range(given.rounds):
            for name in ("runs", "loop") if number % 2 else ("loop", "runs"):
                wall, cpu = work(name, partitions, regions)
                print(f"{name}  {wall:7.1f}  {cpu:7.1f}", flush=True)
                totals[name] = [totals[name][0] + wall, totals[name][1] + cpu]
    wall, cpu = (r / max(p, 1e-9) for r, p in zip(totals["runs"], totals["loop"], strict=True))
    more = (totals["runs"][1] - totals["loop"][1]) / given.rounds / len(partitions)
    print(f"runs of Dagster against the loop: wall x {wall:.2f}, processor x {cpu:.2f}")
    print(f"processor seconds more for a partition: {more:.2f}")


if __name__ == "__main__":
    main()
