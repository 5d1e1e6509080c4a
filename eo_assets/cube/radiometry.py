"""Digital numbers to packed values, by table.

Products pack a value into ``uint16`` (``eo_assets.catalog.bands.Quantity``). A digital number is
16 bits too, so the whole conversion - scaling, offset, saturation, fill, rounding - is a table of
65 536 entries: exact, the same everywhere, and as fast as memory.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from eo_assets.cube.scene import SourceBand

Packed = npt.NDArray[np.uint16]

PACKED_MAX = 65534
"""Largest packed value; 0 is "no observation"."""


def packed_values(dn: npt.NDArray[Any], band: SourceBand) -> Packed:
    """Convert a scene's digital numbers to packed values.

    Args:
        dn: Digital numbers, any shape: uint16, or floats that are values already.
        band: The band they were read from.

    Returns:
        Packed values in the shape of ``dn``:
        ``value = packed * band.value_scale + band.value_offset``; 0 where there
        is no observation, where the detector was saturated, or where the provider's valid range
        is left. A valid value at or below zero - dark water or shade after the atmosphere's
        correction - becomes 1, the smallest that is still an observation.
    """
    if dn.dtype.kind == "f":
        return _packed_floats(dn, band)
    table = _table(
        band.scale,
        band.offset,
        band.nodata,
        band.valid_min,
        band.valid_max,
        band.value_scale,
        band.value_offset,
    )
    if dn.ndim == 2 and dn.dtype == np.uint16 and dn.size:
        # the same as indexing, several times faster
        return np.asarray(cv2.LUT(dn, table), np.uint16)
    return table[dn]


def _packed_floats(values: npt.NDArray[Any], band: SourceBand) -> Packed:
    real = values.astype(np.float64) * band.scale + band.offset
    with np.errstate(invalid="ignore"):
        valid = (values >= band.valid_min) & (values <= band.valid_max)
        packed = np.clip(np.rint((real - band.value_offset) / band.value_scale), 1, PACKED_MAX)
    return np.where(valid, packed, 0).astype(np.uint16)


@lru_cache(maxsize=64)
def _table(
    scale: float,
    offset: float,
    nodata: int,
    valid_min: int,
    valid_max: int,
    value_scale: float,
    value_offset: float,
) -> Packed:
    dn = np.arange(65_536)
    packed = np.rint((dn * scale + offset - value_offset) / value_scale)
    packed = np.clip(packed, 1, PACKED_MAX).astype(np.uint16)
    packed[(dn == nodata) | (dn < valid_min) | (dn > valid_max)] = 0
    packed.setflags(write=False)
    return packed
