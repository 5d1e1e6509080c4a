"""What is made from a mosaic on demand, from the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console

from eo_assets.commands.materialize import Chain, summarise, title_of
from eo_assets.commands.progress import Progress, quiet
from eo_assets.definitions import STEPS
from eo_assets.defs.instance import open_instance
from eo_assets.defs.jobs import application_job_name
from eo_assets.settings import Settings
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import RECORD, Store

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
        mosaic = store.folder(partition, _MOSAIC) / RECORD
        before = () if mosaic.exists() else STEPS[: STEPS.index(_MOSAIC) + 1]
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
