"""The code location: what ``workspace.yaml`` loads.

``build_defs`` assembles everything from settings, so that a test or the command line can have it
with other settings; ``defs`` is the one for Dagster's services.
"""

from __future__ import annotations

import importlib
from dataclasses import asdict

import dagster as dg

from eo_assets.catalog.regions import Region, load_regions
from eo_assets.defs.build import build_asset
from eo_assets.defs.dask_cluster import DaskCluster
from eo_assets.defs.events import Show, event_logger
from eo_assets.defs.freshness import freshness_checks
from eo_assets.defs.jobs import (
    application_job,
    chain_job,
    freshness_job,
    freshness_schedule,
    region_job,
    year_job,
)
from eo_assets.defs.options import LaunchOptions
from eo_assets.defs.partitions import date_by_region
from eo_assets.defs.product_store import ProductStore
from eo_assets.defs.source import SceneSource
from eo_assets.defs.steps import StepDefaults
from eo_assets.defs.watching import WatchDefaults
from eo_assets.settings import Settings, load_settings
from eo_assets.workers.where import Workers

STEPS = ("stac_items", "band_stack", "mosaic", "geotiff", "clusters", "reports")
"""The assets in their order; each is a module of ``eo_assets.defs.assets``."""

APPLICATIONS = ("segments", "parcel_stats", "land_cover", "index_maps", "change")
"""Assets made from a date's mosaic when somebody wants them; modules beside those of the steps."""

OF_YEARS = ("burnt_areas",)
"""Assets of a region and a calendar year; modules beside the others."""

OF_REGIONS = ("terrain", "parcel_profiles", "region_report", "burnt_area_report")
"""Assets of a region as a whole, partitioned by region alone; modules beside the others."""

ASSETS = (*STEPS, *APPLICATIONS, *OF_YEARS, *OF_REGIONS)

SENSORS = ("new_scenes",)
"""What starts runs by itself; each is a module of ``eo_assets.defs.sensors``."""


def build_defs(
    settings: Settings,
    *,
    regions: dict[str, Region] | None = None,
    collection: str = "",
    show: Show | None = None,
) -> dg.Definitions:
    """Assemble assets, resources, jobs, schedules and sensors.

    Args:
        settings: The settings.
        regions: Regions by id; those the settings name when not given.
        collection: Use this collection instead of each region's own.
        show: Shows events of a run; Dagster's own console logger when not given.

    Returns:
        The definitions.
    """
    known = load_regions(settings.regions) if regions is None else regions
    defaults = StepDefaults(
        partitions=date_by_region(settings.first_date, known, settings.cadence),
        years=date_by_region(settings.first_date, known, "yearly"),
        regions=known,
        cadence=settings.cadence,
        composite=settings.composite,
        failure_budget=settings.failure_budget,
        block_px=settings.block_px,
        clusters=settings.clusters,
        max_retries=settings.max_retries,
        owner=settings.owner,
        parcels=str(settings.parcels or ""),
        sites=str(settings.sites or ""),
        training=settings.training,
    )
    checks = freshness_checks(defaults)
    freshness = freshness_job(checks)
    return dg.Definitions(
        assets=[build_asset(step, defaults) for step in ASSETS],
        asset_checks=[checks],
        jobs=[
            chain_job(checks),
            freshness,
            *(application_job(name, checks) for name in APPLICATIONS),
            *(year_job(name) for name in OF_YEARS),
            *(region_job(name) for name in OF_REGIONS),
        ],
        schedules=[freshness_schedule(freshness)],
        sensors=_sensors(settings, defaults),
        resources={
            "source": SceneSource(
                catalog=settings.catalog,
                sample_dir=str(settings.sample_dir),
                max_cloud_cover_pct=settings.max_cloud_cover_pct,
            ),
            "options": LaunchOptions(collection=collection),
            "products": ProductStore(
                root=str(settings.outputs),
                url=settings.products_url,
                tiles_url=settings.tiles_url,
                catalog=settings.product_catalog,
            ),
            "dask": DaskCluster(
                **asdict(Workers.of(settings)), dashboard_url=settings.dask_dashboard_url
            ),
        },
        # parallel work is Dask's; a process a step would pay for its start-up six times
        executor=dg.in_process_executor,
        loggers={"console": event_logger(show)} if show else None,
    )


def _sensors(settings: Settings, steps: StepDefaults) -> list[dg.SensorDefinition]:
    defaults = WatchDefaults(
        partitions=steps.partitions,
        regions=steps.regions,
        cadence=steps.cadence,
        ledger=settings.ledger,
        enabled=settings.sensor_enabled,
        interval_s=settings.sensor_interval_s,
        lookback_days=settings.sensor_lookback_days,
        start_days=settings.sensor_start_days,
        max_runs=settings.sensor_max_runs,
    )
    modules = [importlib.import_module(f"eo_assets.defs.sensors.{name}") for name in SENSORS]
    return [sensor for module in modules for sensor in module.build(defaults)]


defs = build_defs(load_settings())
