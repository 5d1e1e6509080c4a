"""The making of a year's burnt areas: ratios block by block, then files from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import geopandas
import numpy as np
from odc.geo.geobox import GeoBox

from eo_assets import __version__
from eo_assets.catalog.collections import get_collection
from eo_assets.catalog.indices import get_index
from eo_assets.catalog.regions import Region
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.grid import Grid, blocks, region_geobox
from eo_assets.pipeline.burn_blocks import LAYERS, BurnSummary, BurnTask, compute_block, packed
from eo_assets.pipeline.burn_files import PATCHES, SITES, FilesTask, unchanged_dnbr, write_files
from eo_assets.pipeline.burn_item import write_burn_item
from eo_assets.pipeline.burn_scenes import (
    NBR,
    bands_of,
    check_budget,
    checked,
)
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import Place, remove_tree
from eo_assets.storage.mosaic_zarr import CHUNK, create_mosaic
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Record

NEVER_SEEN_TWICE = "never_seen_twice"
_SCRATCH = "ratios.zarr"


@dataclass(frozen=True, kw_only=True)
class BurntAreaOptions:
    """What can be chosen.

    Attributes:
        season: First and last day of the season that is compared.
        min_patch_ha: Minimum mapping unit: smaller burnt patches are left out.
        vegetated_ndvi: Least NDVI before of what can burn.
        remove_offset: Take off the median dNBR of unchanged vegetation.
    """

    season: str = "07-01..08-31"
    min_patch_ha: float = 1.0
    vegetated_ndvi: float = 0.3
    remove_offset: bool = True


def burn_geobox(region: Region) -> GeoBox:
    """Give the grid of burnt areas: the region's, at the burn ratio's own resolution.

    Raises:
        RegionError: The region's grid is unusable.
    """
    collection = get_collection(region.collection)
    names = get_index(NBR).bands_in(bands_of(collection.id))
    native_m = max(collection.band(name).resolution_m for name in names)
    resolution_m = max(region.resolution_m or collection.resolution_m, native_m)
    return region_geobox(region.model_copy(update={"resolution_m": resolution_m}))


@dataclass(frozen=True)
class BurnMaking:
    """What is needed throughout the making of one product."""

    partition: Partition
    geobox: GeoBox
    folder: Place
    runner: TaskRunner
    options: BurntAreaOptions

    def made(
        self,
        record: Record,
        seasons: tuple[VirtualCube, VirtualCube],
        sites: geopandas.GeoDataFrame,
        failure_budget: float,
        block_px: int,
    ) -> Record:
        """Make all files; give the record with what came of it."""
        before, bad_before = checked(seasons[0], self.runner, failure_budget)
        after, bad_after = checked(seasons[1], self.runner, failure_budget)
        results = self._ratios(before, after, block_px)
        unread = {scene: why for one in results for scene, why in one.failures.items()}
        check_budget(unread, len(before.scenes) + len(after.scenes), failure_budget)
        lost = {**bad_before, **bad_after, **unread}
        region_px = max(sum(one.region_px for one in results), 1)
        seen_px = sum(one.seen_px for one in results)
        summary: dict[str, float | int | str] = {
            **record.summary,
            "seen_pct": round(100 * seen_px / region_px, 3),
            "scenes_left_out": len(lost),
            "left_out": "; ".join(f"{scene}: {why}" for scene, why in sorted(lost.items())),
        }
        record = record.model_copy(update={"summary": summary})
        if seen_px:
            record = self._files(record, (before, after), results, sites)
        else:
            record = record.model_copy(update={"empty": NEVER_SEEN_TWICE})
        remove_tree(self.folder / _SCRATCH)
        return record

    def _ratios(self, before: VirtualCube, after: VirtualCube, block_px: int) -> list[BurnSummary]:
        scratch = self.folder / _SCRATCH
        template = {name: np.full((1, 1), np.nan, np.float32) for name in LAYERS}
        create_mosaic(scratch, packed(template), self.geobox)
        tasks = [
            BurnTask(
                before=before,
                after=after,
                grid=Grid.of(self.geobox),
                target=str(scratch),
                block=block,
                outline=self.partition.region.geometry,
                vegetated_ndvi=self.options.vegetated_ndvi,
            )
            for block in blocks(self.geobox, size=block_px, chunk=CHUNK)
        ]
        return self.runner.map(compute_block, tasks, label="burn ratios")

    def _files(
        self,
        record: Record,
        seasons: tuple[VirtualCube, VirtualCube],
        results: Sequence[BurnSummary],
        sites: geopandas.GeoDataFrame,
    ) -> Record:
        options, grid = self.options, Grid.of(self.geobox)
        counts = np.sum([one.counts for one in results], axis=0)
        offset = unchanged_dnbr(counts) if options.remove_offset else 0.0
        indices, severity = (
            self.partition.product_name(
                name, crs=grid.crs, resolution_m=float(self.geobox.resolution.x)
            )
            for name in ("burn-indices", "burn-severity")
        )
        before, after = (" ".join(scene.id for scene in cube.scenes) for cube in seasons)
        task = FilesTask(
            layers=str(self.folder / _SCRATCH),
            grid=grid,
            sites=sites,
            indices=str(self.folder / f"{indices}.tif"),
            severity=str(self.folder / f"{severity}.tif"),
            offset=offset,
            vegetated_ndvi=options.vegetated_ndvi,
            min_patch_ha=options.min_patch_ha,
            tags={
                "TIFFTAG_SOFTWARE": f"eo_assets {__version__}",
                "SEASON": options.season,
                "SCENES_BEFORE": before,
                "SCENES_AFTER": after,
                "DNBR_OFFSET": f"{offset:g}",
                "MIN_PATCH_HA": f"{options.min_patch_ha:g}",
                "NOTE": "dNBR thresholds of the USGS (Key and Benson 2006), not calibrated here.",
            },
        )
        [numbers] = self.runner.map(write_files, [task], label="files")
        files = {
            "severity": f"{severity}.tif",
            "indices": f"{indices}.tif",
            "patches": PATCHES,
            "sites": SITES,
            "stac_item": f"{severity}.json",
        }
        summary = {**record.summary, "dnbr_offset": offset, **numbers}
        record = record.model_copy(update={"summary": summary, "files": files})
        write_burn_item(self.partition, record, task, seasons, self.geobox)
        return record
