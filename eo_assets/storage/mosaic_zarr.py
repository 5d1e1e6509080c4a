"""The mosaic as a chunked Zarr, written block by block by many workers at once.

One array a band, packed as its CF attributes say, so that ``xarray.open_zarr`` gives reflectance.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
import zarr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from zarr.codecs import BloscCodec

from eo_assets.cube.grid import Block
from eo_assets.places import Place
from eo_assets.places.zarrs import zarr_at

CHUNK = 512
"""Edge of a chunk, pixels: what one look at the mosaic decodes at least."""


def create_mosaic(path: str | Place, template: xr.Dataset, geobox: GeoBox) -> None:
    """Make an empty mosaic; chunks that are never written read as "no observation".

    Args:
        path: Where; must not exist.
        template: A dataset with the variables, dtypes and attributes of the mosaic, any size.
        geobox: The mosaic's grid.
    """
    group = zarr.open_group(
        **zarr_at(path), mode="w-", zarr_format=3, attributes={"Conventions": "CF-1.11"}
    )
    for name, variable in template.data_vars.items():
        attributes = dict(variable.attrs)
        fill = attributes.pop("_FillValue", np.nan if variable.dtype.kind == "f" else 0)
        array = group.create_array(
            str(name),
            shape=tuple(geobox.shape),
            chunks=(min(CHUNK, geobox.shape[0]), min(CHUNK, geobox.shape[1])),
            dtype=variable.dtype,
            # written once and read by every step after it: a quarter larger than with Zstandard,
            # and written and read in a third of the time
            compressors=BloscCodec(cname="lz4", clevel=1, shuffle="bitshuffle"),
            fill_value=fill,
            dimension_names=("y", "x"),
            attributes={**attributes, "grid_mapping": "spatial_ref"},
        )
        if "scale_factor" in attributes:
            # xarray takes "no observation" from this attribute
            array.attrs["_FillValue"] = _json_number(fill)
    _write_coordinates(group, geobox)


def _json_number(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


def _write_coordinates(group: zarr.Group, geobox: GeoBox) -> None:
    for name, coordinate in xr_coords(geobox).items():
        values = np.asarray(coordinate.values)
        array = group.create_array(
            str(name),
            shape=values.shape,
            chunks=values.shape or (),
            dtype=values.dtype,
            dimension_names=tuple(str(dim) for dim in coordinate.dims),
            attributes={str(k): _json_number(v) for k, v in coordinate.attrs.items()},
        )
        array[...] = values


def write_block(path: str | Place, block: Block, pixels: xr.Dataset) -> None:
    """Write one block; blocks share no chunk, so any number of workers may write at once.

    Args:
        path: The mosaic.
        block: Where the pixels belong.
        pixels: The pixels, packed.
    """
    group = zarr.open_group(**zarr_at(path), mode="r+")
    for name, variable in pixels.data_vars.items():
        values = variable.to_numpy()
        array = group[str(name)]
        assert isinstance(array, zarr.Array)
        blank = np.isnan(values) if values.dtype.kind == "f" else values == array.fill_value
        if not blank.all():
            # looking at every chunk for anything to write takes longer than compressing it
            array.with_config({"write_empty_chunks": True})[block.slices] = values


def open_arrays(path: str | Place) -> dict[str, zarr.Array[Any]]:
    """Open a mosaic for whoever needs stored integers and nothing of xarray, which takes longer.

    Args:
        path: The mosaic.

    Returns:
        Its arrays by name, coordinates too; dims of bands ``(y, x)``.
    """
    return dict(zarr.open_group(**zarr_at(path), mode="r").arrays())


def open_mosaic(path: str | Place, *, packed: bool = False) -> xr.Dataset:
    """Open a mosaic lazily.

    Args:
        path: The mosaic.
        packed: Give stored integers instead of physical values.

    Returns:
        One variable a band, dims ``(y, x)``: reflectance 0-1 or kelvin, NaN where there is no
        observation; and ``status``, ``observations``, ``source``.
    """
    at = zarr_at(path)
    return xr.open_zarr(
        at["store"],
        group=at["path"],
        chunks=None,
        consolidated=False,
        mask_and_scale=not packed,
        decode_coords="all",
    )
