"""The whole chain for one partition from the command line, on the same assets the UI shows."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from eo_assets.catalog.regions import Region, load_regions
from eo_assets.cube.grid import region_geobox
from eo_assets.definitions import STEPS, build_defs
from eo_assets.defs.instance import open_instance
from eo_assets.defs.jobs import CHAIN
from eo_assets.defs.partitions import dates_from
from eo_assets.errors import ConfigurationError, EoAssetsError
from eo_assets.settings import Settings
from eo_assets.storage.partition import Partition, period_start
from eo_assets.storage.store import Record, Store


def run_chain(
    settings: Settings, *, region: Region, date: dt.date, collection: str, console: Console
) -> None:
    """Materialise all assets of a partition, showing progress, and list what was made.

    Args:
        settings: The settings.
        region: The region, one of the settings' or another.
        date: Solar day, or any day of the week or month when partitions are that long.
        collection: Collection to use instead of the region's own; empty for none.
        console: Where to show things.

    Raises:
        ConfigurationError: The date has no partition, or something given is wrong.
        EoAssetsError: What made a step fail.
    """
    start = period_start(date, settings.cadence)
    partition = Partition(region.with_collection(collection or None), start, settings.cadence)
    region_geobox(partition.region)  # a region without a usable grid fails before any request
    _check_date(partition, settings)
    progress = _Progress(console)
    defs = build_defs(
        settings.model_copy(update={"max_retries": 0}),
        regions={**load_regions(settings.regions), region.id: region},
        collection=collection,
        show=progress.show,
    )
    console.print(
        f"[bold]{region.title}[/], {_period(partition)}, {partition.region.collection} from "
        f"{settings.catalog}"
    )
    with open_instance(settings.dagster_home) as instance, _quiet(), progress.live():
        _execute(defs, partition, instance)
    _summary(Store(settings.outputs), partition, console)


def _execute(defs: dg.Definitions, partition: Partition, instance: dg.DagsterInstance) -> None:
    job = defs.resolve_job_def(CHAIN)
    key = dg.MultiPartitionKey({"date": str(partition.date), "region": partition.region.id})
    try:
        job.execute_in_process(
            partition_key=key,
            instance=instance,
            # without being named here, Dagster's own console logger runs instead
            run_config={"loggers": {"console": {"config": {}}}},
            tags={"eo_assets/region": partition.region.id, "eo_assets/date": str(partition.date)},
        )
    except dg.Failure as failure:
        if isinstance(failure.__cause__, EoAssetsError):
            raise failure.__cause__ from None
        raise


def _check_date(partition: Partition, settings: Settings) -> None:
    dates = dates_from(settings.first_date, settings.cadence)
    if not dates.has_partition_key(str(partition.date)):
        first, last = dates.get_first_partition_key(), dates.get_last_partition_key()
        raise ConfigurationError(
            f"{partition.date} has no {settings.cadence} partition; partitions go from {first} to "
            f"{last}.",
            "Choose a date in between, or set EO_ASSETS_FIRST_DATE.",
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep other loggers from writing into the progress display."""
    loggers = [logging.getLogger(name) for name in ("dagster", "distributed", "bokeh")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


_MARKS = {
    "waiting": Text("·", style="dim"),
    "done": Text("✓", style="green"),
    "failed": Text("✗", style="red"),
}


class _Progress:
    """One line a step: waiting, running with what it is doing, done or failed."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._state = dict.fromkeys(STEPS, "waiting")
        self._text = dict.fromkeys(STEPS, "")
        self._current = ""
        self._live: Live | None = None

    @contextmanager
    def live(self) -> Iterator[None]:
        with Live(self._table(), console=self._console, refresh_per_second=8) as self._live:
            yield

    def show(self, kind: str, text: str) -> None:
        if kind == "start":
            self._current = text
            self._state[text] = "running"
        elif kind in {"done", "failed"}:
            self._state[text] = kind
        elif self._current:
            # messages start with the partition's key, which is known here
            self._text[self._current] = text.partition(": ")[2] or text
        if self._live:
            self._live.update(self._table())

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        for step in STEPS:
            state = self._state[step]
            mark = _MARKS.get(state) or Spinner("dots")
            table.add_row(mark, step, Text(self._text[step], style="dim"))
        return table


def _summary(store: Store, partition: Partition, console: Console) -> None:
    table = Table("product", "result", title=f"{partition.region.title}, {_period(partition)}")
    first_empty, places = None, []
    for step in STEPS:
        record = store.read_record(partition, step)
        folder = store.folder(partition, step)
        first_empty = first_empty or (record if record.empty else None)
        table.add_row(step, _result(record))
        if main_file := _main_file(record):
            places.append((step, _shown(folder / main_file)))
    console.print()
    console.print(table)
    for step, place in places:
        # paths are for copying: never wrapped, never cut
        console.print(f"{step:<10}  {place}", soft_wrap=True)
    if first_empty:
        from eo_assets.pipeline.report_words import reason

        where = f"[bold]{first_empty.empty}[/], from {first_empty.step} on"
        console.print(f"{reason(first_empty.empty)} ({where})", soft_wrap=True)


def _period(partition: Partition) -> str:
    if partition.date == partition.last_date:
        return str(partition.date)
    return f"{partition.date} to {partition.last_date}"


def _main_file(record: Record) -> str:
    roles = ("report", "classes", "geotiff")
    return next((record.files[role] for role in roles if role in record.files), "")


def _shown(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _result(record: Record) -> str:
    if record.empty:
        return f"empty: {record.empty}"
    wanted = {
        "stac_items": "{items} items, {excluded} left out",
        "band_stack": "{scenes} scenes, {width_px} × {height_px} px of {resolution_m:g} m",
        "mosaic": "{valid_pct:.1f} % valid, {masked_pct:.1f} % cloud",
        "geotiff": "{bands} bands, {bytes:,} bytes",
        "clusters": "{classes} classes, silhouette {silhouette:.2f}",
        "reports": "{figures} figures, {page_bytes:,} bytes",
    }
    return wanted[record.step].format(**record.summary)
