"""The tasks of change: what differs between two dates of one grid, strip by strip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
import xarray as xr
from rasterio.enums import Resampling
from rasterio.windows import Window

from eo_assets.catalog.indices import get_index
from eo_assets.cube.grid import Grid
from eo_assets.pipeline.index_map_tasks import INDEX_NODATA, INDEX_SCALE, pack_index
from eo_assets.pipeline.mosaic_blocks import bands_of, open_mosaic
from eo_assets.places import place, reading
from eo_assets.storage.cog import CogBand, write_cog

Counts = npt.NDArray[np.int64]

FARTHEST = 20_000
"""Steps of ``INDEX_SCALE``: two indices from -1 to 1 are no farther apart."""

IDS = 256
"""Class ids are bytes: a transition is stored as ``from * IDS + to``, 0 where either is missing."""


@dataclass(frozen=True, kw_only=True)
class DifferenceTask:
    """A difference of an index to make.

    Attributes:
        earlier: Path of the earlier mosaic.
        later: Path of the later one, on the same grid.
        index: Name of the index.
        grid: The grid.
        target: GeoTIFF to write.
        tags: About the file.
    """

    earlier: str
    later: str
    index: str
    grid: Grid
    target: str
    tags: Mapping[str, str]


def write_difference(task: DifferenceTask) -> Counts:
    """Write the later index minus the earlier; runs on a worker.

    Returns:
        Pixels by difference, from ``-FARTHEST`` to ``FARTHEST`` steps; those beyond count as there.
    """
    counts = np.zeros(2 * FARTHEST + 1, np.int64)
    with open_mosaic(task.earlier) as earlier, open_mosaic(task.later) as later:

        def read(_band: str, window: tuple[slice, slice]) -> npt.NDArray[Any]:
            difference = _index(task.index, later, window) - _index(task.index, earlier, window)
            packed = pack_index(difference)
            steps = np.clip(packed[packed != INDEX_NODATA].astype(np.int64), -FARTHEST, FARTHEST)
            counts[:] += np.bincount(steps + FARTHEST, minlength=counts.size)
            return packed

        write_cog(
            place(task.target),
            task.grid.geobox,
            [CogBand(name=f"{task.index}_difference", units="1", scale=INDEX_SCALE)],
            read,
            dtype="int16",
            nodata=INDEX_NODATA,
            tags=task.tags,
            overview_resampling="average",
        )
    return counts


def _index(name: str, dataset: xr.Dataset, window: tuple[slice, slice]) -> npt.NDArray[np.float32]:
    index = get_index(name)
    bands = {band.name: band for band in bands_of(dataset)}
    return index.compute(
        {
            band: bands[band].unpack(dataset[band][window].to_numpy())
            for band in index.bands_in(tuple(bands))
        }
    )


@dataclass(frozen=True, kw_only=True)
class TransitionTask:
    """Transitions between classes to find.

    Attributes:
        earlier: Path of the earlier class map.
        later: Path of the later one, on the same grid.
        grid: The grid.
        target: GeoTIFF to write.
        tags: About the file.
    """

    earlier: str
    later: str
    grid: Grid
    target: str
    tags: Mapping[str, str]


def write_transitions(task: TransitionTask) -> Counts:
    """Write which class each pixel had and has; runs on a worker.

    Returns:
        Pixels by earlier and later class id, ``(IDS, IDS)``; those without a class on either date
        are not counted.
    """
    counts = np.zeros(IDS * IDS, np.int64)
    with (
        reading(place(task.earlier)) as first,
        reading(place(task.later)) as second,
        rasterio.open(first) as earlier,
        rasterio.open(second) as later,
    ):

        def read(_band: str, window: tuple[slice, slice]) -> npt.NDArray[Any]:
            place = Window.from_slices(*window)
            before, after = (file.read(1, window=place) for file in (earlier, later))
            codes = before.astype(np.uint16) * IDS + after
            codes[(before == 0) | (after == 0)] = 0
            counts[:] += np.bincount(codes.ravel(), minlength=counts.size)
            return codes

        write_cog(
            place(task.target),
            task.grid.geobox,
            [CogBand(name="transition")],
            read,
            dtype="uint16",
            nodata=0,
            tags=task.tags,
            overview_resampling="mode",
            statistics=False,
        )
    counts[0] = 0
    return counts.reshape(IDS, IDS)


@dataclass(frozen=True)
class ShrinkTask:
    """A GeoTIFF to read small.

    Attributes:
        path: The file.
        factor: Pixels a side that become one.
        classes: Whether the most frequent pixel stands for the others, or their mean.
    """

    path: str
    factor: int
    classes: bool


def shrink(task: ShrinkTask) -> npt.NDArray[Any]:
    """Read a GeoTIFF small; runs on a worker.

    Returns:
        ``(y, x)``: numbers of classes as stored, or values as float32, NaN where there is none.
    """
    with reading(place(task.path)) as path, rasterio.open(path) as file:
        shape = tuple(-(-side // task.factor) for side in file.shape)
        how = Resampling.mode if task.classes else Resampling.average
        pixels = file.read(1, out_shape=shape, resampling=how, masked=not task.classes)
        if task.classes:
            return np.asarray(pixels)
        return (pixels.astype(np.float32) * np.float32(file.scales[0])).filled(np.nan)
