"""Jobs: what people start by name."""

from __future__ import annotations

import dagster as dg

from eo_assets.defs.steps import GROUP

CHAIN = "scenes_to_reports"


def chain_job() -> dg.UnresolvedAssetJobDefinition:
    """Give the job that makes all products of a partition, from the search to the report."""
    return dg.define_asset_job(
        CHAIN,
        selection=dg.AssetSelection.groups(GROUP),
        description="Everything for a region and day: search, mosaic, GeoTIFF, classes, report.",
    )
