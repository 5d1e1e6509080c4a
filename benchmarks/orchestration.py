"""What Dagster costs: a backfill's runs against a plain loop over the same functions.

Both use the same Dask cluster from the same process, write to empty folders, and must give the same
products; they take turns, and who is first changes from round to round:

    python benchmarks/orchestration.py
    python benchmarks/orchestration.py --region bucegi --first 2023-07-15 --days 1
    python benchmarks/orchestration.py --designs

By default thirty days of two small, coarse regions: nearly all dates are empty, as with any real
archive, and what Dagster records of them is all there is to see. A region of real size tells what
it costs beside real work. ``--designs`` also measures other ways to run and to record.

Runs are those a backfill launches - so many dates of a region each, in-process executor, records in
a SQLite home that is there already - without the process a run starts in (some seconds) and without
the backfill daemon, which looks every 30 s for runs to launch.
"""

from __future__ import annotations

import argparse
import datetime as dt
import itertools
import json
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from distributed import Client
from measuring import cpu_s

from eo_assets.catalog.regions import Region, load_regions
from eo_assets.definitions import STEPS, build_defs
from eo_assets.defs.build import DATES_A_RUN
from eo_assets.defs.instance import DAGSTER_YAML, open_instance
from eo_assets.defs.jobs import CHAIN
from eo_assets.pipeline import band_stack, clusters, geotiff, mosaic, reports, stac_items
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.settings import EVENTS_TOGETHER, Settings, load_settings
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store
from eo_assets.workers.clusters import open_cluster
from eo_assets.workers.tasks import run_tasks
from eo_assets.workers.where import Workers

DAGSTERS_OWN_LOG = "storage: {sqlite: {base_dir: {env: DAGSTER_HOME}}}\n"


@dataclass(frozen=True)
class Design:
    """A way to run and to record.

    Attributes:
        dates_a_run: Dates that share a run.
        own_log: Records in Dagster's own event log, not in the one that stays open.
        events_together: Whether events that come together are stored together.
    """

    dates_a_run: int = DATES_A_RUN
    own_log: bool = False
    events_together: bool = True


DESIGNS = {
    "runs": Design(),
    "thirty dates a run": Design(dates_a_run=30),
    "each event alone": Design(events_together=False),
    "Dagster's own log": Design(own_log=True, events_together=False),
}


def region(name: str, west: float) -> Region:
    ring = [(west, 45.38), (west + 0.08, 45.38), (west + 0.08, 45.44), (west, 45.44), (west, 45.38)]
    outline = {"type": "Polygon", "coordinates": [[list(point) for point in ring]]}
    return Region(id=name, title=name, geometry=outline, resolution_m=60)


class Plain:
    """Runs tasks on the cluster, and waits."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def map(self, function, tasks, *, label):
        key = f"{label}-{time.time_ns():x}"
        return run_tasks(self._client, function, tasks, key=key, tell=lambda _: None)


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


def runs(
    partitions: Sequence[Partition],
    settings: Settings,
    regions: Mapping[str, Region],
    design: Design,
) -> None:
    together = EVENTS_TOGETHER if design.events_together else 0
    os.environ["DAGSTER_EVENT_BATCH_SIZE"] = str(together)  # noqa: TID251 -- Dagster's own
    defs = build_defs(settings, regions=dict(regions), show=lambda *_event: None)
    job = defs.resolve_job_def(CHAIN)
    groups = itertools.groupby(partitions, key=lambda partition: partition.region.id)
    with open_instance(settings.dagster_home) as instance:
        for _, group in groups:
            members = list(group)
            for start in range(0, len(members), design.dates_a_run):
                chunk = members[start : start + design.dates_a_run]
                job.execute_in_process(
                    instance=instance,
                    run_config={"loggers": {"console": {"config": {}}}},
                    tags={
                        "dagster/asset_partition_range_start": chunk[0].key,
                        "dagster/asset_partition_range_end": chunk[-1].key,
                    },
                )


def prepare(home: Path, design: Design) -> None:
    """Make the home, which is there when a run starts."""
    home.mkdir(parents=True)
    if design.own_log:
        os.environ["DAGSTER_HOME"] = str(home)  # noqa: TID251 -- named in the file
        (home / "dagster.yaml").write_text(DAGSTER_YAML + DAGSTERS_OWN_LOG)
    with open_instance(home) as instance:
        instance.get_runs(limit=1)


def digests(partitions: Sequence[Partition], outputs: Path) -> list[str]:
    """Say what has been made."""
    store = Store(outputs)
    return [store.read_record(one, step).digest for one in partitions for step in STEPS]


def measured(work) -> tuple[float, float]:
    """Wall and processor seconds, those of the cluster's processes included."""
    wall, before = time.perf_counter(), cpu_s()
    work()
    return time.perf_counter() - wall, cpu_s() - before


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--region", help="A region's id, in place of the two small ones.")
    parser.add_argument("--first", type=dt.date.fromisoformat, default=dt.date(2023, 7, 1))
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--regions", type=int, default=2, help="How many of the small ones.")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3600, help="No round begins later.")
    parser.add_argument("--designs", action="store_true", help="Measure the other designs, too.")
    parser.add_argument("--json", type=Path, help="File for the figures.")
    return parser.parse_args()


