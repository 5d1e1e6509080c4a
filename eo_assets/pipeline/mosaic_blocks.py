"""Reading a stored mosaic block by block, packed as it is stored."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from eo_assets.clustering.bands import StoredBand
from eo_assets.errors import ConfigurationError, MissingArtifactError

OBSERVATIONS = "observations"
"""Variable that counts the valid observations of each pixel."""

SOURCE = "source"
"""Variable that names the item each pixel came from: 1 is the first, 0 none."""


@dataclass(frozen=True)
class Block:
    """A window of the mosaic's grid: first row and column, and those after the last."""

    row: int
    col: int
    end_row: int
    end_col: int

    @property
    def window(self) -> tuple[slice, slice]:
        """For indexing arrays ``(y, x)``."""
        return slice(self.row, self.end_row), slice(self.col, self.end_col)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.end_row - self.row, self.end_col - self.col


def blocks_of(shape: tuple[int, int], size: int) -> list[Block]:
    """Cut a grid of rows and columns into blocks of ``size``, smaller at the far edges."""
    rows, cols = shape
    return [
        Block(row, col, min(row + size, rows), min(col + size, cols))
        for row in range(0, rows, size)
        for col in range(0, cols, size)
    ]


def open_mosaic(mosaic: str) -> xr.Dataset:
    """Open a stored mosaic, packed and lazy; nothing but metadata is read.

    Raises:
        MissingArtifactError: There is no mosaic.
    """
    try:
        return xr.open_zarr(mosaic, chunks=None, mask_and_scale=False, consolidated=False)
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
        if band.dims == ("y", "x") and name not in {OBSERVATIONS, SOURCE}
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


def read_packed(
    dataset: xr.Dataset, bands: Sequence[StoredBand], block: Block
) -> npt.NDArray[np.uint16]:
    """Read one block of the bands: ``(band, y, x)``, packed."""
    return np.stack([dataset[band.name][block.window].to_numpy() for band in bands])
