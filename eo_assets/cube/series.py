"""A cube's values over an outline or at a point, time after time, in one pass."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from odc.geo.geom import Geometry

from eo_assets.cube.evaluate import Evaluation, evaluate, evaluate_times
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.grid import Grid, inside, project_outline
from eo_assets.cube.windows import file_grid
from eo_assets.errors import ConfigurationError, ViewLimitError

MAX_PIXELS = 250_000
MAX_DATES = 500


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What a band is like over an outline at one time.

    Attributes:
        time: First moment of the period, ISO 8601.
        band: Name of the band.
        count: Valid pixels.
        valid_fraction: Their share of the outline's pixels, 0-1.
        mean: Mean of valid pixels; None where there is none, as the others.
        median: Median.
        p10: Tenth percentile, interpolated linearly.
        p90: Ninetieth.
        sd: Standard deviation, divided by n.
    """

    time: str
    band: str
    count: int
    valid_fraction: float
    mean: float | None
    median: float | None
    p10: float | None
    p90: float | None
    sd: float | None


@dataclass(frozen=True, kw_only=True)
class Series:
    """Statistics over time.

    Attributes:
        observations: In order of time, then of bands; every time at which a scene touches the
            grid, those without a valid pixel too.
        geobox: The grid they were computed on.
        pixels: Pixels of the outline.
        coarsening: How many of the files' finest pixels a pixel of the grid is wide.
    """

    observations: tuple[Observation, ...]
    geobox: GeoBox
    pixels: int
    coarsening: int


def evaluate_series(
    cube: VirtualCube,
    geometry: dict[str, Any],
    *,
    bands: Sequence[str] | None = None,
    max_pixels: int = MAX_PIXELS,
    max_scenes: int = MAX_DATES,
    preview: bool = True,
) -> Series:
    """Compute statistics of a cube over an outline, or its value at a point, for all its times.

    Args:
        cube: The cube, resolved; its value is a series, or scenes, taken as the series of passes.
        geometry: GeoJSON Point, Polygon or MultiPolygon, longitude and latitude.
        bands: Bands wanted; all where not given.
        max_pixels: Most pixels of the grid around the outline; a larger one is looked at in
            coarser pixels, twice as wide, four times and so on.
        max_scenes: Most scenes that may touch it.
        preview: Overviews may be read for coarser pixels.

    Returns:
        The statistics, on the grid of the files themselves. Pixels count whose centre lies inside
        the outline; where none does the one nearest its middle.

    Raises:
        ConfigurationError: The geometry is of another type, or the cube has no times.
        ViewLimitError: More scenes touch the outline than may.
        SourceUnavailableError: A server does not answer.
    """
    if not cube.scenes:
        return Series(
            observations=(), geobox=GeoBox((1, 1), Affine.identity(), None), pixels=0, coarsening=1
        )
    geobox, wanted, factor = _grid(_finest_grid(cube, geometry), geometry, max_pixels)
    times = evaluate_times(cube, geobox, preview=preview, bands=bands, max_scenes=max_scenes)
    rows = tuple(_observe(one, name, wanted) for one in times for name in one.names)
    return Series(observations=rows, geobox=geobox, pixels=int(wanted.sum()), coarsening=factor)


def evaluate_outline(
    cube: VirtualCube,
    geometry: dict[str, Any],
    grid: Grid,
    *,
    bands: Sequence[str] | None = None,
    max_pixels: int = MAX_PIXELS,
    preview: bool = True,
) -> Series:
    """Compute statistics of an image over an outline, or its value at a point.

    Args:
        cube: The cube, resolved; its value is an image.
        geometry: GeoJSON Point, Polygon or MultiPolygon, longitude and latitude.
        grid: The grid whose pixels are looked at, as far around the geometry as need be.
        bands: Bands wanted; all where not given.
        max_pixels: As in ``evaluate_series``.
        preview: Overviews may be read for coarser pixels.

    Returns:
        The statistics, one observation a band, of no time.

    Raises:
        ConfigurationError: The geometry is of another type, or the cube is no image.
        ViewLimitError: The outline is too large.
        SourceUnavailableError: A server does not answer.
    """
    geobox, wanted, factor = _grid(grid, geometry, max_pixels)
    image = evaluate(cube, geobox, preview=preview, bands=bands or cube.signature.bands)
    rows = tuple(_observe(image, name, wanted) for name in image.names)
    return Series(observations=rows, geobox=geobox, pixels=int(wanted.sum()), coarsening=factor)


