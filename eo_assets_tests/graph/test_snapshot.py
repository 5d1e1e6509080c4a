"""The asset graph as people see it, against a snapshot: no asset, dependency or job changes unseen.

Write the snapshot anew with ``python -m eo_assets_tests.graph.test_snapshot`` and read the
difference before committing it.
"""

from __future__ import annotations

import json
from pathlib import Path

import dagster as dg
import pytest

from eo_assets.definitions import build_defs
from eo_assets.settings import Settings

SNAPSHOT = Path(__file__).with_name("snapshot.json")


class Defaults(Settings):
    """Settings nobody has changed, whatever the environment of the test says."""

    @classmethod
    def settings_customise_sources(cls, settings_cls, init_settings, **_others):
        return (init_settings,)


def describe(defs: dg.Definitions) -> dict:
    """What of the definitions people and other systems rely on, as JSON."""
    assets = {asset.key.to_user_string(): asset for asset in defs.assets or ()}
    jobs = {job.name: job for job in defs.resolve_all_job_defs() if "__ASSET_JOB" not in job.name}
    return {
        "assets": {name: _asset(asset) for name, asset in assets.items()},
        "partitions": _partitions(next(iter(assets.values())).partitions_def),
        "other_checks": sorted(
            key.to_user_string() for checks in defs.asset_checks or () for key in checks.check_keys
        ),
        "jobs": {name: _job(job) for name, job in jobs.items()},
        "schedules": sorted(schedule.name for schedule in defs.schedules or ()),
        "sensors": {sensor.name: _sensor(sensor) for sensor in defs.sensors or ()},
        "resources": {
            name: {"type": type(resource).__name__, "fields": _fields(type(resource))}
            for name, resource in (defs.resources or {}).items()
        },
        "executor": defs.executor.name,
    }


def _asset(asset: dg.AssetsDefinition) -> dict:
    [spec] = asset.specs
    retry = asset.op.retry_policy
    return {
        "deps": sorted(dep.asset_key.to_user_string() for dep in spec.deps),
        "group": spec.group_name,
        "kinds": sorted(spec.kinds),
        "description": spec.description.strip().splitlines()[0],
        "checks": {check.name: _check(check) for check in asset.check_specs},
        "owners": list(spec.owners),
        "tags": {k: v for k, v in spec.tags.items() if "/" not in k},
        "backfill": [asset.backfill_policy.policy_type.name, _per_run(asset)],
        "retries": [retry.max_retries, retry.delay, retry.backoff.name, retry.jitter.name],
        "resources": sorted(asset.required_resource_keys),
        "config": _config(asset),
    }


def _check(check: dg.AssetCheckSpec) -> str:
    partitioned = "each partition" if check.partitions_def else "all"
    return f"{'blocking' if check.blocking else 'warning'}, {partitioned}"


def _per_run(asset: dg.AssetsDefinition) -> int | None:
    return asset.backfill_policy.max_partitions_per_run


def _config(asset: dg.AssetsDefinition) -> dict:
    fields = getattr(asset.op.config_schema.config_type, "fields", {})
    return {name: _default(field) for name, field in fields.items()}


def _default(field) -> object:
    if field.default_provided:
        return field.default_value
    return "required" if field.is_required else "optional"


def _partitions(partitions: dg.MultiPartitionsDefinition) -> dict:
    date = partitions.get_partitions_def_for_dimension("date")
    region = partitions.get_partitions_def_for_dimension("region")
    return {
        "dimensions": partitions.partition_dimension_names,
        "date": {
            "type": type(date).__name__,
            "first": date.get_first_partition_key(),
            "end_offset": date.end_offset,
            "timezone": date.timezone,
        },
        "region": list(region.get_partition_keys()),
    }


def _job(job: dg.JobDefinition) -> dict:
    return {
        "assets": sorted(key.to_user_string() for key in job.asset_layer.executable_asset_keys),
        "description": job.description,
    }


def _sensor(sensor: dg.SensorDefinition) -> dict:
    return {
        "job": sensor.job_name,
        "description": sensor.description,
        "status": sensor.default_status.name,
        "interval_s": sensor.minimum_interval_seconds,
        "resources": sorted(sensor.required_resource_keys),
    }


def _fields(resource: type) -> dict:
    # paths are this machine's and numbers of workers its processors'; names are what matters
    return {name: str(field.annotation) for name, field in resource.model_fields.items()}


def current() -> dict:
    return json.loads(json.dumps(describe(build_defs(Defaults())), default=str))


def test_graph_is_the_one_of_the_snapshot():
    expected = json.loads(SNAPSHOT.read_text(encoding="utf-8"))
    assert current() == expected


@pytest.mark.parametrize("step", ["stac_items", "mosaic", "reports"])
def test_all_assets_share_partitions_and_backfill_policy(step):
    # policies that differ would let the smallest rule a backfill of several assets
    assets = {asset.key.to_user_string(): asset for asset in build_defs(Defaults()).assets}
    first = assets["band_stack"]
    assert assets[step].partitions_def == first.partitions_def
    assert assets[step].backfill_policy == first.backfill_policy


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(current(), indent=1) + "\n", encoding="utf-8")
