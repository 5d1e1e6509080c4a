"""The one place where a virtual cube becomes pixels.

Batch, tiles and notebooks all call ``evaluate``; they differ in the grid they ask for, and in
whether a look is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import xarray as xr
from odc.geo.geobox import GeoBox

from eo_assets.cube.access import gdal_environment
from eo_assets.cube.compositing import Status
from eo_assets.cube.demand import demanded
from eo_assets.cube.executing import Execution, Place
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.graph.signatures import Kind
from eo_assets.cube.raster import Raster
from eo_assets.cube.reading import Read
from eo_assets.cube.scene_reading import EXACT, PREVIEW
from eo_assets.errors import ConfigurationError


@dataclass(frozen=True)
class Evaluation:
    """Pixels of a cube on a grid.

    Attributes:
        raster: The pixels.
        geobox: The grid.
    """

    raster: Raster
    geobox: GeoBox

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the bands."""
        return tuple(self.raster.bands)

    @property
    def reads(self) -> tuple[Read, ...]:
        """The read log."""
        return self.raster.reads

    @property
    def time(self) -> str:
        """First moment of the period it shows, ISO 8601; empty where it is not one of a series."""
        return self.raster.time

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Pixels with an observation, dims ``(y, x)``."""
        return self.raster.status == Status.VALID

    def values(self, name: str) -> npt.NDArray[np.float32]:
        """Give a band, dims ``(y, x)``: reflectance 0-1, kelvin, metres...; NaN where invalid."""
        return self.raster.bands[name].decoded()

    @cached_property
    def packed(self) -> xr.Dataset:
        """As a dataset: one variable a band, dims ``(y, x)``.

        Bands as loaded are packed as their CF attributes say, derived ones float32 with NaN. And
        ``status`` (uint8, see ``Status``), ``observations`` (uint8, satellite passes that saw the
        pixel usably), ``source`` (uint16, 1-based position in the cube's scenes).
        """
        return self.raster.dataset(self.geobox)

    @property
    def decoded(self) -> xr.Dataset:
        """The pixels as float32: reflectance 0-1, temperature in kelvin; NaN where invalid."""
        decoded = xr.decode_cf(self.packed)
        return decoded.assign(
            {
                name: variable.astype(np.float32)
                for name, variable in decoded.data_vars.items()
                if variable.dtype.kind == "f"
            }
        )


def evaluate(
    cube: VirtualCube,
    geobox: GeoBox,
    *,
    preview: bool = False,
    bands: Sequence[str] | None = None,
    max_scenes: int | None = None,
) -> Evaluation:
    """Compute a cube's pixels on a grid.

    The value of a pixel depends on that pixel, and on the halo its operations declare, alone: any
    way of cutting a grid into pieces gives the same pixels, bit for bit.

    Args:
        cube: The cube, resolved; its value must be an image.
        geobox: The grid, any CRS.
        preview: A look is enough: overviews are read where the grid is coarser than the files, no
            more bands than are shown or derived from, and no more scenes than fill the view, so
            that ``observations`` is 0. On a grid aligned with the files at their own resolution
            pixels are the same bit for bit.
        bands: Bands wanted; those to be rendered where a look is enough and the cube says so, else
            all.
        max_scenes: Most scenes that may touch the grid; None for any number.

    Returns:
        The pixels and the read log.

    Raises:
        ConfigurationError: The cube's value is no image, it is not resolved, or it lacks a band.
        ViewLimitError: More scenes touch the grid, or more would have to be read, than may.
        SourceUnavailableError: A server does not answer.
    """
    if cube.kind is not Kind.IMAGE:
        raise ConfigurationError(
            f"This cube describes {cube.kind.value}, not an image.",
            "Add composite() or reduce it over time before evaluating it.",
        )
    names = _wanted(cube, bands, preview=preview)
    execution = _execution(cube, names, preview=preview, max_scenes=max_scenes)
    place = Place(geobox, np.ones(geobox.shape, bool))
    # a product's blocks are looked at once
    with gdal_environment(cache_mb=64 if preview else 16):
        return Evaluation(execution.image(cube.result, place).select(names), geobox)


def evaluate_times(
    cube: VirtualCube,
    geobox: GeoBox,
    *,
    preview: bool = False,
    bands: Sequence[str] | None = None,
    max_scenes: int | None = None,
) -> tuple[Evaluation, ...]:
    """Compute a cube's pixels on a grid for each of its times; see ``evaluate``.

    Args:
        cube: The cube, resolved; its value is a series, or scenes, taken as the series of passes.
        geobox: The grid, any CRS.
        preview: A look is enough.
        bands: Bands wanted; all where not given.
        max_scenes: Most scenes that may touch the grid; None for any number.

    Returns:
        One evaluation a time at which a scene touches the grid, in order of time.

    Raises:
        ConfigurationError: The cube's value is one image, it is not resolved, or it lacks a band.
        ViewLimitError: More scenes touch the grid, or more would have to be read, than may.
        SourceUnavailableError: A server does not answer.
    """
    if cube.kind is Kind.IMAGE:
        raise ConfigurationError("This cube is one image; it has no times.", "Use evaluate().")
    names = _wanted(cube, bands, preview=preview)
    execution = _execution(cube, names, preview=preview, max_scenes=max_scenes)
    place = Place(geobox, np.ones(geobox.shape, bool))
    with gdal_environment():
        series = execution.series(cube.result, place)
        return tuple(Evaluation(one.select(names), geobox) for one in series)


def _execution(
    cube: VirtualCube, names: Sequence[str], *, preview: bool, max_scenes: int | None
) -> Execution:
    if not cube.is_resolved:
        raise ConfigurationError(
            "This cube names a search, a product or a model that has not been looked up.",
            "Resolve it before evaluating it.",
        )
    reader = PREVIEW if preview else EXACT
    return Execution(cube, demanded(cube, names), reader, max_scenes)


def _wanted(cube: VirtualCube, bands: Sequence[str] | None, *, preview: bool) -> tuple[str, ...]:
    available = cube.signature.bands
    if bands is None:
        return tuple(cube.rendering.bands) if preview and cube.rendering else available
    missing = sorted(set(bands) - set(available))
    if missing:
        raise ConfigurationError(
            f"The cube has no band {', '.join(missing)}.", f"It has {', '.join(available)}."
        )
    return tuple(bands)