def main() -> None:
    given = arguments()
    both = (region("west", 25.40), region("east", 25.48))
    small = {one.id: one for one in both[: given.regions]}
    regions = {given.region: load_regions()[given.region]} if given.region else small
    partitions = [
        Partition(one, given.first + dt.timedelta(days=n))
        for one in regions.values()
        for n in range(given.days)
    ]
    ways = ["loop", *(DESIGNS if given.designs else ["runs"])]
    taken: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    made: dict[str, list[str]] = {}
    base = load_settings()
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedCatalog(base.sample_dir, writable=False) as catalog,
        open_cluster(Workers(n_workers=2, memory_limit="2GiB")) as cluster,
    ):
        address = cluster.again["address"]
        places = (Path(folder) / str(number) for number in itertools.count())

        def work(way: str, some: list[Partition], known: dict[str, Region]) -> tuple[float, float]:
            place = next(places)
            own = {"outputs": place / "outputs", "dagster_home": place / "home"}
            settings = base.model_copy(
                update={"catalog": catalog.url, "dask_address": address, **own}
            )
            if way == "loop":
                took = measured(lambda: loop(some, settings, address))
            else:
                prepare(settings.dagster_home, DESIGNS[way])
                took = measured(lambda: runs(some, settings, known, DESIGNS[way]))
            made[way] = digests(some, settings.outputs)
            return took

        for way in ("runs", "loop"):
            work(way, [Partition(one, dt.date(2023, 7, 15)) for one in small.values()], small)
        print(f"{len(partitions)} partitions; wall s, processor s")
        until = time.monotonic() + given.seconds
        for number in range(given.rounds):
            if number and time.monotonic() > until:
                break
            for way in reversed(ways) if number % 2 else ways:
                taken[way].append(work(way, partitions, regions))
                wall, cpu = taken[way][-1]
                print(f"{way:<20}{wall:7.1f}  {cpu:7.1f}", flush=True)
            assert all(made[way] == made["loop"] for way in ways), "not the same products"
    report(taken, len(partitions), given.json)


def report(taken: dict[str, list[tuple[float, float]]], partitions: int, file: Path | None) -> None:
    middle = {
        way: [statistics.median(column) for column in zip(*times, strict=True)]
        for way, times in taken.items()
    }
    figures = {"partitions": partitions, "rounds": len(taken["loop"]), "ways": {}}
    loop_wall, loop_cpu = middle["loop"]
    for way, (wall, cpu) in middle.items():
        figures["ways"][way] = {
            "wall_s": round(wall, 2),
            "cpu_s": round(cpu, 2),
            "wall_ratio": round(wall / loop_wall, 3),
            "cpu_ratio": round(cpu / loop_cpu, 3),
            "cpu_s_more_a_partition": round((cpu - loop_cpu) / partitions, 4),
        }
    for way, one in figures["ways"].items():
        print(
            f"{way:<20} against the loop: wall x {one['wall_ratio']:.2f}, processor x "
            f"{one['cpu_ratio']:.2f}; {one['cpu_s_more_a_partition']:.3f} s more a partition"
        )
    if file:
        file.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
