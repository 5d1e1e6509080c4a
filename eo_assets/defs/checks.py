"""Checks as Dagster knows them: what each asset promises, and what came of it in each partition."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (  # nowhere public
    AssetCheckEvaluationTargetMaterializationData,
)

from eo_assets.catalog.checks import CHECKS

if TYPE_CHECKING:
    from eo_assets.storage.store import Record

_WARN, _ERROR = dg.AssetCheckSeverity.WARN, dg.AssetCheckSeverity.ERROR


def check_specs(step: str, partitions: dg.PartitionsDefinition[Any]) -> list[dg.AssetCheckSpec]:
    """Give the checks of a step's asset.

    Args:
        step: Name of the step.
        partitions: The asset's partitions.

    Returns:
        One specification a check; each partition has a result of its own.
    """
    return [
        dg.AssetCheckSpec(
            check.name,
            asset=step,
            description=check.description,
            blocking=check.blocking,
            partitions_def=partitions,
        )
        for check in CHECKS.get(step, ())
    ]


def log_verdicts(context: dg.AssetExecutionContext, record: Record, partition_key: str) -> None:
    """Tell Dagster how a partition's product did; after its materialisation is known.

    A run may have several partitions, and Dagster's own results of checks belong to a run of one:
    an evaluation is therefore logged for each.

    Args:
        context: Of the running asset.
        record: Of the product.
        partition_key: The partition.
    """
    from eo_assets.pipeline.verdicts import verdicts_of

    verdicts = verdicts_of(record)
    if not verdicts:
        return
    found = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(context.asset_key, asset_partitions=[partition_key]), limit=1
    )
    target = None
    if found.records:
        [made] = found.records
        target = AssetCheckEvaluationTargetMaterializationData(
            storage_id=made.storage_id, run_id=made.run_id, timestamp=made.timestamp
        )
    for check, verdict in verdicts:
        context.log_event(
            dg.AssetCheckEvaluation(
                asset_key=context.asset_key,
                check_name=check.name,
                passed=verdict.passed,
                severity=_WARN if verdict.warning else _ERROR,
                description=verdict.text,
                metadata=verdict.numbers,
                blocking=check.blocking,
                partition=partition_key,
                target_materialization_data=target,
            )
        )
