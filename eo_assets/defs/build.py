"""Assets from steps: what Dagster is to know of each, the same way for all."""

import warnings
from importlib import import_module
from typing import Any

import dagster as dg

from eo_assets.defs.checks import check_specs
from eo_assets.defs.dask_cluster import DaskCluster
from eo_assets.defs.options import LaunchOptions
from eo_assets.defs.partitions import by_region
from eo_assets.defs.product_store import ProductStore
from eo_assets.defs.source import SceneSource
from eo_assets.defs.steps import (
    ARCHIVE_POOL,
    RETRY_DELAY_S,
    Step,
    StepDefaults,
    Tools,
    make_partitions,
)

DATES_A_RUN = 10
"""Most dates of a region that a run of a backfill has: one start-up for all of them."""


def build_asset(name: str, defaults: StepDefaults) -> dg.AssetsDefinition:
    """Build an asset from its module in ``eo_assets.defs.assets``, whose docstring describes it.

    Args:
        name: Of the step.
        defaults: What all assets are built with.

    Returns:
        The asset with its checks.
    """
    module = import_module(f"eo_assets.defs.assets.{name}")
    step: Step = module.STEP
    partitions: dg.PartitionsDefinition[Any] = by_region(defaults.regions)
    if not step.whole_region:
        partitions = defaults.years if step.yearly else defaults.partitions
    with warnings.catch_warnings():
        # backfill policies are beta, partitioned checks a preview: known, nobody can act on it
        warnings.simplefilter("ignore", dg.BetaWarning)
        warnings.simplefilter("ignore", dg.PreviewWarning)

        @dg.asset(
            name=name,
            deps=list(step.deps),
            kinds=set(step.kinds),
            description=module.__doc__,
            config_schema=step.config.to_config_schema().as_field() if step.config else None,
            check_specs=check_specs(name, partitions),
            partitions_def=partitions,
            group_name=step.group,
            pool=ARCHIVE_POOL if step.reads_archive else None,
            owners=[defaults.owner] if defaults.owner else None,
            tags={"cadence": "yearly" if step.yearly else defaults.cadence},
            # each date is still stored and reported on its own
            backfill_policy=dg.BackfillPolicy.multi_run(DATES_A_RUN),
            retry_policy=_retries(defaults.max_retries),
        )
        def asset(
            context: dg.AssetExecutionContext,
            source: SceneSource,
            options: LaunchOptions,
            products: ProductStore,
            dask: DaskCluster,
        ) -> Any:
            config = step.config(**context.op_execution_context.op_config) if step.config else None

            tools = Tools(
                defaults=defaults,
                context=context,
                source=source,
                options=options,
                products=products,
                dask=dask,
            )
            yield from make_partitions(tools, step, config)

    return asset


def _retries(max_retries: int) -> dg.RetryPolicy | None:
    if not max_retries:
        return None
    return dg.RetryPolicy(
        max_retries=max_retries,
        delay=RETRY_DELAY_S,
        backoff=dg.Backoff.EXPONENTIAL,
        jitter=dg.Jitter.PLUS_MINUS,
    )