def _finest_grid(cube: VirtualCube, geometry: dict[str, Any]) -> Grid:
    """Give the finest grid among the files of a scene there, so that nothing is resampled."""
    load = cube.source
    place = Geometry(geometry, "EPSG:4326").boundingbox
    around = GeoBox.from_bbox(
        (place.left - 1e-6, place.bottom - 1e-6, place.right + 1e-6, place.top + 1e-6),
        "EPSG:4326",
        shape=(2, 2),
    )
    touching = load.whereabouts.touching(around) or [0]
    scene = load.readable[touching[0]]
    grids = [file_grid(scene.bands[name]) for name in load.bands if name in scene.bands]
    return min(grids, key=lambda grid: abs(grid.transform[0]))


def _grid(
    grid: Grid, geometry: dict[str, Any], max_pixels: int
) -> tuple[GeoBox, npt.NDArray[np.bool_], int]:
    kind = geometry.get("type")
    if kind not in {"Point", "Polygon", "MultiPolygon"}:
        raise ConfigurationError(
            f"A series is over a Point, Polygon or MultiPolygon, not {kind!r}.", "Send one of them."
        )
    crs, transform = CRS(grid.crs), Affine(*grid.transform)
    if kind == "Point":
        place, outline = Geometry(geometry, "EPSG:4326").to_crs(crs), None
    else:
        place = project_outline(geometry, crs)
        outline = place.json
    bounds = place.boundingbox
    if not all(math.isfinite(value) for value in bounds.bbox):
        raise ConfigurationError("The geometry lies outside the data's CRS.", "Choose another.")
    left, top = ~transform * (bounds.left, bounds.top)
    right, bottom = ~transform * (bounds.right, bounds.bottom)
    factor = 1
    while True:
        # counted from the file's corner, so that pixels are those of the file or its squares
        columns = math.floor(left / factor), math.floor(right / factor) + 1
        rows = math.floor(top / factor), math.floor(bottom / factor) + 1
        shape = rows[1] - rows[0], columns[1] - columns[0]
        if shape[0] * shape[1] <= max_pixels:
            break
        factor *= 2
        if factor > 1 << 12:
            raise ViewLimitError("The outline is too large.", "Draw a smaller one.")
    coarse = transform * Affine.scale(factor)
    geobox = GeoBox(shape, coarse * Affine.translation(columns[0], rows[0]), crs)
    wanted = np.ones(shape, bool) if outline is None else inside(geobox, outline)
    if not wanted.any():
        column, row = ~geobox.transform * place.centroid.coords[0]
        wanted[min(int(row), shape[0] - 1), min(int(column), shape[1] - 1)] = True
    return geobox, wanted, factor


def _observe(one: Evaluation, name: str, wanted: npt.NDArray[np.bool_]) -> Observation:
    values = one.values(name)[wanted].astype(np.float64)
    valid = values[~np.isnan(values)]
    numbers: list[float | None] = [None] * 5
    if valid.size:
        low, middle, high = np.percentile(valid, [10, 50, 90])
        numbers = [float(x) for x in (valid.mean(), middle, low, high, valid.std())]
    return Observation(
        time=one.time,
        band=name,
        count=int(valid.size),
        valid_fraction=valid.size / max(values.size, 1),
        mean=numbers[0],
        median=numbers[1],
        p10=numbers[2],
        p90=numbers[3],
        sd=numbers[4],
    )
