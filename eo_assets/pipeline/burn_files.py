"""Burnt areas as files: GeoTIFFs of indices and of severity, patches, the table of sites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas
import numpy as np
import numpy.typing as npt
import zarr
from odc.geo.crs import CRS

from eo_assets.cube.grid import Grid
from eo_assets.fires.patches import keep_large, least_pixels, patch_table
from eo_assets.fires.severity import (
    BURNT,
    CLASSES,
    NODATA,
    UNCHANGED,
    dnbr,
    rbr,
    rdnbr,
    severity,
)
from eo_assets.fires.sites import Ground, site_table
from eo_assets.pipeline.burn_blocks import BIN, BINS, LAYERS, Float, unpacked
from eo_assets.pipeline.class_products import rgba_of
from eo_assets.places import place
from eo_assets.places.zarrs import zarr_at
from eo_assets.storage.cog import CogBand, write_cog
from eo_assets.storage.tables import write_table

INDEX_SCALE, INDEX_NODATA = 0.001, -32_768
TITLES = {
    "dnbr": "Difference of the normalised burn ratio, before minus after",
    "rbr": "Relativised burn ratio",
    "rdnbr": "Relative difference of the normalised burn ratio",
}
PATCHES, SITES = "patches.parquet", "sites.parquet"
_STRIP = 512


@dataclass(frozen=True, kw_only=True)
class FilesTask:
    """Files to write.

    Attributes:
        layers: Path of the Zarr with the burn ratios.
        grid: Its grid.
        sites: The sites, checked and in the grid's CRS.
        indices: GeoTIFF of the indices to write.
        severity: GeoTIFF of the classes to write.
        offset: dNBR of unchanged vegetation, taken off.
        vegetated_ndvi: Least NDVI before of what counts as vegetation.
        min_patch_ha: Minimum mapping unit.
        tags: About the files.
    """

    layers: str
    grid: Grid
    sites: geopandas.GeoDataFrame
    indices: str
    severity: str
    offset: float
    vegetated_ndvi: float
    min_patch_ha: float
    tags: Mapping[str, str]


def unchanged_dnbr(counts: npt.NDArray[np.int64]) -> float:
    """Give the median dNBR of unchanged vegetation: what the season does without any fire.

    It is taken off, after Parks et al. 2018 (doi:10.3390/rs10060879), who take the mean around each
    fire; here it is one number for the region.

    Args:
        counts: Vegetated pixels by dNBR, see ``burn_blocks.BIN``.

    Returns:
        Median of those not farther than ``UNCHANGED`` from zero; 0 without any.
    """
    middle, reach = BINS // 2, round(UNCHANGED / BIN)
    near = counts[middle - reach : middle + reach + 1].cumsum()
    if not near[-1]:
        return 0.0
    return float(BIN * (int(np.searchsorted(near, near[-1] / 2)) - reach))


def write_files(task: FilesTask) -> dict[str, float | int | str]:
    """Write all files of a year; runs on a worker.

    The classes of the region lie in memory once, a byte a pixel, and their patches, four: a patch
    may reach as far as it likes. Everything else passes through in strips.

    Args:
        task: What to write.

    Returns:
        Numbers for the record.
    """
    layers = _Layers(task)
    codes = np.empty(task.grid.shape, np.uint8)
    for top in range(0, codes.shape[0], _STRIP):
        window = (slice(top, top + _STRIP), slice(0, codes.shape[1]))
        codes[window] = layers.classes(window)
    geobox, folder = task.grid.geobox, place(task.severity).parent
    ground = Ground(geobox.transform, CRS(task.grid.crs).to_wkt())
    patches = keep_large(codes, least_pixels(task.min_patch_ha, ground.pixel_ha))
    _write_indices(task, layers)
    _write_severity(task, patches.codes)
    table = patch_table(patches, geobox.transform, task.grid.crs)
    write_table(folder / PATCHES, table, compression="zstd")
    by_site = site_table(patches.codes, ground, task.sites)
    write_table(folder / SITES, by_site, compression="zstd")
    hectares = np.bincount(patches.codes.ravel(), minlength=256) * ground.pixel_ha
    burnt = {f"{one.key}_ha": round(float(hectares[one.code]), 2) for one in BURNT}
    return {
        "burnt_ha": round(sum(burnt.values()), 2),
        **burnt,
        "patches": len(table),
        "dropped_ha": round(patches.dropped_px * ground.pixel_ha, 2),
        "sites": len(by_site),
        "sites_burnt": int((by_site["burnt_ha"] > 0).sum()),
        "sites_burnt_ha": round(float(by_site["burnt_ha"].sum()), 2),
    }


class _Layers:
    """The burn ratios of a window, and what follows from them."""

    def __init__(self, task: FilesTask) -> None:
        self._task = task
        group = zarr.open_group(**zarr_at(task.layers), mode="r")
        self._stored: dict[str, Any] = {name: group[name] for name in LAYERS}

    def _values(self, name: str, window: tuple[slice, slice]) -> Float:
        return unpacked(name, np.asarray(self._stored[name][window]))

    def indices(self, window: tuple[slice, slice]) -> dict[str, Float]:
        before = self._values("nbr_before", window)
        difference = dnbr(before, self._values("nbr_after", window))
        difference = difference - np.float32(self._task.offset)
        return {
            "dnbr": difference,
            "rbr": rbr(difference, before),
            "rdnbr": rdnbr(difference, before),
        }

    def classes(self, window: tuple[slice, slice]) -> npt.NDArray[np.uint8]:
        vegetated = self._values("ndvi_before", window) >= np.float32(self._task.vegetated_ndvi)
        return severity(self.indices(window)["dnbr"], vegetated)


def _write_indices(task: FilesTask, layers: _Layers) -> None:
    def read(name: str, window: tuple[slice, slice]) -> npt.NDArray[Any]:
        steps = np.rint(layers.indices(window)[name] / INDEX_SCALE)
        known = np.isfinite(steps)
        return np.where(known, np.clip(steps, -32_767, 32_767), INDEX_NODATA).astype(np.int16)

    write_cog(
        place(task.indices),
        task.grid.geobox,
        [
            CogBand(name=name, units="1", scale=INDEX_SCALE, tags={"long_name": title})
            for name, title in TITLES.items()
        ],
        read,
        dtype="int16",
        nodata=INDEX_NODATA,
        tags=task.tags,
        overview_resampling="average",
    )


def _write_severity(task: FilesTask, codes: npt.NDArray[np.uint8]) -> None:
    write_cog(
        place(task.severity),
        task.grid.geobox,
        [CogBand(name="severity", tags={f"CLASS_{one.code}": one.title for one in CLASSES})],
        lambda _band, window: codes[window],
        dtype="uint8",
        nodata=NODATA,
        tags=task.tags,
        overview_resampling="mode",
        colours={NODATA: (0, 0, 0, 0), **{one.code: rgba_of(one.colour) for one in CLASSES}},
        statistics=False,
    )
