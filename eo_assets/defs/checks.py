"""Checks as Dagster knows them: what each asset promises, and what came of it in each partition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster._core.definitions.asset_checks.asset_check_evaluation import (  # nowhere public
    AssetCheckEvaluationTargetMaterializationData,
)

from eo_assets.catalog.checks import CHECKS
from eo_assets.defs.event_log import stored_together

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


def log_verdicts(context: dg.AssetExecutionContext, records: Mapping[str, Record]) -> None:
    """Tell Dagster how each partition's product did; after its materialisation is known.

    A run may have several partitions, and Dagster's own results of checks belong to a run of one:
    an evaluation is therefore logged for each.

    Args:
        context: Of the running asset.
        records: Of the products, by partition.
    """
    from eo_assets.pipeline.verdicts import verdicts_of

    found = {key: verdicts for key, record in records.items() if (verdicts := verdicts_of(record))}
    if not found:
        return
    made = _materialisations(context, list(found))
    with stored_together(context.instance):
        for key, verdicts in found.items():
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
                        partition=key,
                        target_materialization_data=made.get(key),
                    )
                )


def _materialisations(
    context: dg.AssetExecutionContext, keys: list[str]
) -> dict[str, AssetCheckEvaluationTargetMaterializationData]:
    """Give the last materialisation of each partition: what its checks are about."""
    records = context.instance.fetch_materializations(
        dg.AssetRecordsFilter(context.asset_key, asset_partitions=keys), limit=len(keys)
    ).records
    return {
        str(record.partition_key): AssetCheckEvaluationTargetMaterializationData(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
        # the newest come first, and win
        for record in reversed(records)
    }
