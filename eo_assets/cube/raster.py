"""One image on a grid while it is being computed: bands, packed as loaded or float, and status."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from eo_assets.cube.compositing import Image, Status
from eo_assets.cube.reading import Read

Float = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Plane:
    """One band.

    Attributes:
        values: Dims ``(y, x)``: integers packed as the attributes say, or float32 with NaN.
        attributes: CF attributes.
    """

    values: npt.NDArray[Any]
    attributes: Mapping[str, Any]

    @property
    def packed(self) -> bool:
        """Whether it holds packed integers."""
        return "scale_factor" in self.attributes

    def decoded(self) -> Float:
        """The values as float32; NaN where there is no observation."""
        if not self.packed:
            return self.values
        a = self.attributes
        table = _table(float(a["scale_factor"]), float(a["add_offset"]), int(a["_FillValue"]))
        decoded: Float = table[self.values]
        return decoded


@lru_cache(maxsize=32)
def _table(scale: float, offset: float, fill: int) -> Float:
    # computed in float64 and rounded once, as xarray decodes
    table = (np.arange(65_536) * scale + offset).astype(np.float32)
    table[fill] = np.nan
    table.setflags(write=False)
    return table


@dataclass(frozen=True)
class Raster:
    """One image.

    Attributes:
        bands: Bands by name.
        status: ``Status`` of each pixel, uint8.
        observations: Satellite passes that saw the pixel usably, uint8; 255 and more are 255.
        source: 1-based position of the scene a pixel is from, uint16; 0 for none or a mixture.
        reads: What was read.
        time: First moment of its period, ISO 8601; empty where it has none.
    """

    bands: dict[str, Plane]
    status: npt.NDArray[np.uint8]
    observations: npt.NDArray[np.uint8]
    source: npt.NDArray[np.uint16]
    reads: tuple[Read, ...] = ()
    time: str = ""

    @classmethod
    def of(cls, image: Image, attributes: Mapping[str, Mapping[str, Any]]) -> Raster:
        """Take over a composite."""
        return cls(
            bands={name: Plane(values, attributes[name]) for name, values in image.bands.items()},
            status=image.status,
            observations=image.observations,
            source=image.source,
            reads=tuple(image.reads),
        )

    def decoded(self, names: tuple[str, ...] | None = None) -> dict[str, Float]:
        """Give bands as float32, NaN where invalid."""
        return {name: self.bands[name].decoded() for name in names or self.bands}

    def select(self, names: Sequence[str]) -> Raster:
        """Keep some bands, in this order."""
        return replace(self, bands={name: self.bands[name] for name in names})

    def plus(self, planes: Mapping[str, Plane]) -> Raster:
        """Add bands, in place of those of the same name."""
        return replace(self, bands={**self.bands, **planes})

    def cropped(self, margin: int) -> Raster:
        """Take a margin off on all sides."""
        inner = (slice(margin, -margin or None),) * 2
        return replace(
            self,
            bands={n: Plane(p.values[inner], p.attributes) for n, p in self.bands.items()},
            status=self.status[inner],
            observations=self.observations[inner],
            source=self.source[inner],
        )

    def within(self, wanted: npt.NDArray[np.bool_]) -> Raster:
        """Make pixels outside invalid; gives itself where there is none."""
        if wanted.all():
            return self
        bands = {}
        for name, plane in self.bands.items():
            nothing = plane.attributes["_FillValue"] if plane.packed else np.nan
            values = np.where(wanted, plane.values, np.asarray(nothing, plane.values.dtype))
            bands[name] = Plane(values, plane.attributes)
        return replace(
            self,
            bands=bands,
            status=np.where(wanted, self.status, Status.OUTSIDE_REGION).astype(np.uint8),
            observations=self.observations * wanted,
            source=self.source * wanted,
        )

    def dataset(self, geobox: GeoBox) -> xr.Dataset:
        """Give it as a dataset with coordinates, packed."""
        dims = ("y", "x")
        variables = {
            name: xr.Variable(dims, plane.values, dict(plane.attributes))
            for name, plane in self.bands.items()
        }
        variables["status"] = xr.Variable(dims, self.status, _STATUS_ATTRIBUTES)
        variables["observations"] = xr.Variable(
            dims, self.observations, {"long_name": "Satellite passes that saw the pixel usably"}
        )
        variables["source"] = xr.Variable(
            dims, self.source, {"long_name": "1-based position of the scene the pixel is from"}
        )
        return xr.Dataset(variables, coords=xr_coords(geobox))


_STATUS_ATTRIBUTES: dict[str, Any] = {
    "long_name": "Why a pixel has a value or none",
    "flag_values": [int(status) for status in Status],
    "flag_meanings": " ".join(status.name.lower() for status in Status),
}
