"""Terrain as files: GeoTIFFs, and the page people look at."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas
import numpy as np
import numpy.typing as npt
import zarr

from eo_assets import __version__
from eo_assets.catalog.collections import get_collection
from eo_assets.cube.grid import Grid
from eo_assets.pipeline.terrain_blocks import LAYERS, TITLES
from eo_assets.places import Place, place, reading
from eo_assets.places.zarrs import zarr_at
from eo_assets.reporting.figures import draw
from eo_assets.reporting.overview import decimation
from eo_assets.reporting.page import Page, Picture, Section, render
from eo_assets.reporting.relief import sketch_relief, sketch_slope
from eo_assets.storage.cog import CogBand, write_cog

PAGE, NUMBERS = "report.html", "report.json"
QUANTITIES = ("elevation", "slope", "hillshade")


@dataclass(frozen=True, kw_only=True)
class ExportTask:
    """Layers to export.

    Attributes:
        layers: Path of the Zarr.
        grid: Its grid.
        target: File of elevation, slope and hillshade; that of the aspect lies beside it.
        tags: About the files.
    """

    layers: str
    grid: Grid
    target: str
    tags: dict[str, str]

    @property
    def aspect(self) -> Place:
        """File of the aspect: a direction has no average, so its overviews differ."""
        path = place(self.target)
        return path.with_name(f"{path.stem}_aspect.tif")


def export(task: ExportTask) -> None:
    """Write the GeoTIFFs from the layers; runs on a worker.

    Args:
        task: What to export.
    """
    group = zarr.open_group(**zarr_at(task.layers), mode="r")

    def read(name: str, window: tuple[slice, slice]) -> npt.NDArray[Any]:
        array = group[name]
        assert isinstance(array, zarr.Array)
        return np.asarray(array[window])

    files = ((place(task.target), QUANTITIES, "average"), (task.aspect, ("aspect",), "nearest"))
    for path, names, resampling in files:
        write_cog(
            path,
            task.grid.geobox,
            [
                CogBand(
                    name=name,
                    units=LAYERS[name].units,
                    scale=LAYERS[name].scale,
                    offset=LAYERS[name].offset,
                    tags={"long_name": TITLES[name]},
                )
                for name in names
            ],
            read,
            dtype="uint16",
            nodata=0,
            tags=task.tags,
            overview_resampling=resampling,
        )


@dataclass(frozen=True, kw_only=True)
class PageTask:
    """A page to write.

    Attributes:
        layers: Path of the Zarr.
        contours: File of the contours.
        folder: Where to write.
        title: Region, for people.
        acquired: When the elevation model is from, ISO 8601.
        grid: Grid of the layers.
        summary: Numbers of the record.
    """

    layers: str
    contours: str
    folder: str
    title: str
    acquired: str
    grid: Grid
    summary: Mapping[str, float | int | str]


def write_page(task: PageTask) -> dict[str, str]:
    """Write pictures, numbers and page; runs on a worker.

    Args:
        task: What to write.

    Returns:
        Names of the picture files by role.
    """
    folder, geobox = place(task.folder), task.grid.geobox
    group = zarr.open_group(**zarr_at(task.layers), mode="r")
    factor = decimation(geobox.shape)

    def layer(name: str) -> npt.NDArray[np.float32]:
        # one pixel of each block: a direction has no average, and a shade is to stay crisp
        array = group[name]
        assert isinstance(array, zarr.Array)
        stored = np.asarray(array[::factor, ::factor])
        values = stored * np.float32(LAYERS[name].scale) + np.float32(LAYERS[name].offset)
        return np.where(stored > 0, values, np.float32(np.nan))

    pixel_m = float(geobox.resolution.x) * factor
    to_pixels = ~geobox.transform
    with reading(place(task.contours)) as path:
        lines = geopandas.read_parquet(path)
    paths = [
        (height, (np.asarray(line.coords) @ _matrix(to_pixels) + _shift(to_pixels)) / factor - 0.5)
        for height, line in zip(lines["elevation_m"], lines.geometry, strict=True)
    ]
    sketches = [
        sketch_relief(layer("elevation"), layer("hillshade"), paths, pixel_m=pixel_m),
        sketch_slope(layer("slope"), pixel_m=pixel_m),
    ]
    drawings = {sketch.key: draw(sketch) for sketch in sketches}
    for key, drawing in drawings.items():
        (folder / f"{key}.png").write_bytes(drawing.png)
    numbers = {"region": task.title, **task.summary}
    (folder / NUMBERS).write_text(json.dumps(numbers, indent=1), encoding="utf-8")
    summary = task.summary
    page = Page(
        title=f"Terrain: {task.title}",
        date=task.acquired,
        collection=get_collection("cop-dem-glo-30").title,
        facts=[
            ("Lowest", f"{summary['lowest_m']:,.0f} m"),
            ("Highest", f"{summary['highest_m']:,.0f} m"),
            ("Mean slope", f"{summary['mean_slope_deg']:.1f}°"),
            ("Height known", f"{summary['known_pct']:.1f} %"),
        ],
        sections=[
            Section(
                id="pictures",
                title="Relief",
                text="A surface model: heights are those of treetops and roofs.",
                pictures=[Picture(sketch=one, drawing=drawings[one.key]) for one in sketches],
            )
        ],
        provenance=[
            ("Tiles", str(summary["tiles"])),
            ("Missing tiles", str(summary["missing_tiles"]) or "none"),
            ("Contours every", f"{summary['contour_interval_m']:g} m"),
            ("Written by", f"eo_assets {__version__}"),
        ],
    )
    (folder / PAGE).write_text(render(page), encoding="utf-8")
    return {sketch.key: f"{sketch.key}.png" for sketch in sketches}


def _matrix(transform: Any) -> npt.NDArray[np.float64]:
    return np.array([[transform.a, transform.d], [transform.b, transform.e]])


def _shift(transform: Any) -> npt.NDArray[np.float64]:
    return np.array([transform.c, transform.f])
