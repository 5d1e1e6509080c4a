"""Whether a GeoTIFF is fit to leave the house; judged from the file alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import rasterio
from odc.geo.geobox import GeoBox
from rio_cogeo.cogeo import cog_validate

from eo_assets.catalog.bands import Band
from eo_assets.cube.grid import Grid
from eo_assets.pipeline.grid_verdict import judge_grid
from eo_assets.places import place, reading
from eo_assets.storage.verdicts import Verdict

AGAIN = "Materialise geotiff again; if that does not help, GDAL is not the version in use here."


@dataclass(frozen=True, kw_only=True)
class GeotiffTask:
    """A file to judge.

    Attributes:
        path: The file.
        grid: The region's grid.
        bands: The bands it should have, in order.
    """

    path: str
    grid: Grid
    bands: tuple[Band, ...]


def check_geotiff(task: GeotiffTask) -> tuple[Verdict, ...]:
    """Judge a GeoTIFF; runs on a worker.

    Args:
        task: The file and what is expected of it.

    Returns:
        One verdict for each of its checks.
    """
    with reading(place(task.path)) as path:
        with rasterio.open(path) as file:
            found = GeoBox(file.shape, file.transform, str(file.crs))
            bands = judge_bands(file, task.bands)
        layout = judge_cog(path)
    grid = judge_grid("bounds", found, task.grid.geobox, again="band_stack")
    return layout, bands, grid


def judge_cog(path: Path) -> Verdict:
    """Judge the layout of a file with rio-cogeo, overviews included."""
    with rasterio.open(path) as file:
        levels, edge = len(file.overviews(1)), max(file.shape)
    # strict: a large file without overviews is only warned about otherwise
    valid, errors, warnings = cog_validate(path, strict=True, quiet=True)
    numbers: dict[str, float | int | str] = {
        "overviews": levels,
        "longer_edge_px": edge,
        "bytes": path.stat().st_size,
    }
    if valid:
        text = f"rio-cogeo finds nothing wrong; {levels} overviews."
        return Verdict(check="cloud_optimized", passed=True, text=text, numbers=numbers)
    text = f"rio-cogeo: {' '.join([*errors, *warnings])} {AGAIN}"
    return Verdict(check="cloud_optimized", passed=False, text=text, numbers=numbers)


def judge_bands(file: rasterio.DatasetReader, wanted: Sequence[Band]) -> Verdict:
    """Judge names, scales, offsets and nodata values of a file's bands."""
    faults = []
    names = [band.name for band in wanted]
    if list(file.descriptions) != names:
        told = ", ".join(str(name) for name in file.descriptions)
        faults.append(f"its bands are called {told}, not {', '.join(names)}.")
    expected = {
        "scales": [band.quantity.scale for band in wanted],
        "offsets": [band.quantity.offset for band in wanted],
        "nodatavals": [band.quantity.nodata for band in wanted],
    }
    faults += [
        f"its {label} are {list(getattr(file, label))}, not {values}."
        for label, values in expected.items()
        if list(getattr(file, label)) != values
    ]
    numbers: dict[str, float | int | str] = {"bands": file.count, "expected_bands": len(wanted)}
    if not faults:
        text = f"{file.count} bands with name, scale, offset and nodata value."
        return Verdict(check="bands", passed=True, text=text, numbers=numbers)
    return Verdict(check="bands", passed=False, text=f"{' '.join(faults)} {AGAIN}", numbers=numbers)
