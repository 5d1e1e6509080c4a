"""What is made from a mosaic on demand, from the command line."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence

import dagster as dg
from rich.console import Console
from rich.table import Table

from eo_assets.catalog.regions import Region, load_regions
from eo_assets.commands.materialize import Chain, result_of, summarise, title_of
from eo_assets.commands.progress import Progress, quiet
from eo_assets.commands.shared_workers import shared_workers
from eo_assets.definitions import STEPS, build_defs
from eo_assets.defs.instance import open_instance
from eo_assets.defs.jobs import application_job_name, region_job_name, year_job_name
from eo_assets.errors import EoAssetsError
from eo_assets.places import place
from eo_assets.settings import Settings
from eo_assets.storage.partition import Partition, WholeRegion
from eo_assets.storage.store import Store

_MOSAIC = "mosaic"


def run_application(
    settings: Settings,
    name: str,
    *,
    partitions: Sequence[Partition],
    config: Mapping[str, object],
    console: Console,
) -> None:
    """Make an application of each partition, showing progress, and say what came of it.

    It is made from the mosaic that is there; where there is none, from the search on.

    Args:
        settings: The settings.
        name: The application's asset.
        partitions: What to make it of.
        config: What is chosen for it.
        console: Where to show things.

    Raises:
        EoAssetsError: What made a step fail.
    """
    store = Store(settings.outputs)
    for partition in partitions:
        there = store.has(partition, _MOSAIC)
        before = () if there else STEPS[: STEPS.index(_MOSAIC) + 1]
        steps = (*before, name)
        progress = Progress(console, steps)
        chain = Chain(
            settings.model_copy(update={"max_retries": 0}),
            [partition],
            progress,
            job=application_job_name(name),
        )
        console.print(title_of(partition, settings))
        with open_instance(settings.dagster_home) as instance, quiet(), progress.live():
            chain.run(partition, instance, steps=steps, config={name: {"config": dict(config)}})
        summarise(store, partition, console, steps=steps)


def run_of_years(
    settings: Settings,
    name: str,
    *,
    partitions: Sequence[Partition],
    config: Mapping[str, object],
    console: Console,
) -> None:
    """Make an asset of each region and year, showing progress, and say what came of it.

    Args:
        settings: The settings.
        name: The asset.
        partitions: Regions and years.
        config: What is chosen for it.
        console: Where to show things.

    Raises:
        EoAssetsError: What made it fail.
    """
    progress = Progress(console, (name,))
    with contextlib.ExitStack() as stack:
        ready = shared_workers(settings.model_copy(update={"max_retries": 0}), stack)
        chain = Chain(ready, partitions, progress, job=year_job_name(name))
        instance = stack.enter_context(open_instance(settings.dagster_home))
        for partition in partitions:
            console.print(title_of(partition, settings))
            with quiet(), progress.live():
                chosen = {name: {"config": dict(config)}}
                chain.run(partition, instance, steps=(name,), config=chosen)
            summarise(Store(settings.outputs), partition, console, steps=(name,))


def run_of_region(
    settings: Settings,
    name: str,
    *,
    region: Region,
    config: Mapping[str, object],
    console: Console,
) -> None:
    """Make an asset of a region as a whole, showing progress, and say what came of it.

    Args:
        settings: The settings.
        name: The asset.
        region: The region; it need not be among the settings'.
        config: What is chosen for the asset.
        console: Where to show things.

    Raises:
        EoAssetsError: What made it fail.
        dagster.Failure: It failed for a reason that is none of the project's own.
    """
    progress = Progress(console, (name,))
    defs = build_defs(
        settings.model_copy(update={"max_retries": 0}),
        regions={**load_regions(settings.regions), region.id: region},
        show=progress.show,
    )
    console.print(f"[bold]{region.title}[/]: {name} from {settings.catalog}")
    with open_instance(settings.dagster_home) as instance, quiet(), progress.live():
        try:
            result = defs.resolve_job_def(region_job_name(name)).execute_in_process(
                partition_key=region.id,
                instance=instance,
                run_config={
                    "loggers": {"console": {"config": {}}},
                    "ops": {name: {"config": dict(config)}} if config else {},
                },
            )
        except dg.Failure as failure:
            if isinstance(failure.__cause__, EoAssetsError):
                raise failure.__cause__ from None
            raise
    [event] = result.asset_materializations_for_node(name)
    folder = place(str(event.metadata["path"].value))
    # terrain lies with the elevation model's collection, not the region's own
    subject = WholeRegion(region.model_copy(update={"collection": folder.parent.parent.name}))
    record = Store(settings.outputs).read_record(subject, name)
    table = Table("product", "result", title=region.title)
    table.add_row(name, result_of(record))
    console.print(table)
    if page := record.files.get("report"):
        console.print(f"{name}  {folder / page}", soft_wrap=True)
