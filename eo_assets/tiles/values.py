"""Numbers of a layer: at a point, over an outline, day after day."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from affine import Affine
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from odc.geo.geom import Geometry, point
from pydantic import BaseModel, Field

from eo_assets.cube.evaluate import evaluate
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.grid import Grid, inside, project_outline
from eo_assets.cube.items import solar_day
from eo_assets.cube.scene import Scene
from eo_assets.cube.series import evaluate_series
from eo_assets.tiles.layer import Layer
from eo_assets.tiles.limits import MAX_PIXELS, MAX_SCENES_OF_A_SERIES, MAX_SCENES_PER_TILE
from eo_assets.tiles.over_time import over_time
from eo_assets.tiles.problems import ConflictError, TooMuchError


class Observed(BaseModel):
    """What a band is like over an outline on one local solar day; null where nothing is valid."""

    time: str
    band: str
    count: int = Field(description="Valid pixels.")
    valid_fraction: float = Field(description="Their share of the outline, 0-1.")
    mean: float | None
    median: float | None
    p10: float | None
    p90: float | None
    sd: float | None


class BandStatistics(BaseModel):
    """What a band is like over an outline."""

    count: int
    valid_fraction: float
    mean: float | None
    median: float | None
    min: float | None
    max: float | None
    sd: float | None


class OutlineStatistics(BaseModel):
    """What a layer is like over an outline."""

    pixels: int = Field(description="Pixels whose centre lies inside.")
    pixel_m: float = Field(description="Size of the pixels; coarser for large outlines.")
    crs: str
    bands: dict[str, BandStatistics]


def point_values(layer: Layer, lon: float, lat: float) -> dict[str, float | None]:
    """Give the values of the pixel a point lies in, on the layer's own grid.

    Args:
        layer: The layer.
        lon: Longitude, degrees.
        lat: Latitude, degrees.

    Returns:
        Value of each band; None where nothing was observed.

    Raises:
        TooMuchError: The point lies outside the CRS of the layer's grid.
    """
    crs = CRS(layer.grid.crs)
    [(x, y)] = point(lon, lat, "EPSG:4326").to_crs(crs).coords
    if not np.isfinite([x, y]).all():
        raise TooMuchError("The point lies outside the layer's CRS.", "Choose one nearer to it.")
    transform = Affine(*layer.grid.transform)
    column, row = (int(np.floor(value)) for value in ~transform * (x, y))
    geobox = GeoBox((1, 1), transform * Affine.translation(column, row), crs)
    pixels = evaluate(layer.cube, geobox, max_scenes=MAX_SCENES_OF_A_SERIES)
    values = {name: float(pixels.values(name)[0, 0]) for name in pixels.names}
    return {name: value if np.isfinite(value) else None for name, value in values.items()}


def outline_statistics(
    layer: Layer, outline: dict[str, Any], bands: Sequence[str] | None
) -> OutlineStatistics:
    """Give statistics of a layer over an outline, on its own grid or one that is coarser.

    Args:
        layer: The layer.
        outline: GeoJSON Polygon or MultiPolygon, longitude and latitude.
        bands: Bands wanted; all where not given.

    Returns:
        The statistics.

    Raises:
        TooMuchError: The outline is far from the layer, or much larger.
    """
    geobox, pixel_m = _around(layer.grid, project_outline(outline, CRS(layer.grid.crs)))
    wanted = inside(geobox, project_outline(outline, CRS(layer.grid.crs)).json)
    pixels = evaluate(layer.cube, geobox, preview=True, bands=bands, max_scenes=MAX_SCENES_PER_TILE)
    found = {name: _statistics(pixels.values(name)[wanted]) for name in pixels.names}
    return OutlineStatistics(
        pixels=int(wanted.sum()), pixel_m=pixel_m, crs=layer.grid.crs, bands=found
    )


def _around(grid: Grid, outline: Geometry) -> tuple[GeoBox, float]:
    bounds, transform = outline.boundingbox, Affine(*grid.transform)
    if not np.isfinite(bounds.bbox).all():
        raise TooMuchError("The outline lies outside the layer's CRS.", "Draw it nearer to it.")
    left, top = ~transform * (bounds.left, bounds.top)
    right, bottom = ~transform * (bounds.right, bounds.bottom)
    for factor in (2**power for power in range(12)):
        first = int(np.floor(left / factor)), int(np.floor(top / factor))
        columns = int(np.floor(right / factor)) + 1 - first[0]
        rows = int(np.floor(bottom / factor)) + 1 - first[1]
        if rows * columns <= MAX_PIXELS:
            coarse = transform * Affine.scale(factor) * Affine.translation(*first)
            return GeoBox((rows, columns), coarse, CRS(grid.crs)), transform.a * factor
    raise TooMuchError("The outline is much larger than the layer.", "Draw a smaller one.")


def _statistics(values: Any) -> BandStatistics:
    known = values[np.isfinite(values)].astype(np.float64)
    numbers: list[float | None] = [None] * 5
    if known.size:
        low, high, middle = known.min(), known.max(), np.median(known)
        numbers = [float(number) for number in (known.mean(), middle, low, high, known.std())]
    mean, median, least, most, sd = numbers
    return BandStatistics(
        count=int(known.size),
        valid_fraction=known.size / max(values.size, 1),
        mean=mean,
        median=median,
        min=least,
        max=most,
        sd=sd,
    )


def series(
    layer: Layer, geometry: dict[str, Any], bands: Sequence[str] | None
) -> Iterator[Observed]:
    """Give statistics over a point or outline, day after day, each as soon as it is known.

    Args:
        layer: The layer.
        geometry: GeoJSON Point, Polygon or MultiPolygon, longitude and latitude.
        bands: Bands wanted; those shown where not given.

    Returns:
        In order of days, then of bands.

    Raises:
        ConflictError: The layer has no times.
        TooMuchError: It has too many scenes.
        ConfigurationError: It has no such band.
    """
    cube = over_time(layer.cube)
    wanted = tuple(bands or layer.rendering.bands)
    missing = sorted(set(wanted) - set(cube.signature.bands))
    if missing:
        raise ConflictError(
            f"Before it is reduced, the layer has no band {', '.join(missing)}.",
            f"It has {', '.join(cube.signature.bands)}.",
        )
    if len(cube.scenes) > MAX_SCENES_OF_A_SERIES:
        raise TooMuchError(
            f"The layer has {len(cube.scenes)} scenes; at most {MAX_SCENES_OF_A_SERIES} go into "
            "a series.",
            "Make a layer of a shorter period.",
        )
    return _day_by_day(cube, geometry, wanted)


def _day_by_day(
    cube: VirtualCube, geometry: dict[str, Any], bands: tuple[str, ...]
) -> Iterator[Observed]:
    days: dict[dt.date, list[Scene]] = {}
    for scene in cube.scenes:
        west, _, east, _ = scene.bbox_4326
        days.setdefault(solar_day(scene.acquired, (west + east) / 2), []).append(scene)
    for day in sorted(days):
        one = evaluate_series(
            cube.with_scenes(tuple(days[day])), geometry, bands=bands, max_pixels=MAX_PIXELS
        )
        for row in one.observations:
            yield Observed(**asdict(row))
