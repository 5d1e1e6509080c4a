"""How often each pixel burnt over the years, counted from the severity maps of single years."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import geopandas
import numpy as np
import numpy.typing as npt
import pandas as pd
import rasterio
from odc.geo.crs import CRS
from rasterio.windows import Window

from eo_assets.cube.grid import Grid
from eo_assets.errors import GridMismatchError
from eo_assets.fires.severity import NODATA, is_burnt
from eo_assets.fires.sites import ID, NAME, Ground, covered_px, site_names
from eo_assets.pipeline.class_products import rgba_of
from eo_assets.places import place, reading
from eo_assets.reporting.overview import LONGEST_PX
from eo_assets.storage.cog import CogBand, write_cog

NEVER_SEEN = 255
TIMES = {1: ("Burnt in one year", "#F2A93B"), 2: ("In two years", "#A8283C"),
         3: ("In three years or more", "#3B0A5E")}  # fmt: skip
_UNBURNT = "#EFEDE3"
_MARGIN_PX, _LEAST_PX, _LEAST_RATIO = 40, 250, 0.65


@dataclass(frozen=True, kw_only=True)
class HistoryTask:
    """Years to count.

    Attributes:
        maps: Path of the severity map of each year.
        target: GeoTIFF to write.
        sites: Sites in the grid's CRS.
        tags: About the file.
    """

    maps: Mapping[int, str]
    target: str
    sites: geopandas.GeoDataFrame
    tags: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class History:
    """What came of it.

    Attributes:
        grid: Grid of the maps.
        burnt_ha: Hectares that burnt in at least one year.
        repeat_ha: Those that burnt in more than one.
        by_site: ``id, name, burnt_once_ha`` (in exactly one year), ``repeat_ha`` (in more).
        views: Severity of each year around what burnt, thinned, ``(y, x)``.
        times: How often it burnt there, up to 3; ``NEVER_SEEN`` where no year saw it.
        corner: Row and column of their first pixel in the grid.
        factor: Pixels a side that became one.
    """

    grid: Grid
    burnt_ha: float
    repeat_ha: float
    by_site: pd.DataFrame
    views: Mapping[int, npt.NDArray[np.uint8]]
    times: npt.NDArray[np.uint8]
    corner: tuple[int, int]
    factor: int


def count_years(task: HistoryTask) -> History:
    """Count in how many years each pixel burnt, and write it; runs on a worker.

    Counts of the region lie in memory once, a byte a pixel; maps are read in strips.

    Raises:
        GridMismatchError: The maps are not all on one grid.
    """
    with ExitStack() as stack:
        files = {
            y: stack.enter_context(rasterio.open(stack.enter_context(reading(place(p)))))
            for y, p in sorted(task.maps.items())
        }
        grid = _common_grid(files)
        times = np.zeros(grid.shape, np.uint8)
        seen = np.zeros(grid.shape, np.bool_)
        for file in files.values():
            for top in range(0, grid.shape[0], 512):
                codes = file.read(1, window=Window(0, top, grid.shape[1], 512))
                rows = slice(top, top + 512)
                times[rows] += is_burnt(codes)
                seen[rows] |= codes != NODATA
        corner, shape = _extent(times > 0)
        factor = max(-(-max(shape) // LONGEST_PX), 1)
        cut = np.s_[corner[0] : corner[0] + shape[0], corner[1] : corner[1] + shape[1]]
        views = {
            year: file.read(1, window=Window.from_slices(*cut))[::factor, ::factor]
            for year, file in files.items()
        }
    stored = np.where(seen, np.minimum(times, 3), np.uint8(NEVER_SEEN)).astype(np.uint8)
    _write(task, grid, stored)
    ground = Ground(grid.geobox.transform, CRS(grid.crs).to_wkt())
    return History(
        grid=grid,
        burnt_ha=round(int((times > 0).sum()) * ground.pixel_ha, 2),
        repeat_ha=round(int((times > 1).sum()) * ground.pixel_ha, 2),
        by_site=_by_site(stored, ground, task.sites),
        views=views,
        times=stored[cut][::factor, ::factor],
        corner=corner,
        factor=factor,
    )


def _common_grid(files: Mapping[int, Any]) -> Grid:
    grids = {
        year: Grid(crs=str(file.crs), transform=tuple(file.transform)[:6], shape=file.shape)
        for year, file in files.items()
    }
    newest = grids[max(grids)]
    others = [str(year) for year, grid in grids.items() if grid != newest]
    if others:
        raise GridMismatchError(
            f"Burnt areas of {', '.join(others)} are on another grid than those of {max(grids)}.",
            "Materialise burnt_areas of these years again.",
        )
    return newest


def _extent(burnt: npt.NDArray[np.bool_]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The rectangle worth showing: what burnt with a margin, or everything when nothing did."""
    if not burnt.any():
        return (0, 0), (burnt.shape[0], burnt.shape[1])
    spans = [np.flatnonzero(burnt.any(axis=1 - axis)) for axis in (0, 1)]
    wanted = [max(int(span[-1] - span[0]) + 1 + 2 * _MARGIN_PX, _LEAST_PX) for span in spans]
    # neither very long nor very high, so that maps of all regions fit a page
    sizes = [
        min(max(size, int(_LEAST_RATIO * max(wanted))), length)
        for size, length in zip(wanted, burnt.shape, strict=True)
    ]
    starts = [
        int(np.clip((span[0] + span[-1] + 1 - size) // 2, 0, length - size))
        for span, size, length in zip(spans, sizes, burnt.shape, strict=True)
    ]
    return (starts[0], starts[1]), (sizes[0], sizes[1])


def _by_site(
    times: npt.NDArray[np.uint8], ground: Ground, sites: geopandas.GeoDataFrame
) -> pd.DataFrame:
    rows = [
        {
            ID: identity,
            NAME: name,
            "burnt_once_ha": counts[1] * ground.pixel_ha,
            "repeat_ha": counts[2:4].sum() * ground.pixel_ha,
        }
        for identity, name, counts in zip(
            sites[ID].astype(str),
            site_names(sites),
            covered_px(times, ground, sites),
            strict=True,
        )
    ]
    return pd.DataFrame(rows).round(4)


def _write(task: HistoryTask, grid: Grid, times: npt.NDArray[np.uint8]) -> None:
    names = {"CLASS_0": "Not burnt", **{f"CLASS_{n}": name for n, (name, _) in TIMES.items()}}
    colours = {0: rgba_of(_UNBURNT), **{n: rgba_of(colour) for n, (_, colour) in TIMES.items()}}
    write_cog(
        place(task.target),
        grid.geobox,
        [CogBand(name="years_burnt", tags=names)],
        lambda _band, window: times[window],
        dtype="uint8",
        nodata=NEVER_SEEN,
        tags=task.tags,
        overview_resampling="nearest",
        colours={NEVER_SEEN: (0, 0, 0, 0), **colours},
        statistics=False,
    )
