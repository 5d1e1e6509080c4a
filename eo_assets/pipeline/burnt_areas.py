"""Burnt areas of a year: what the burn ratio lost between a season and the same one a year before.

Pre and post images are medians over the same days of two years, so that phenology and light are
alike. What burnt after last year's season and up to this year's counts to this year.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from eo_assets import __version__
from eo_assets.catalog.regions import Region
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.grid import Grid
from eo_assets.pipeline.burn_making import BurnMaking, BurntAreaOptions, burn_geobox
from eo_assets.pipeline.burn_scenes import (
    Season,
    SeasonSearch,
    find_season,
    season_cube,
)
from eo_assets.pipeline.burn_sites import read_sites
from eo_assets.pipeline.sources import CatalogueSearch
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Record, Store, digest_of, file_digest
from eo_assets.storage.vectors import sites_file

STEP = "burnt_areas"
NO_SCENE = "season_without_scene"


@dataclass(frozen=True, kw_only=True)
class BurnSource:
    """Where scenes and sites come from.

    Attributes:
        catalog: What people call the catalogue.
        url: Address of its API, or a provider's id.
        sites: Folder with a file of protected sites for each region.
        failure_budget: Share of the scenes that may be unusable, 0-1.
        max_cloud_pct: Scenes that state more cloud are left out, per cent.
    """

    catalog: str
    url: str
    sites: Path
    failure_budget: float
    max_cloud_pct: float = 100.0


def materialise(
    partition: Partition,
    *,
    source: BurnSource,
    store: Store,
    runner: TaskRunner,
    options: BurntAreaOptions,
    block_px: int,
) -> Record:
    """Map the burnt areas of a region in a year, and measure them in each protected site.

    Args:
        partition: Region and year.
        source: Where scenes and sites come from.
        store: Where the product goes.
        runner: Where it is computed.
        options: What was chosen.
        block_px: Edge of a block, pixels; no result depends on it.

    Returns:
        The record; empty with ``season_without_scene`` when one of the seasons has none, and with
        ``never_seen_twice`` when no pixel was seen in both.

    Raises:
        ConfigurationError: The season is none, sites are missing or unusable, or the collection
            lacks a band.
        FailureBudgetError: Too many scenes cannot be used.
        SourceUnavailableError: The catalogue or a server does not answer.
        StorageError: The product cannot be stored.
    """
    region = partition.region
    geobox = burn_geobox(region)
    file = sites_file(source.sites, region.id)
    sites = read_sites(file, region)
    seasons = _searched(region, partition.date.year, source, store, runner, options)
    record = Record(
        step=STEP,
        region=region.id,
        collection=region.collection,
        date=partition.period,
        summary={
            "year": partition.date.year,
            "season": options.season,
            "min_patch_ha": options.min_patch_ha,
            "scenes_before": len(seasons[0].scenes),
            "scenes_after": len(seasons[1].scenes),
        },
        digest=digest_of(
            STEP,
            __version__,
            *(cube.digest for cube in seasons),
            file_digest(file),
            Grid.of(geobox).model_dump_json(),
            repr(options),
        ),
    )
    needs_bytes = 20 * geobox.shape[0] * geobox.shape[1]
    with store.publish(partition, STEP, needs_bytes=needs_bytes) as folder:
        if all(cube.scenes for cube in seasons):
            making = BurnMaking(partition, geobox, folder, runner, options)
            record = making.made(record, seasons, sites, source.failure_budget, block_px)
        else:
            record = record.model_copy(update={"empty": NO_SCENE})
        store.write_record(folder, record)
    return record


def _searched(
    region: Region,
    year: int,
    source: BurnSource,
    store: Store,
    runner: TaskRunner,
    options: BurntAreaOptions,
) -> tuple[VirtualCube, VirtualCube]:
    season = Season(options.season)
    searches = [
        SeasonSearch(
            cube=season_cube(region, season.days(one), source.max_cloud_pct),
            find_items=CatalogueSearch(catalog=source.catalog, url=source.url),
            store=store,
        )
        for one in (year - 1, year)
    ]
    before, after = runner.map(find_season, searches, label="STAC searches")
    return before, after
