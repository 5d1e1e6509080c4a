"""One block of a year's burn ratios: both seasons' medians, and how dNBR is distributed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.crs import CRS

from eo_assets.catalog.bands import Quantity
from eo_assets.cube.evaluate import evaluate
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.grid import Block, Grid, inside, project_outline
from eo_assets.cube.packing import pack
from eo_assets.fires.severity import dnbr
from eo_assets.pipeline.burn_scenes import NBR, NDVI
from eo_assets.storage.mosaic_zarr import write_block

Float = npt.NDArray[np.float32]

LAYERS = {
    # a stored 1 is an index of -1: zero is kept for "unknown"
    "nbr_before": Quantity(name="nbr", units="1", scale=0.0001, offset=-1.0001),
    "nbr_after": Quantity(name="nbr", units="1", scale=0.0001, offset=-1.0001),
    "ndvi_before": Quantity(name="ndvi", units="1", scale=0.0001, offset=-1.0001),
}
"""What is kept between the two looks at a region."""

MOST_STEPS = 20_001
"""The stored integer of an index of 1."""

BIN = 0.001
BINS = 2001
"""Of the histogram of dNBR, whose middle bin is 0; what is beyond -1 or 1 counts there."""


@dataclass(frozen=True, kw_only=True)
class BurnTask:
    """One block to compute.

    Attributes:
        before: Cube of the earlier season.
        after: Cube of the later one.
        grid: Grid of the region.
        target: Path of the Zarr to write to.
        block: Where.
        outline: Of the region, GeoJSON in longitude and latitude.
        vegetated_ndvi: Least NDVI before of what counts as vegetation.
    """

    before: VirtualCube
    after: VirtualCube
    grid: Grid
    target: str
    block: Block
    outline: dict[str, Any]
    vegetated_ndvi: float


@dataclass(frozen=True, kw_only=True)
class BurnSummary:
    """What came of a block.

    Attributes:
        region_px: Pixels of the region.
        seen_px: Those seen in both seasons.
        counts: Of the vegetated ones among them, by dNBR; see ``BIN``.
        failures: Scenes that could not be read, with the reason.
    """

    region_px: int
    seen_px: int
    counts: npt.NDArray[np.int64]
    failures: dict[str, str]


def compute_block(task: BurnTask) -> BurnSummary:
    """Compute one block and write it; runs on a worker.

    Args:
        task: What to compute.

    Returns:
        What came of it.

    Raises:
        SourceUnavailableError: A server does not answer.
    """
    geobox = task.block.of(task.grid.geobox)
    within = inside(geobox, project_outline(task.outline, CRS(geobox.crs)).json)
    before, after = evaluate(task.before, geobox), evaluate(task.after, geobox)
    layers = {
        "nbr_before": before.values(NBR),
        "nbr_after": after.values(NBR),
        "ndvi_before": before.values(NDVI),
    }
    stored = packed(
        {name: np.where(within, values, np.float32(np.nan)) for name, values in layers.items()}
    )
    write_block(task.target, task.block, stored)
    # as the second look will read it
    kept = {name: unpacked(name, stored[name].to_numpy()) for name in LAYERS}
    difference = dnbr(kept["nbr_before"], kept["nbr_after"])
    seen = np.isfinite(difference)
    vegetated = seen & (kept["ndvi_before"] >= np.float32(task.vegetated_ndvi))
    bins = np.rint(difference[vegetated] / BIN).astype(np.int64) + BINS // 2
    return BurnSummary(
        region_px=int(within.sum()),
        seen_px=int(seen.sum()),
        counts=np.bincount(np.clip(bins, 0, BINS - 1), minlength=BINS),
        failures={
            read.scene: read.failure
            for evaluation in (before, after)
            for read in evaluation.reads
            if read.failure
        },
    )


def packed(layers: dict[str, Float]) -> xr.Dataset:
    """Pack layers into the integers they are stored as.

    Args:
        layers: Values by name, dims ``(y, x)``; NaN unknown.

    Returns:
        One uint16 variable a layer with its CF attributes; 0 unknown.
    """
    return xr.Dataset(
        {name: pack(values, LAYERS[name], most=MOST_STEPS) for name, values in layers.items()}
    )


def unpacked(name: str, stored: npt.NDArray[np.uint16]) -> Float:
    """Give the values of a stored layer, NaN where unknown."""
    quantity = LAYERS[name]
    values = stored * np.float64(quantity.scale) + quantity.offset
    return np.where(stored == quantity.nodata, np.nan, values).astype(np.float32)
