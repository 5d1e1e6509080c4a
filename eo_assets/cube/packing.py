"""How packed bands describe themselves: the CF attributes that turn stored integers into values."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from eo_assets.catalog.bands import Band, Quantity
from eo_assets.catalog.collections import get_collection
from eo_assets.cube.scene import SourceBand


def packing(band: Band) -> dict[str, float | int | str]:
    """Give the CF attributes of a band's packed integers.

    Args:
        band: The band.

    Returns:
        ``scale_factor``, ``add_offset``, ``_FillValue`` and what describes the band.
    """
    quantity = band.quantity
    return {
        **_attributes(quantity),
        "standard_name": _STANDARD_NAMES.get(quantity.name, quantity.name),
        "long_name": band.title,
        "center_wavelength_um": band.center_wavelength_um,
        "full_width_half_max_um": band.full_width_half_max_um,
    }


def _attributes(quantity: Quantity) -> dict[str, float | int | str]:
    return {
        "scale_factor": quantity.scale,
        "add_offset": quantity.offset,
        "_FillValue": quantity.nodata,
        "units": quantity.units,
    }


_STANDARD_NAMES = {
    "reflectance": "surface_bidirectional_reflectance",
    "temperature": "surface_temperature",
    "elevation": "surface_altitude",
}


@lru_cache(maxsize=256)
def packings(collection_id: str, names: tuple[str, ...]) -> Mapping[str, Mapping[str, Any]]:
    """Give the attributes of bands of a collection, its quality band among them, by name."""
    collection = get_collection(collection_id)
    quality = collection.quality
    return MappingProxyType(
        {
            name: _classes(f"Quality band {name}")
            if quality is not None and name == quality.name
            else packing(collection.band(name))
            for name in names
        }
    )


def _classes(title: str) -> dict[str, Any]:
    return {
        "scale_factor": 1.0,
        "add_offset": 0.0,
        "_FillValue": 0,
        "units": "1",
        "long_name": title,
    }


def packing_of_file(band: SourceBand) -> dict[str, Any]:
    """Give the attributes of a band that belongs to no collection: one of a stored product."""
    return {
        "scale_factor": band.value_scale,
        "add_offset": band.value_offset,
        "_FillValue": 0,
        "units": band.units,
        "long_name": band.title,
    }


def pack(
    values: npt.NDArray[np.floating[Any]],
    quantity: Quantity,
    *,
    most: int = 65_534,
    **attributes: Any,
) -> xr.Variable:
    """Pack values into the integers they are stored as.

    Args:
        values: Dims ``(y, x)``; NaN unknown.
        quantity: What they measure, and in what steps.
        most: Largest integer stored; values beyond it become it, those below the first step 1.
        **attributes: More CF attributes.

    Returns:
        uint16 with its CF attributes; 0 unknown.
    """
    steps = np.rint((values.astype(np.float64) - quantity.offset) / quantity.scale)
    stored = np.where(np.isfinite(steps), np.clip(steps, 1, most), 0).astype(np.uint16)
    return xr.Variable(("y", "x"), stored, {**_attributes(quantity), **attributes})
