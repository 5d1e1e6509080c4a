"""The dates of a run that are well when another one of them failed.

Dagster fails a run as a whole: without this, one bad date of a backfill's run would leave the
other ones without their later products, and those already stored without a record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from eo_assets.defs.dask_cluster import DaskCluster

BACKFILL_TAG = "dagster/backfill"


def record_made(context: dg.AssetExecutionContext, made: Mapping[str, Mapping[str, Any]]) -> None:
    """Record what an asset made although its step is going to fail.

    Args:
        context: Of the asset.
        made: Metadata of each partition it made.
    """
    for key, metadata in made.items():
        context.log_event(
            dg.AssetMaterialization(context.asset_key, partition=key, metadata=metadata)
        )


def take_on(
    context: dg.AssetExecutionContext, tags: Mapping[str, Mapping[str, str]], dask: DaskCluster
) -> None:
    """Make the later assets of the partitions that are well, as the run was configured.

    Each goes on in a run of its own, within this process and on the same Dask workers.

    Args:
        context: Of the asset whose step is about to fail.
        tags: Of the run each partition goes on in, by partition.
        dask: Where the work is done.
    """
    later = _later_assets(context)
    for key in tags if later else ():
        context.log.info("%s: goes on in a run of its own", key)
        try:
            context.job_def.execute_in_process(
                partition_key=key,
                instance=context.instance,
                asset_selection=later,
                tags={**tags[key], **_lineage(context)},
                run_config=_config(context, later, dask),
            )
        except dg.Failure as failure:
            context.log.error("%s: %s", key, failure.description)  # noqa: TRY400


def _config(
    context: dg.AssetExecutionContext, later: Sequence[dg.AssetKey], dask: DaskCluster
) -> dict[str, Any]:
    """Give what was chosen at launch, for the later assets alone."""
    chosen: dict[str, Any] = {**context.run.run_config}
    names = {key.to_python_identifier() for key in later}
    return {
        "ops": {name: own for name, own in chosen.get("ops", {}).items() if name in names},
        "resources": {**chosen.get("resources", {}), "dask": {"config": dask.for_another_run()}},
    }


def _later_assets(context: dg.AssetExecutionContext) -> list[dg.AssetKey]:
    graph = context.job_def.asset_layer.asset_graph
    selected = context.run.asset_selection or graph.materializable_asset_keys
    after = dg.AssetSelection.assets(context.asset_key).downstream(include_self=False)
    partitions = graph.get(context.asset_key).partitions_def
    return sorted(
        key
        for key in after.resolve(graph) & set(selected)
        if graph.get(key).partitions_def == partitions
    )


def _lineage(context: dg.AssetExecutionContext) -> dict[str, str]:
    backfill = context.run.tags.get(BACKFILL_TAG)
    origin = {"dagster/parent_run_id": context.run.run_id}
    return origin | ({BACKFILL_TAG: backfill} if backfill else {})
