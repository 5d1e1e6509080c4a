"""Assets from the command line: the same that the web interface shows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import dagster as dg
from rich.console import Console
from rich.table import Table

from eo_assets.catalog.regions import Region, load_regions
from eo_assets.commands.options import Days
from eo_assets.commands.progress import Progress, quiet
from eo_assets.cube.grid import region_geobox
from eo_assets.definitions import STEPS, build_defs
from eo_assets.defs.instance import open_instance
from eo_assets.defs.jobs import CHAIN
from eo_assets.defs.partitions import dates_from
from eo_assets.defs.run_tags import run_tags
from eo_assets.errors import ConfigurationError, EoAssetsError
from eo_assets.places import Place
from eo_assets.settings import Settings
from eo_assets.storage.emptiness import reason
from eo_assets.storage.partition import Cadence, Partition, period_start
from eo_assets.storage.store import Record, Store


def partitions_of(
    settings: Settings, *, regions: Iterable[Region], days: Days, collection: str
) -> list[Partition]:
    """List what there is to do, region by region.

    Args:
        settings: The settings.
        regions: The regions.
        days: Local solar days; a week or month is meant by any of its days.
        collection: Collection to use instead of the regions' own; empty for none.

    Returns:
        The partitions, each once.

    Raises:
        ConfigurationError: A day has no partition.
        RegionError: A region has no usable grid.
    """
    starts = dict.fromkeys(period_start(day, settings.cadence) for day in days)
    _check_dates(starts, settings, settings.cadence)
    partitions = []
    for region in regions:
        chosen = region.with_collection(collection or None)
        region_geobox(chosen)  # a region without a usable grid fails before any request
        partitions += [Partition(chosen, start, settings.cadence) for start in starts]
    return partitions


def years_of(settings: Settings, *, regions: Iterable[Region], years: str) -> list[Partition]:
    """List regions and years.

    Args:
        settings: The settings.
        regions: The regions.
        years: ``2024`` or ``2019..2025``, both included.

    Returns:
        The partitions, region by region.

    Raises:
        ConfigurationError: These are no years, or one has no partition.
        RegionError: A region has no usable grid.
    """
    first, _, last = years.partition("..")
    try:
        starts = [dt.date(year, 1, 1) for year in range(int(first), int(last or first) + 1)]
    except ValueError:
        starts = []
    if not starts:
        raise ConfigurationError(
            f"{years!r} are no years.", "Give one, or the first and the last: 2019..2025."
        )
    _check_dates(starts, settings, "yearly")
    partitions = []
    for region in regions:
        region_geobox(region)
        partitions += [Partition(region, start, "yearly") for start in starts]
    return partitions


class Chain:
    """The assets of a job, run in this process and recorded where the web interface looks.

    Args:
        settings: The settings.
        partitions: What is going to be made; their regions need not be among the settings'.
        progress: Shows what a run does.
        job: The job; by default the one from the search to the report.
    """

    def __init__(
        self,
        settings: Settings,
        partitions: Sequence[Partition],
        progress: Progress,
        *,
        job: str = CHAIN,
    ) -> None:
        regions = {partition.region.id: partition.region for partition in partitions}
        defs = build_defs(
            settings,
            regions={**load_regions(settings.regions), **regions},
            show=progress.show,
        )
        self._job = defs.resolve_job_def(job)

    def run(
        self,
        partition: Partition,
        instance: dg.DagsterInstance,
        *,
        steps: Sequence[str] = STEPS,
        config: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        """Materialise assets of a partition.

        Args:
            partition: The partition.
            instance: Dagster's records.
            steps: Which of the job's.
            config: What is chosen for them, by step.

        Raises:
            EoAssetsError: What made a step fail.
            dagster.Failure: A step failed for a reason that is none of the project's own.
        """
        key = dg.MultiPartitionKey({"date": str(partition.date), "region": partition.region.id})
        try:
            self._job.execute_in_process(
                partition_key=key,
                asset_selection=[dg.AssetKey(step) for step in steps],
                instance=instance,
                # without being named here, Dagster's own console logger runs instead
                run_config={"loggers": {"console": {"config": {}}}, "ops": dict(config)},
                tags=run_tags([partition]),
            )
        except dg.Failure as failure:
            if isinstance(failure.__cause__, EoAssetsError):
                raise failure.__cause__ from None
            raise


def run_chain(settings: Settings, *, partition: Partition, console: Console) -> None:
    """Materialise all assets of a partition, showing progress, and list what was made.

    Args:
        settings: The settings.
        partition: The partition.
        console: Where to show things.

    Raises:
        EoAssetsError: What made a step fail.
    """
    progress = Progress(console)
    # somebody is waiting: they are told at once, and try again when they think fit
    chain = Chain(settings.model_copy(update={"max_retries": 0}), [partition], progress)
    console.print(title_of(partition, settings))
    with open_instance(settings.dagster_home) as instance, quiet(), progress.live():
        chain.run(partition, instance)
    summarise(Store(settings.outputs), partition, console)


def title_of(partition: Partition, settings: Settings) -> str:
    """Say what is going to be made from what."""
    return (
        f"[bold]{partition.region.title}[/], {_period(partition)}, {partition.region.collection} "
        f"from {settings.catalog}"
    )


def _check_dates(starts: Iterable[dt.date], settings: Settings, cadence: Cadence) -> None:
    dates = dates_from(settings.first_date, cadence)
    for start in starts:
        if not dates.has_partition_key(str(start)):
            first, last = dates.get_first_partition_key(), dates.get_last_partition_key()
            raise ConfigurationError(
                f"{start} has no {cadence} partition; partitions go from {first} to {last}.",
                "Choose dates in between, or set EO_ASSETS_FIRST_DATE.",
            )


def summarise(
    store: Store, partition: Partition, console: Console, *, steps: Sequence[str] = STEPS
) -> None:
    """List what came of the steps of a partition, and where the files for people are."""
    table = Table("product", "result", title=f"{partition.region.title}, {_period(partition)}")
    first_empty, places = None, []
    for step in steps:
        record = store.read_record(partition, step)
        folder = store.folder(partition, step)
        first_empty = first_empty or (record if record.empty else None)
        table.add_row(step, result_of(record))
        if main_file := _main_file(record):
            places.append((step, _shown(folder / main_file)))
    console.print()
    console.print(table)
    for step, place in places:
        # paths are for copying: never wrapped, never cut
        console.print(f"{step:<10}  {place}", soft_wrap=True)
    if first_empty:
        where = f"[bold]{first_empty.empty}[/], from {first_empty.step} on"
        console.print(f"{reason(first_empty.empty)} ({where})", soft_wrap=True)


def _period(partition: Partition) -> str:
    if partition.date == partition.last_date:
        return str(partition.date)
    return f"{partition.date} to {partition.last_date}"


def _main_file(record: Record) -> str:
    roles = ("report", "classes", "geotiff", "polygons", "statistics")
    return next((record.files[role] for role in roles if role in record.files), "")


def _shown(path: Place) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def result_of(record: Record) -> str:
    """Say in a few words what came of a step."""
    if record.empty:
        return f"empty: {record.empty}"
    wanted = {
        "stac_items": "{items} items, {excluded} left out",
        "band_stack": "{scenes} scenes, {width_px} × {height_px} px of {resolution_m:g} m",
        "mosaic": "{valid_pct:.1f} % valid, {masked_pct:.1f} % cloud",
        "geotiff": "{bands} bands, {bytes:,} bytes",
        "clusters": "{classes} classes, silhouette {silhouette:.2f}",
        "index_maps": "{maps} maps: {names}",
        "change": "{index} since {earlier}, {compared_ha:,.0f} ha seen on both dates",
        "region_report": "{dates} dates, {with_image} with an image, {page_bytes:,} bytes",
        "segments": "{segments:,} segments of {mean_area_ha:.2f} ha, {method}",
        "parcel_stats": "{parcels:,} parcels, {parcels_seen:,} seen",
        "parcel_profiles": "{parcels:,} parcels on {dates} dates, {seasons:,} seasons",
        "burnt_areas": "{burnt_ha:,.1f} ha burnt, {sites_burnt} of {sites} sites touched",
        "burnt_area_report": "{years} years, {burnt_ha:,.1f} ha burnt, {repeat_ha:,.1f} ha again",
        "terrain": "{lowest_m:,.0f} to {highest_m:,.0f} m, {contours:,} contours",
        "land_cover": "{classes} classes, {overall_accuracy:.1%} ± {overall_accuracy_ci95:.1%} "
        "right, {method}",
        "reports": "{figures} figures, {page_bytes:,} bytes",
    }
    return wanted[record.step].format(**record.summary)
