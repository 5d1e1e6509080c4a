"""What the assets have in common: partitions one by one, outcomes, metadata, checks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import dagster as dg

from eo_assets.defs.checks import log_verdicts
from eo_assets.defs.dask_cluster import DaskCluster, DaskRunner
from eo_assets.defs.metadata import record_metadata
from eo_assets.defs.options import LaunchOptions
from eo_assets.defs.partitions import split_key
from eo_assets.defs.product_store import Made, ProductStore
from eo_assets.defs.run_tags import run_tags, tag_run
from eo_assets.defs.source import SceneSource
from eo_assets.defs.survivors import record_made, take_on
from eo_assets.errors import CatalogUnavailableError, EoAssetsError, SourceUnavailableError
from eo_assets.storage.partition import Cadence

if TYPE_CHECKING:
    from eo_assets.catalog.regions import Region
    from eo_assets.cube.graph import CompositeMethod
    from eo_assets.storage.partition import Subject
    from eo_assets.storage.store import Record, Store

GROUP = "scenes_to_reports"

ARCHIVE_POOL = "archive"
"""Runs of assets in this pool read from the archive; how many at once is limited."""

_WORTH_A_RETRY = (SourceUnavailableError, CatalogUnavailableError)

RETRY_DELAY_S = 10
"""Until a step is tried again the first time."""


@dataclass(frozen=True)
class StepDefaults:
    """What all assets are built with.

    Attributes:
        partitions: Their partitions.
        years: Partitions of assets of a calendar year.
        regions: The regions by id.
        cadence: See ``Settings``.
        composite: See ``Settings``.
        failure_budget: See ``Settings``.
        block_px: See ``Settings``.
        clusters: See ``Settings``.
        max_retries: See ``Settings``.
        owner: See ``Settings``.
        parcels: See ``Settings``; empty when not set.
        sites: See ``Settings``; empty when not set.
        training: See ``Settings``.
    """

    partitions: dg.MultiPartitionsDefinition
    years: dg.MultiPartitionsDefinition
    regions: Mapping[str, Region]
    cadence: Cadence
    composite: CompositeMethod
    failure_budget: float
    block_px: int
    clusters: int
    max_retries: int
    owner: str
    parcels: str = ""
    sites: str = ""
    training: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What a step works with.

    Attributes:
        defaults: What the assets were built with.
        context: Of the running asset.
        source: Where scenes come from.
        options: What was chosen for all steps of the launch.
        products: Where products go.
        dask: Where the work is done.
    """

    defaults: StepDefaults
    context: dg.AssetExecutionContext
    source: SceneSource
    options: LaunchOptions
    products: ProductStore
    dask: DaskCluster

    @property
    def store(self) -> Store:
        """Where products go."""
        return self.products.store

    def runner(self, subject: Subject) -> DaskRunner:
        """Give what runs tasks for a partition, and shows how far they are."""
        return self.dask.runner(self.context, subject.key)

    def subject(self, key: str, step: Step) -> Subject:
        """Give what a partition key stands for, with the collection that was chosen."""
        from eo_assets.storage.partition import Partition, WholeRegion

        choose = step.choose or self.options.region
        if step.whole_region:
            return WholeRegion(choose(self.defaults.regions[key]))
        date, region = split_key(key)
        cadence = "yearly" if step.yearly else self.defaults.cadence
        return Partition(choose(self.defaults.regions[region]), date, cadence)


@dataclass(frozen=True, kw_only=True)
class Step:
    """What is an asset's own; each module of ``eo_assets.defs.assets`` has one as ``STEP``.

    Attributes:
        make: Makes the product of a partition; given a ``Partition`` (or a ``WholeRegion``),
            the tools, and the asset's configuration or None.
        deps: The steps whose products it needs.
        kinds: What it is made of and stored as, shown as icons.
        config: What can be chosen when the asset is launched.
        group: Its group.
        reads_archive: It asks the archive for something, of which there is a limit.
        whole_region: Partitioned by region alone, not by date.
        yearly: Partitioned by calendar year, whatever the cadence of the others.
        choose: Gives the region with the collection to use; by default the one of the launch.
    """

    make: Callable[[Any, Tools, Any], Record]
    deps: tuple[str, ...] = ()
    kinds: frozenset[str]
    config: type[dg.Config] | None = None
    group: str = GROUP
    reads_archive: bool = False
    whole_region: bool = False
    yearly: bool = False
    choose: Callable[[Region], Region] | None = None


