"""Values of cubes over people's geometries, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pandas as pd
from geopandas import GeoDataFrame, GeoSeries
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.graph.signatures import Kind
from eo_assets.cube.grid import Grid
from eo_assets.cube.series import evaluate_outline, evaluate_series
from eo_assets.errors import ConfigurationError

COLUMNS = (
    *("geometry", "time", "band", "count", "valid_fraction"),
    *("mean", "median", "p10", "p90", "sd"),
)


def profile_table(
    cube: VirtualCube, geometries: Any, grid: Grid, *, bands: Sequence[str] | None = None
) -> pd.DataFrame:
    """Describe a cube over geometries.

    Args:
        cube: The cube, resolved.
        geometries: See ``named_geometries``.
        grid: Grid whose pixels are looked at where the cube is an image; a series is looked at on
            that of its files.
        bands: Bands wanted; all where not given.

    Returns:
        A row a geometry, time and band, with ``COLUMNS``: name of the geometry, UTC time (NaT for
        an image), and the numbers of ``eo_assets.cube.series.Observation``.

    Raises:
        ConfigurationError: Something is no geometry, or is not a point or an area.
        ViewLimitError: A geometry is too large.
        SourceUnavailableError: A server does not answer.
    """
    rows: list[dict[str, Any]] = []
    for name, geometry in named_geometries(geometries):
        if cube.kind is Kind.IMAGE:
            found = evaluate_outline(cube, geometry, grid, bands=bands)
        else:
            found = evaluate_series(cube, geometry, bands=bands)
        rows += [{"geometry": name, **asdict(one)} for one in found.observations]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    times = pd.to_datetime(table["time"].replace("", None), utc=True, format="ISO8601")
    return table.assign(time=times.dt.tz_localize(None))


def named_geometries(geometries: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give geometries and their names, one by one.

    Args:
        geometries: GeoJSON - a geometry, Feature or FeatureCollection - or a shapely geometry, in
            longitude and latitude; a GeoDataFrame or GeoSeries of any CRS; a mapping from names
            to any of them, or a sequence of them.

    Yields:
        Name, and GeoJSON geometry in longitude and latitude.

    Raises:
        ConfigurationError: It is none of them, or a table of geometries says no CRS.
    """
    if isinstance(geometries, GeoDataFrame | GeoSeries):
        if geometries.crs is None:
            raise ConfigurationError(
                "The table of geometries has no CRS.", "Set it: table.set_crs(4326)."
            )
        shapes = geometries.geometry.to_crs(4326)
        yield from ((str(name), mapping(geometry)) for name, geometry in shapes.items())
    elif isinstance(geometries, BaseGeometry):
        yield "1", mapping(geometries)
    elif isinstance(geometries, Mapping):
        yield from _of_mapping(geometries)
    elif isinstance(geometries, Sequence) and not isinstance(geometries, str):
        for n, one in enumerate(geometries, 1):
            for name, geometry in named_geometries(one):
                yield (str(n) if name == "1" else name), geometry
    else:
        raise ConfigurationError(
            f"A {type(geometries).__name__} is no geometry.",
            "Give GeoJSON, a shapely geometry, or a GeoDataFrame.",
        )


def _of_mapping(given: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    match given:
        case {"type": "FeatureCollection", "features": [*features]}:
            for n, feature in enumerate(features, 1):
                yield _name(feature, n), _geometry(feature)
        case {"type": str()}:
            yield _name(given, 1), _geometry(given)
        case _:
            for name, one in given.items():
                yield from ((str(name), geometry) for _, geometry in named_geometries(one))


def _name(feature: Mapping[str, Any], n: int) -> str:
    properties = feature.get("properties") or {}
    return str(feature.get("id") or properties.get("id") or properties.get("name") or n)


def _geometry(feature: Mapping[str, Any]) -> dict[str, Any]:
    found = feature.get("geometry") if feature.get("type") == "Feature" else feature
    if not isinstance(found, Mapping) or "coordinates" not in found:
        raise ConfigurationError("A GeoJSON Feature has no geometry.", "Draw one.")
    return dict(found)
