"""What of a stored mosaic is looked at to judge it: its grid, and a sample of its chunks."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from affine import Affine
from odc.geo.geobox import GeoBox

from eo_assets.storage.mosaic_zarr import CHUNK

MOST_CHUNKS = 12
"""Chunks looked at, spread evenly: three million pixels a band."""


def stored_grid(mosaic: Mapping[str, zarr.Array[Any]]) -> GeoBox:
    """Give the grid that a mosaic's coordinates describe, whatever it was made for."""
    where = mosaic["spatial_ref"].attrs
    gdal = [float(number) for number in str(where["GeoTransform"]).split()]
    xs, ys = (np.asarray(mosaic[name][:]) for name in ("x", "y"))
    x, width = _origin_and_step(xs, gdal[1])
    y, height = _origin_and_step(ys, gdal[5])
    affine = Affine(width, 0, x, 0, height, y)
    return GeoBox((ys.size, xs.size), affine, str(where["crs_wkt"]))


def _origin_and_step(centres: npt.NDArray[Any], step: float) -> tuple[float, float]:
    if centres.size > 1:  # a single row or column has no spacing of its own
        step = float(centres[-1] - centres[0]) / (centres.size - 1)
    return float(centres[0]) - step / 2, step


def sampled(array: zarr.Array[Any]) -> npt.NDArray[Any]:
    """Read the chunks to look at, one after the other, as one dimension."""
    return np.concatenate(
        [np.asarray(array[window]).ravel() for window in sample_windows(array.shape)]
    )


def sample_windows(shape: tuple[int, ...]) -> list[tuple[slice, slice]]:
    """Give what to look at: everything, or as many chunks as are enough, spread evenly."""
    starts = list(itertools.product(range(0, shape[0], CHUNK), range(0, shape[1], CHUNK)))
    if len(starts) <= MOST_CHUNKS:
        return [(slice(0, shape[0]), slice(0, shape[1]))]
    chosen = [starts[i * len(starts) // MOST_CHUNKS] for i in range(MOST_CHUNKS)]
    return [
        (slice(row, min(row + CHUNK, shape[0])), slice(column, min(column + CHUNK, shape[1])))
        for row, column in chosen
    ]