def make_partitions(
    tools: Tools, step: Step, config: dg.Config | None
) -> Iterator[dg.MaterializeResult[Any] | dg.Output[None]]:
    """Make the products of a run, one partition after the other, and tell how each did.

    One bad date does not take the others of its run along: they are made, recorded and taken on
    to the later assets, and the step fails at the end naming those that were not.

    Args:
        tools: What to work with.
        step: The asset's own.
        config: What was chosen for the asset.

    Yields:
        The result, when all could be made; metadata is attached to each partition. When all have
        passed their blocking checks, an output of no value for each check.

    Raises:
        dagster.Failure: A partition could not be made or failed a blocking check; retried only if a
            source was unavailable.
    """
    context = tools.context
    subjects = {str(key): tools.subject(str(key), step) for key in context.partition_keys}
    tag_run(context, subjects.values())
    made = tools.products.made.setdefault(context.asset_key, {})
    failed = _make_missing(tools, step, config, subjects, made)
    failed |= _register_made(tools, subjects, made)
    again = any(isinstance(error, _WORTH_A_RETRY) for error in failed.values())
    if again and context.retry_number < tools.defaults.max_retries:
        _fail(failed, again=True)
    if failed:
        # a result would stand for every partition of the run
        record_made(context, {key: one.metadata for key, one in made.items()})
    else:
        for key, one in made.items():
            context.add_asset_metadata(one.metadata, partition_key=key)
        yield dg.MaterializeResult()
    log_verdicts(context, {key: one.record for key, one in made.items()})
    failed |= {key: one.record.rejection for key, one in made.items() if one.record.rejections}
    if failed:
        well = {key: run_tags([subjects[key]]) for key in made if key not in failed}
        take_on(context, well, tools.dask)
        _fail(failed, again=again)
    for check in context.assets_def.check_specs:
        # what Dagster waits for; the results themselves are logged, one a partition
        yield dg.Output(None, output_name=check.get_python_identifier())


def _fail(failed: Mapping[str, EoAssetsError], *, again: bool) -> NoReturn:
    raise dg.Failure(
        description="\n".join(f"{key}: {error}" for key, error in failed.items()),
        metadata={key: type(error).__name__ for key, error in failed.items()},
        allow_retries=again,
    ) from next(iter(failed.values()))


def _make_missing(
    tools: Tools,
    step: Step,
    config: dg.Config | None,
    subjects: Mapping[str, Subject],
    made: dict[str, Made],
) -> dict[str, EoAssetsError]:
    """Make what no earlier attempt of the run has made; give what could not be."""
    failed: dict[str, EoAssetsError] = {}
    empty: list[str] = []
    log = tools.context.log
    for number, (key, subject) in enumerate(subjects.items(), start=1):
        if key in made:
            continue
        started = time.perf_counter()
        try:
            record = step.make(subject, tools, config)
        except EoAssetsError as error:
            if len(subjects) > 1:
                log.error("%s: %s", key, error)  # noqa: TRY400 - it says what to do
            failed[key] = error
            continue
        metadata = record_metadata(record, tools.store.folder(subject, record.step), tools.products)
        metadata["seconds"] = round(time.perf_counter() - started, 3)
        if tools.dask.dashboard:
            metadata["dask_dashboard"] = dg.MetadataValue.url(tools.dask.dashboard)
        made[key] = Made(record, metadata)
        if record.empty:
            empty.append(f"{key}: {record.step} is empty: {record.empty}")
        elif len(subjects) > 1:
            log.info("%s: %s is made (partition %d/%d)", key, record.step, number, len(subjects))
    if empty:
        # in one message: most dates of a long range are empty, and each message is a record
        log.warning("%s", "\n".join(empty))
    return failed


def _register_made(
    tools: Tools, subjects: Mapping[str, Subject], made: dict[str, Made]
) -> dict[str, EoAssetsError]:
    """Register what no earlier attempt of the run has registered; give what could not be."""
    from eo_assets.storage.product_catalog import register

    failed: dict[str, EoAssetsError] = {}
    catalog = tools.products.product_catalog
    for key, one in made.items():
        if one.registered:
            continue
        try:
            address = register(catalog, tools.store, subjects[key], one.record)
        except EoAssetsError as error:
            failed[key] = error
            continue
        shown = {"catalog_item": _address(address)} if address else {}
        made[key] = replace(one, metadata=one.metadata | shown, registered=True)
    return failed


def _address(address: str) -> dg.MetadataValue[Any]:
    return (dg.MetadataValue.url if "://" in address else dg.MetadataValue.path)(address)
