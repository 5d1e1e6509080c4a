"""One block of a region's terrain: heights through the virtual cube, and what follows from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from eo_assets.catalog.bands import ELEVATION, Quantity
from eo_assets.cube.compositing import Status
from eo_assets.cube.evaluate import evaluate
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.grid import Block, Grid, inside, project_outline
from eo_assets.cube.packing import pack
from eo_assets.errors import SourceReadError
from eo_assets.storage.mosaic_zarr import write_block
from eo_assets.terrain.contours import Lines, contour_lines
from eo_assets.terrain.ground import ground_pixel_m
from eo_assets.terrain.surface import (
    HALO_PX,
    aspect_deg,
    hillshade,
    multidirectional_hillshade,
    slope_deg,
)

Float = npt.NDArray[np.float32]

LAYERS = {
    "elevation": ELEVATION,
    # a stored 1 is 0°: zero is kept for "unknown"
    "slope": Quantity(name="slope", units="degree", scale=0.01, offset=-0.01),
    "aspect": Quantity(name="aspect", units="degree", scale=0.01, offset=-0.01),
    "hillshade": Quantity(name="hillshade", units="1", scale=1.0),
}
"""What is stored, in this order."""

NEARLY_NORTH_DEG = 359.995
"""Aspects from here on round to a full turn."""

TITLES = {
    "elevation": "Elevation of the surface above the geoid",
    "slope": "Angle to the horizontal",
    "aspect": "Direction the slope falls to, clockwise from north; none where it is flat",
    "hillshade": "Brightness under light from the west half",
}


@dataclass(frozen=True, kw_only=True)
class TerrainTask:
    """One block to compute.

    Attributes:
        cube: The heights, not clipped: a block needs its neighbours'.
        grid: Grid of the region.
        target: Path of the Zarr to write to.
        block: Where.
        outline: Of the region, GeoJSON in longitude and latitude.
        sea: Where a missing tile means sea, GeoJSON likewise; None when it means "unknown".
        multidirectional: Shade under four lights instead of one.
        contour_interval_m: Difference in height between contours.
    """

    cube: VirtualCube
    grid: Grid
    target: str
    block: Block
    outline: dict[str, Any]
    sea: dict[str, Any] | None
    multidirectional: bool
    contour_interval_m: float


@dataclass(frozen=True, kw_only=True)
class TerrainSummary:
    """What came of a block.

    Attributes:
        region_px: Pixels of the region.
        known_px: Those with a height.
        sea_px: Those whose height is 0 because their tile is missing.
        low_m: Lowest height; NaN without any.
        high_m: Highest.
        height_sum_m: Sum of all.
        slope_sum_deg: Sum of all slopes.
        slope_px: Pixels with a slope.
        contours: Lines by height.
    """

    region_px: int
    known_px: int
    sea_px: int
    low_m: float
    high_m: float
    height_sum_m: float
    slope_sum_deg: float
    slope_px: int
    contours: Lines


def compute_terrain(task: TerrainTask) -> TerrainSummary:
    """Compute one block and write it; runs on a worker.

    Args:
        task: What to compute.

    Returns:
        What came of it.

    Raises:
        SourceReadError: A tile cannot be read.
        SourceUnavailableError: A server does not answer.
    """
    geobox = task.block.of(task.grid.geobox)
    around = geobox.pad(HALO_PX)
    heights, at_sea = _heights(task, around)
    core = (slice(HALO_PX, -HALO_PX), slice(HALO_PX, -HALO_PX))
    within = inside(geobox, project_outline(task.outline, CRS(geobox.crs)).json)
    dx_m, dy_m = ground_pixel_m(geobox)
    shade = multidirectional_hillshade if task.multidirectional else hillshade
    layers = {
        "elevation": heights[core],
        "slope": slope_deg(heights, dx_m=dx_m, dy_m=dy_m),
        "aspect": aspect_deg(heights, dx_m=dx_m, dy_m=dy_m),
        "hillshade": shade(heights, dx_m=dx_m, dy_m=dy_m),
    }
    clipped = {
        name: np.where(within, values, np.float32(np.nan)) for name, values in layers.items()
    }
    write_block(task.target, task.block, packed(clipped))
    elevation, slope = clipped["elevation"], clipped["slope"]
    known = np.isfinite(elevation)
    return TerrainSummary(
        region_px=int(within.sum()),
        known_px=int(known.sum()),
        sea_px=int((at_sea[core] & within).sum()),
        low_m=float(elevation[known].min()) if known.any() else float("nan"),
        high_m=float(elevation[known].max()) if known.any() else float("nan"),
        height_sum_m=float(elevation[known].sum(dtype=np.float64)),
        slope_sum_deg=float(np.nansum(slope, dtype=np.float64)),
        slope_px=int(np.isfinite(slope).sum()),
        # with the neighbours' first row and column, so that lines meet there
        contours=contour_lines(
            heights[1:, 1:], geobox.transform, interval_m=task.contour_interval_m
        ),
    )


def _heights(task: TerrainTask, geobox: GeoBox) -> tuple[Float, npt.NDArray[np.bool_]]:
    """Give heights on a grid, and which of them are 0 because their tile is missing.

    Args:
        task: What to compute.
        geobox: The grid.

    Returns:
        Metres, NaN unknown; and True where a missing tile is taken for sea.

    Raises:
        SourceReadError: A tile cannot be read.
    """
    result = evaluate(task.cube, geobox)
    failures = sorted({f"{read.scene}: {read.failure}" for read in result.reads if read.failure})
    status = result.packed["status"].to_numpy()
    if (status == Status.FAILED_READ).any():
        raise SourceReadError(
            f"Elevation tiles cannot be read: {'; '.join(failures[:3])}.",
            "Mend the archive and materialise terrain again.",
        )
    heights = result.decoded["elevation"].to_numpy()
    at_sea = np.zeros(heights.shape, bool)
    if task.sea is not None:
        at_sea = inside(geobox, project_outline(task.sea, CRS(geobox.crs)).json)
        at_sea &= status == Status.NO_COVERAGE
    return np.where(at_sea, np.float32(0), heights), at_sea


def packed(layers: dict[str, Float]) -> xr.Dataset:
    """Pack layers into the integers they are stored as.

    Args:
        layers: Values by name, dims ``(y, x)``; NaN unknown.

    Returns:
        One uint16 variable a layer with its CF attributes; 0 unknown.
    """
    return xr.Dataset(
        {
            # 359.996° is stored as north
            name: pack(
                np.where(values >= NEARLY_NORTH_DEG, 0, values) if name == "aspect" else values,
                LAYERS[name],
                long_name=TITLES[name],
            )
            for name, values in layers.items()
        }
    )
