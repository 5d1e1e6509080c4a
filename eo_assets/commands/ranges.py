"""Many dates and regions from the command line: one partition after the other, none stops another.

Each partition is a run of its own in Dagster's records; all share one Dask cluster.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence

import dagster as dg
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from eo_assets.commands.materialize import Chain, result_of
from eo_assets.commands.progress import Progress, quiet
from eo_assets.commands.shared_workers import shared_workers
from eo_assets.definitions import STEPS
from eo_assets.defs.instance import open_instance
from eo_assets.errors import ArtifactError, EoAssetsError, StorageError
from eo_assets.settings import Settings
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store


def run_range(
    settings: Settings, *, partitions: Sequence[Partition], missing: bool, console: Console
) -> None:
    """Materialise all assets of many partitions, telling of each as it is finished.

    Args:
        settings: The settings.
        partitions: The partitions, in the order to make them in.
        missing: Leave out partitions whose products are all there.
        console: Where to show things.

    Raises:
        StorageError: Products cannot be stored: no partition could be.
        EoAssetsError: Some partitions failed; the others are made.
    """
    store = Store(settings.outputs)
    wanted = [p for p in partitions if not (missing and is_finished(store, p))]
    if len(wanted) < len(partitions):
        console.print(f"{len(partitions) - len(wanted)} partitions are there already.")
    if not wanted:
        return
    console.print(f"{len(wanted)} partitions from {settings.catalog}")
    failures: dict[str, EoAssetsError] = {}
    table = Table("partition", "s", "result", title=f"{len(wanted)} partitions")
    with contextlib.ExitStack() as stack:
        ready = shared_workers(settings, stack)
        progress = Progress(console)
        chain = Chain(ready, wanted, progress)
        instance = stack.enter_context(open_instance(settings.dagster_home))
        stack.enter_context(quiet())
        for number, partition in enumerate(wanted, start=1):
            started = time.perf_counter()
            progress.begin(f"{number}/{len(wanted)}  {partition.key}")
            failure = _attempt(chain, partition, instance, progress)
            if failure:
                failures[partition.key] = failure
            seconds = f"{time.perf_counter() - started:.1f}"
            result = _result(store, partition, failure)
            table.add_row(partition.key, seconds, result)
            mark = "[red]✗[/]" if failure else "[green]✓[/]"
            console.print(f"{mark}  {partition.key}  {seconds} s  {result}", soft_wrap=True)
    console.print()
    console.print(table)
    if failures:
        raise EoAssetsError(
            f"{len(failures)} of {len(wanted)} partitions failed: {', '.join(failures)}.",
            "Their reasons are above. Repeat the command with --missing when they are mended.",
        )


def is_finished(store: Store, partition: Partition) -> bool:
    """Tell whether a partition's last product is there and made from those that are there.

    Args:
        store: Where products are.
        partition: The partition.

    Returns:
        True when nothing would be gained by making it again from the same scenes.
    """
    try:
        records = {step: store.read_record(partition, step) for step in STEPS}
    except ArtifactError:
        return False
    return all(
        records[above].digest == digest
        for record in records.values()
        for above, digest in record.upstream.items()
        if above in records
    )


def _attempt(
    chain: Chain, partition: Partition, instance: dg.DagsterInstance, progress: Progress
) -> EoAssetsError | None:
    try:
        with progress.live(transient=True):
            chain.run(partition, instance)
    except StorageError:
        raise  # the next one could not be stored either
    except EoAssetsError as error:
        return error
    return None


def _result(store: Store, partition: Partition, failure: EoAssetsError | None) -> str:
    if failure:
        return f"[red]{type(failure).__name__}[/]: {escape(failure.problem)}"
    mosaic = store.read_record(partition, "mosaic")
    return escape(result_of(mosaic))
