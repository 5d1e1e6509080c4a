"""The tasks of index maps: one map from a stored mosaic, strip by strip; and its picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import Resampling

from eo_assets.catalog.indices import get_index
from eo_assets.catalog.views import View
from eo_assets.cube.grid import Grid
from eo_assets.errors import ConfigurationError
from eo_assets.pipeline.mosaic_blocks import bands_of, open_mosaic, select_bands
from eo_assets.places import place, reading
from eo_assets.reporting import maps
from eo_assets.reporting.figures import Sketch, draw
from eo_assets.reporting.index_figures import sketch_values
from eo_assets.reporting.overview import LONGEST_PX
from eo_assets.storage.cog import CogBand, write_cog

INDEX_SCALE = 0.0001
INDEX_NODATA = -32768
INDEX_LIMIT = 32767 * INDEX_SCALE
"""Indices beyond it are stored as it is: they are quotients by almost nothing."""

_DEEP_SHADOW = 1


@dataclass(frozen=True, kw_only=True)
class Stored:
    """How a map is stored.

    Attributes:
        bands: Names of its bands.
        dtype: Of its pixels.
        nodata: Pixel that means "no observation".
        scale: Value of one stored step.
        units: Of the values.
        is_picture: Whether it is made to look at: colours, not quantities.
    """

    bands: tuple[str, ...]
    dtype: str
    nodata: int
    scale: float
    units: str
    is_picture: bool = False


@dataclass(frozen=True, kw_only=True)
class MapTask:
    """A map to make.

    Attributes:
        mosaic: Path of the Zarr.
        grid: Its grid.
        view: What to show.
        target: GeoTIFF to write.
        picture: PNG to write.
        tags: About the file.
    """

    mosaic: str
    grid: Grid
    view: View
    target: str
    picture: str
    tags: Mapping[str, str]


def stored_as(view: View) -> Stored:
    """Say how a view's map is stored.

    Indices are int16 in steps of 0.0001, single bands as the mosaic packs them (temperature in
    0.01 kelvin), combinations of three bands colours 1 to 255 between the limits of the view: the
    same on all dates.
    """
    if view.index:
        return Stored(
            bands=(view.name,), dtype="int16", nodata=INDEX_NODATA, scale=INDEX_SCALE, units="1"
        )
    if len(view.bands) == 1:
        return Stored(bands=(view.name,), dtype="uint16", nodata=0, scale=0.01, units="K")
    return Stored(
        bands=("red", "green", "blue"),
        dtype="uint8",
        nodata=0,
        scale=1.0,
        units="",
        is_picture=True,
    )


def bands_needed(view: View, available: tuple[str, ...]) -> tuple[str, ...]:
    """Give the bands a view is computed from.

    Raises:
        ConfigurationError: The mosaic has not all of them.
    """
    if view.index:
        return get_index(view.index).bands_in(available)
    missing = [name for name in view.bands if name not in available]
    if missing:
        raise ConfigurationError(
            f"{view.title} needs {', '.join(missing)}; the mosaic has {', '.join(available)}.",
            "Add the band to the region's bands.",
        )
    return view.bands


def write_map(task: MapTask) -> None:
    """Compute a map and write it as a Cloud Optimized GeoTIFF; runs on a worker."""
    form = stored_as(task.view)
    with open_mosaic(task.mosaic) as dataset:
        everything = bands_of(dataset)
        names = bands_needed(task.view, tuple(band.name for band in everything))
        bands = {band.name: band for band in select_bands(everything, names)}
        stretches = task.view.stretch * (len(form.bands) if len(task.view.stretch) == 1 else 1)

        def values(name: str, window: tuple[slice, slice]) -> npt.NDArray[np.float32]:
            return bands[name].unpack(dataset[name][window].to_numpy())

        def read(shown: str, window: tuple[slice, slice]) -> npt.NDArray[Any]:
            if task.view.index:
                wanted = {name: values(name, window) for name in names}
                return pack_index(get_index(task.view.index).compute(wanted))
            position = form.bands.index(shown)
            if form.is_picture:
                return _colour(values(names[position], window), stretches[position])
            # one band: kelvin in the steps of the map, whatever those of the mosaic
            kelvin = values(names[position], window)
            return np.nan_to_num(np.rint(kelvin / form.scale), nan=0).astype(np.uint16)

        write_cog(
            place(task.target),
            task.grid.geobox,
            [CogBand(name=name, units=form.units, scale=form.scale) for name in form.bands],
            read,
            dtype=form.dtype,
            nodata=form.nodata,
            tags=task.tags,
            overview_resampling="average",
        )


def pack_index(values: npt.NDArray[np.float32]) -> npt.NDArray[np.int16]:
    """Pack an index, NaN where there is none, into steps of ``INDEX_SCALE``."""
    steps = np.rint(np.clip(values, -INDEX_LIMIT, INDEX_LIMIT) / np.float32(INDEX_SCALE))
    return np.where(np.isnan(steps), INDEX_NODATA, steps).astype(np.int16)


def _colour(values: npt.NDArray[np.float32], limits: tuple[float, float]) -> npt.NDArray[np.uint8]:
    low, high = limits
    # 0 means no observation: the darkest ground is 1
    share = np.clip((values - low) / (high - low), 0, 1)
    return np.where(
        np.isnan(values), 0, _DEEP_SHADOW + np.rint((255 - _DEEP_SHADOW) * share)
    ).astype(np.uint8)


def write_picture(task: MapTask) -> None:
    """Draw a written map, with scale bar and colour bar; runs on a worker."""
    form = stored_as(task.view)
    with reading(place(task.target)) as path, rasterio.open(path) as file:
        factor = max(-(-max(file.shape) // LONGEST_PX), 1)
        shape = (file.count, -(-file.height // factor), -(-file.width // factor))
        pixels = file.read(out_shape=shape, resampling=Resampling.average, masked=True)
    pixel_m = abs(task.grid.transform[0]) * factor
    if form.is_picture:
        sketch = Sketch(
            key=task.view.name,
            title=task.view.title,
            alt=f"Picture of the region: {task.view.title}.",
            note="",
            draw=maps.draw_picture,
            arguments={"rgb": _with_grey(pixels), "pixel_m": pixel_m},
            photo=True,
        )
    else:
        shown = np.where(pixels.mask[0], np.nan, pixels.data[0] * form.scale).astype(np.float32)
        sketch = sketch_values(task.view, shown, pixel_m=pixel_m)
    place(task.picture).write_bytes(draw(sketch).png)


def _with_grey(pixels: np.ma.MaskedArray[Any, Any]) -> npt.NDArray[np.uint8]:
    grey = np.array(maps.NO_DATA_RGB, np.uint8)[:, None, None]
    valid = ~np.ma.getmaskarray(pixels).any(axis=0)
    colours: npt.NDArray[np.uint8] = np.where(valid, pixels.data, grey)
    return np.moveaxis(colours, 0, -1)
