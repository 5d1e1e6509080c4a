"""Freshness of each region, judged once a day.

Dagster's own freshness policies look at when an asset was last materialised: a backfill of old days
would make it fresh, and one region would answer for all others.
"""

import datetime as dt
from collections.abc import Iterator

import dagster as dg

from eo_assets.defs.partitions import names_by_region
from eo_assets.defs.product_store import ProductStore
from eo_assets.defs.steps import StepDefaults

FRESHNESS = "freshness"
_ASSET = "mosaic"


def freshness_checks(defaults: StepDefaults) -> dg.AssetChecksDefinition:
    """Build a check of mosaics for each region: is its last imagery recent?"""
    names = names_by_region("fresh", defaults.regions)
    specs = [
        dg.AssetCheckSpec(
            names[region.id],
            asset=_ASSET,
            description=f"{region.title} has imagery of the last {region.fresh_within_days} days.",
        )
        for region in defaults.regions.values()
    ]

    @dg.multi_asset_check(specs=specs, name="judge_freshness")
    def check(products: ProductStore) -> Iterator[dg.AssetCheckResult]:
        from eo_assets.pipeline.freshness import judge_freshness, last_imagery

        today = dt.datetime.now(dt.UTC).date()
        for region in defaults.regions.values():
            last = last_imagery(products.store, region, defaults.cadence)
            verdict = judge_freshness(region, last, today)
            yield dg.AssetCheckResult(
                asset_key=_ASSET,
                check_name=names[region.id],
                passed=verdict.passed,
                severity=dg.AssetCheckSeverity.WARN,
                description=verdict.text,
                metadata=verdict.numbers,
            )

    return check
