"""Reading a stored mosaic block by block, packed as it is stored."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr
from odc.geo.geobox import GeoBox

from eo_assets.clustering.bands import Packed, StoredBand
from eo_assets.cube.grid import Block, blocks
from eo_assets.errors import ConfigurationError, MissingArtifactError
from eo_assets.storage.mosaic_zarr import CHUNK
from eo_assets.storage.mosaic_zarr import open_mosaic as open_stored

OBSERVATIONS = "observations"
"""Variable that counts the valid observations of each pixel."""

SOURCE = "source"
"""Variable that names the item each pixel came from: 1 is the first, 0 none."""


def blocks_of(geobox: GeoBox, size: int) -> list[Block]:
    """Cut a mosaic's grid into blocks of about ``size`` pixels that share as few chunks as can be.

    Args:
        geobox: The grid.
        size: Largest edge of a block, pixels.

    Returns:
        Blocks, row by row.
    """
    return list(blocks(geobox, size=size, chunk=min(CHUNK, size)))


def open_mosaic(mosaic: str) -> xr.Dataset:
    """Open a stored mosaic, packed and lazy; nothing but metadata is read.

    Args:
        mosaic: Path of the Zarr.

    Returns:
        Its variables, packed.

    Raises:
        MissingArtifactError: There is no mosaic.
    """
    try:
        return open_stored(mosaic, packed=True)
    except FileNotFoundError as error:
        raise MissingArtifactError(
            f"There is no mosaic at {mosaic}.", "Materialise mosaic for this partition first."
        ) from error


def bands_of(dataset: xr.Dataset) -> tuple[StoredBand, ...]:
    """The spectral bands of a packed mosaic, from short to long waves.

    The store lists its variables in no particular order, so their wavelengths decide.
    """
    bands = [
        StoredBand(
            name=str(name),
            title=str(band.attrs.get("long_name", name)),
            wavelength_um=float(band.attrs.get("center_wavelength_um", math.inf)),
            units=str(band.attrs.get("units", "1")),
            scale=float(band.attrs.get("scale_factor", 1.0)),
            offset=float(band.attrs.get("add_offset", 0.0)),
            nodata=int(band.attrs.get("_FillValue", 0)),
        )
        for name, band in dataset.data_vars.items()
        if "scale_factor" in band.attrs
    ]
    return tuple(sorted(bands, key=lambda band: (band.wavelength_um, band.name)))


def select_bands(bands: Sequence[StoredBand], names: Sequence[str]) -> tuple[StoredBand, ...]:
    """The bands of these names, in the order of the names.

    Raises:
        ConfigurationError: The mosaic has no band of that name.
    """
    by_name = {band.name: band for band in bands}
    missing = [name for name in names if name not in by_name]
    if missing:
        raise ConfigurationError(
            f"The mosaic has no band {', '.join(missing)}; it has {', '.join(by_name)}.",
            "Choose features among the bands of the mosaic, or add the band to the region.",
        )
    return tuple(by_name[name] for name in names)


def read_packed(dataset: xr.Dataset, bands: Sequence[StoredBand], block: Block) -> Packed:
    """Read one block of the bands: ``(band, y, x)``, packed."""
    return np.stack([dataset[band.name][block.slices].to_numpy() for band in bands])
