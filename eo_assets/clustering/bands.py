"""A band as stored mosaics pack it into integers, and what packed pixels mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Packed = npt.NDArray[np.uint16]


@dataclass(frozen=True)
class StoredBand:
    """One band of a stored mosaic: ``value = packed * scale + offset``.

    Attributes:
        name: STAC common name.
        title: For people.
        wavelength_um: Centre of the band, micrometres; infinite when unknown.
        units: ``1`` is reflectance, ``K`` kelvin.
        scale: Value of one packed step.
        offset: Value of a packed zero.
        nodata: Packed value that means "no observation".
    """

    name: str
    title: str
    wavelength_um: float
    units: str
    scale: float
    offset: float
    nodata: int

    @property
    def is_reflectance(self) -> bool:
        """Whether it measures reflected sunlight rather than heat."""
        return self.units == "1"

    def unpack(self, packed: Packed) -> npt.NDArray[np.float32]:
        """Values as float32, NaN where there is no observation."""
        values = packed * np.float32(self.scale) + np.float32(self.offset)
        values[packed == self.nodata] = np.nan
        return values


def valid_in_all(planes: Packed, bands: Sequence[StoredBand]) -> npt.NDArray[np.bool_]:
    """Where every plane ``(band, ...)`` has an observation."""
    valid = np.ones(planes.shape[1:], bool)
    for plane, band in zip(planes, bands, strict=True):
        valid &= plane != band.nodata
    return valid


def unpack_all(planes: Packed, bands: Sequence[StoredBand]) -> npt.NDArray[np.float64]:
    """Values of valid planes ``(band, ...)`` in float64."""
    gain, shift = scales_of(bands)
    per_band = (-1,) + (1,) * (planes.ndim - 1)
    values: npt.NDArray[np.float64] = planes * gain.reshape(per_band) + shift.reshape(per_band)
    return values


def scales_of(
    bands: Sequence[StoredBand],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Scale and offset of each band."""
    return np.array([band.scale for band in bands]), np.array([band.offset for band in bands])
