"""What the six assets have in common: partitions one by one, outcomes, metadata."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import dagster as dg

from eo_assets.defs.dask_cluster import DaskCluster, DaskRunner
from eo_assets.defs.metadata import record_metadata
from eo_assets.defs.partitions import split_key
from eo_assets.defs.product_store import ProductStore
from eo_assets.defs.run_tags import run_tags, tag_run
from eo_assets.defs.source import SceneSource
from eo_assets.defs.survivors import take_on
from eo_assets.errors import EoAssetsError, SourceUnavailableError
from eo_assets.storage.partition import Cadence

if TYPE_CHECKING:
    from eo_assets.catalog.regions import Region
    from eo_assets.cube.graph import CompositeMethod
    from eo_assets.storage.partition import Partition, Subject, WholeRegion
    from eo_assets.storage.store import Record

GROUP = "scenes_to_reports"

ARCHIVE_POOL = "archive"
"""Runs of assets in this pool read from the archive; how many at once is limited."""

RETRY_DELAY_S = 10
"""Until a step is tried again the first time."""


@dataclass(frozen=True)
class StepDefaults:
    """What all assets are built with.

    Attributes:
        partitions: Their partitions.
        regions: The regions by id.
        cadence: See ``Settings``.
        composite: See ``Settings``.
        failure_budget: See ``Settings``.
        block_px: See ``Settings``.
        clusters: See ``Settings``.
        max_retries: See ``Settings``.
    """

    partitions: dg.MultiPartitionsDefinition
    regions: Mapping[str, Region]
    cadence: Cadence
    composite: CompositeMethod
    failure_budget: float
    block_px: int
    clusters: int
    max_retries: int

    def of_asset(
        self,
        *,
        kinds: set[str],
        doc: str,
        group: str = GROUP,
        partitions: dg.PartitionsDefinition[Any] | None = None,
        archive: bool = False,
    ) -> dict[str, Any]:
        """Give the arguments every asset definition shares.

        Args:
            kinds: What it is made of and stored as, shown as icons.
            doc: The docstring of its module: the description.
            group: Its group.
            partitions: Its partitions, if not dates by regions.
            archive: It asks the archive for something, of which there is a limit.

        Returns:
            Arguments of ``dagster.asset``.
        """
        return {
            "partitions_def": partitions or self.partitions,
            "group_name": group,
            "kinds": kinds,
            "description": doc,
            "pool": ARCHIVE_POOL if archive else None,
            # several dates share one start-up; each is still stored and reported on its own
            "backfill_policy": dg.BackfillPolicy.multi_run(10),
            "retry_policy": dg.RetryPolicy(
                max_retries=self.max_retries,
                delay=RETRY_DELAY_S,
                backoff=dg.Backoff.EXPONENTIAL,
                jitter=dg.Jitter.PLUS_MINUS,
            )
            if self.max_retries
            else None,
        }


Make = Callable[["Partition", DaskRunner], "Record"]
MakeOfRegion = Callable[["WholeRegion", DaskRunner], "Record"]
S = TypeVar("S", bound="Subject")


def run_step(
    context: dg.AssetExecutionContext,
    defaults: StepDefaults,
    *,
    source: SceneSource,
    products: ProductStore,
    dask: DaskCluster,
    make: Make,
) -> dg.MaterializeResult[Any]:
    """Make an asset's product for each partition of a run, dates by regions.

    Args:
        context: Of the running asset.
        defaults: What the assets were built with.
        source: Where scenes come from.
        products: Where products go.
        dask: Where the work is done.
        make: Makes the product of one partition.

    Returns:
        The result; see ``_run``.
    """
    from eo_assets.storage.partition import Partition

    def subject(key: str) -> Partition:
        date, region = split_key(key)
        return Partition(source.region(defaults.regions[region]), date, defaults.cadence)

    return _run(context, defaults, subject, products=products, dask=dask, make=make)


def run_region_step(
    context: dg.AssetExecutionContext,
    defaults: StepDefaults,
    *,
    products: ProductStore,
    dask: DaskCluster,
    make: MakeOfRegion,
    choose: Callable[[Region], Region] = lambda region: region,
) -> dg.MaterializeResult[Any]:
    """Make an asset's product for each region of a run, for assets partitioned by region alone.

    Args:
        context: Of the running asset.
        defaults: What the assets were built with.
        products: Where products go.
        dask: Where the work is done.
        make: Makes the product of one region.
        choose: Gives the region with the collection to use.

    Returns:
        The result; see ``_run``.
    """
    from eo_assets.storage.partition import WholeRegion

    def subject(key: str) -> WholeRegion:
        return WholeRegion(choose(defaults.regions[key]))

    return _run(context, defaults, subject, products=products, dask=dask, make=make)


def _run(
    context: dg.AssetExecutionContext,
    defaults: StepDefaults,
    subject: Callable[[str], S],
    *,
    products: ProductStore,
    dask: DaskCluster,
    make: Callable[[S, DaskRunner], Record],
) -> dg.MaterializeResult[Any]:
    """Make the products of a run, one partition after the other.

    One bad date does not take the others of its run along: they are made, recorded and taken on
    to the later assets, and the step fails at the end naming those that were not.

    Args:
        context: Of the running asset.
        defaults: What the assets were built with.
        subject: What a partition key stands for.
        products: Where products go.
        dask: Where the work is done.
        make: Makes one product.

    Returns:
        The result; metadata is attached to each partition.

    Raises:
        dagster.Failure: A partition could not be made; retried only if a source was unavailable.
    """
    subjects = {str(key): subject(str(key)) for key in context.partition_keys}
    tag_run(context, subjects.values())
    made = products.made.setdefault(context.asset_key, {})
    failed: dict[str, EoAssetsError] = {}
    for number, (key, one) in enumerate(subjects.items(), start=1):
        if key in made:  # by an earlier attempt of this run
            continue
        if len(subjects) > 1:
            context.log.info("%s: partition %d/%d", key, number, len(subjects))
        try:
            made[key] = _make_one(context, one, products=products, dask=dask, make=make)
        except EoAssetsError as error:
            if len(subjects) > 1:
                context.log.error("%s: %s", key, error)  # noqa: TRY400 - it says what to do
            failed[key] = error
    if failed:
        again = any(isinstance(error, SourceUnavailableError) for error in failed.values())
        if not again or context.retry_number >= defaults.max_retries:
            take_on(context, made, {key: run_tags([subjects[key]]) for key in made}, dask)
        raise dg.Failure(
            description="\n".join(f"{key}: {error}" for key, error in failed.items()),
            metadata={key: type(error).__name__ for key, error in failed.items()},
            allow_retries=again,
        ) from next(iter(failed.values()))
    for key, metadata in made.items():
        context.add_asset_metadata(metadata, partition_key=key)
    return dg.MaterializeResult()


def _make_one(
    context: dg.AssetExecutionContext,
    subject: S,
    *,
    products: ProductStore,
    dask: DaskCluster,
    make: Callable[[S, DaskRunner], Record],
) -> dict[str, Any]:
    """Make one product; its metadata."""
    started = time.perf_counter()
    record = make(subject, dask.runner(context, subject.key))
    folder = products.store.folder(subject, record.step)
    metadata = record_metadata(record, folder, products)
    metadata["seconds"] = round(time.perf_counter() - started, 3)
    if dask.dashboard:
        metadata["dask_dashboard"] = dg.MetadataValue.url(dask.dashboard)
    if record.empty:
        context.log.warning("%s: %s is empty: %s", subject.key, record.step, record.empty)
    return metadata
