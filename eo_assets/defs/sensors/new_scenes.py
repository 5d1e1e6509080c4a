"""New, replaced and withdrawn scenes start the runs of exactly the partitions they belong to.

One sensor a region: its ticks tell what one catalogue says of one region, it is switched on where
it is wanted, and a region that takes long or fails holds no other up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import TYPE_CHECKING

import dagster as dg

from eo_assets.cube.secrecy import redacted
from eo_assets.defs.jobs import CHAIN
from eo_assets.defs.partitions import names_by_region
from eo_assets.defs.run_tags import PREFIX, run_tags
from eo_assets.defs.source import SceneSource
from eo_assets.defs.watching import WatchDefaults
from eo_assets.errors import EoAssetsError
from eo_assets.settings import run_with_settings
from eo_assets.storage.partition import Partition

if TYPE_CHECKING:
    from eo_assets.catalog.regions import Region
    from eo_assets.pipeline.scene_watch import Look, RunOrder

_MOST_IDS = 3
"""Items that a run's tag names; there may be hundreds."""


def build(defaults: WatchDefaults) -> list[dg.SensorDefinition]:
    """Build the sensors, one a region."""
    names = sensor_names(defaults.regions)
    return [_build(defaults, region, names[region.id]) for region in defaults.regions.values()]


def sensor_names(regions: Iterable[str]) -> dict[str, str]:
    """Name the sensors of regions.

    Args:
        regions: Region ids.

    Returns:
        Names by region id.
    """
    return names_by_region("new_scenes", regions)


def _build(defaults: WatchDefaults, region: Region, name: str) -> dg.SensorDefinition:
    status = dg.DefaultSensorStatus.RUNNING if defaults.enabled else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(
        name=name,
        job_name=CHAIN,
        minimum_interval_seconds=defaults.interval_s,
        default_status=status,
        description=f"New, replaced and withdrawn scenes of {region.title} start runs.",
    )
    def new_scenes(context: dg.SensorEvaluationContext, source: SceneSource) -> dg.SensorResult:
        try:
            found = _look(defaults, source, region, context.cursor or "")
        except EoAssetsError as error:
            failure = error
        else:
            if not found.orders:
                return dg.SensorResult(skip_reason=found.message, cursor=found.cursor)
            context.log.info(found.message)
            requests = [_request(order, region) for order in found.orders]
            return dg.SensorResult(run_requests=requests, cursor=found.cursor)
        # its cause stays behind: Dagster would store the requests and addresses it quotes
        raise type(failure)(failure.problem, failure.remedy)

    return new_scenes


def _look(defaults: WatchDefaults, source: SceneSource, region: Region, cursor: str) -> Look:
    from eo_assets.pipeline.scene_comparison import Watch
    from eo_assets.pipeline.scene_listing import StacListing
    from eo_assets.pipeline.scene_watch import look
    from eo_assets.storage.ledger import open_ledger

    catalog = redacted(source.catalog)
    watch = Watch(
        catalog=catalog,
        region=region,
        cadence=defaults.cadence,
        max_cloud_cover_pct=source.cloud_limit_pct(region),
        has_partition=defaults.has_partition,
        lookback_days=defaults.lookback_days,
        start_days=defaults.start_days,
        max_runs=defaults.max_runs,
    )
    listing = StacListing(catalog=catalog, url=source.url, region=region)

    def look_now(now: dt.datetime) -> Look:
        with open_ledger(defaults.ledger, watch.name) as ledger:
            return look(watch, listing, ledger, cursor=cursor, now=now)

    # as a task on a worker would: with the headers of a private catalogue, if there is one
    return run_with_settings(look_now, dt.datetime.now(dt.UTC))


def _request(order: RunOrder, region: Region) -> dg.RunRequest:
    ids = order.change.item_ids
    more = f" and {len(ids) - _MOST_IDS} more" if len(ids) > _MOST_IDS else ""
    return dg.RunRequest(
        run_key=order.run_key,
        partition_key=order.partition_key,
        tags={
            **run_tags([Partition(region, order.change.date)]),
            f"{PREFIX}cause": order.change.cause,
            f"{PREFIX}items": f"{', '.join(ids[:_MOST_IDS])}{more}",
        },
    )
