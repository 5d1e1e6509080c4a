"""Jobs: what people start by name, or a schedule starts."""

from __future__ import annotations

import dagster as dg

from eo_assets.defs.freshness import FRESHNESS
from eo_assets.defs.steps import GROUP

CHAIN = "scenes_to_reports"


def chain_job(*others: dg.AssetChecksDefinition) -> dg.UnresolvedAssetJobDefinition:
    """Give the job that makes all products of a partition, from the search to the report.

    Args:
        others: Checks of its assets that are made by jobs of their own.

    Returns:
        The job.
    """
    return dg.define_asset_job(
        CHAIN,
        selection=dg.AssetSelection.groups(GROUP) - dg.AssetSelection.checks(*others),
        description="Everything for a region and day: search, mosaic, GeoTIFF, classes, report.",
    )


def freshness_job(checks: dg.AssetChecksDefinition) -> dg.UnresolvedAssetJobDefinition:
    """Give the job that judges the freshness of all regions."""
    return dg.define_asset_job(
        FRESHNESS,
        selection=dg.AssetSelection.checks(checks),
        description="Judge for each region whether its last imagery is recent.",
    )


def freshness_schedule(job: dg.UnresolvedAssetJobDefinition) -> dg.ScheduleDefinition:
    """Judge freshness every morning, once switched on."""
    return dg.ScheduleDefinition(
        name=FRESHNESS,
        job=job,
        cron_schedule="0 6 * * *",
        execution_timezone="UTC",
        description="Every morning: which regions have no recent imagery?",
    )


def application_job_name(name: str) -> str:
    """Name the job of an application; an asset of the same name would be in its way."""
    return f"scenes_to_{name}"


def application_job(
    name: str, *others: dg.AssetChecksDefinition
) -> dg.UnresolvedAssetJobDefinition:
    """Give the job that makes an application of a partition, and all it is made from.

    Args:
        name: Name of the asset.
        others: Checks that are not about one partition, and left out.
    """
    return dg.define_asset_job(
        application_job_name(name),
        selection=dg.AssetSelection.assets(name).upstream() - dg.AssetSelection.checks(*others),
        description=f"The {name.replace('_', ' ')} of a region and day, from the search on.",
    )


def region_job(name: str) -> dg.UnresolvedAssetJobDefinition:
    """Give the job that makes an asset of a region as a whole, and nothing it is made from."""
    return dg.define_asset_job(
        region_job_name(name),
        selection=dg.AssetSelection.assets(name),
        description=f"The {name.replace('_', ' ')} of a region.",
    )


def year_job(name: str) -> dg.UnresolvedAssetJobDefinition:
    """Give the job that makes an asset of a region and a calendar year; it backfills years."""
    return dg.define_asset_job(
        year_job_name(name),
        selection=dg.AssetSelection.assets(name),
        description=f"The {name.replace('_', ' ')} of a region in a year.",
    )


def year_job_name(name: str) -> str:
    """Name the job of an asset of a region and a calendar year."""
    return f"year_to_{name}"


def region_job_name(name: str) -> str:
    """Name the job of an asset of a region as a whole."""
    return f"region_to_{name}"
