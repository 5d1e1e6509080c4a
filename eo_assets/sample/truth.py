"""The truth kept beside the sample archive, on the region's 10 m grid.

========================================  =====================================================
``landcover.tif``, ``landcover.json``     class of each pixel, uint8, and the legend
``elevation.tif``                         metres, float32
``clouds/<date>.tif``                     0 clear, 1 cloud, 2 shadow, 3 outside the swath, uint8
``reflectance/<date>.tif``                surface reflectance × 10 000 without clouds and sensor
                                          noise, uint16, one named band per raster band
``fires/<year>.tif``                      ``burnt``: 1 where it burnt between that summer and the
                                          one before; ``dnbr``: drop of NBR between them × 1000;
                                          int16
========================================  =====================================================
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from eo_assets.sample import fires
from eo_assets.sample.cog import write_cog
from eo_assets.sample.grid import EPSG, REGION, WORLD
from eo_assets.sample.landcover import COLOURS, Cover
from eo_assets.sample.schedule import DEMO_DATE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from eo_assets.sample.world import World

STEP = 10
"""Stored reflectances × 10 000 are multiples of this: finer than noise, a third the size."""

REGION_WINDOW = REGION.window_in(WORLD)

CLOUD_NAMES = {0: "clear", 1: "cloud", 2: "cloud_shadow", 3: "outside_swath"}


def reflectance_bands(date: str) -> tuple[str, ...]:
    """Bands whose true reflectance is kept for a date: more for the demonstration's date."""
    return ("B02", "B03", "B04", "B08") if date == DEMO_DATE else ("B04", "B08")


def _rgba(hexadecimal: str) -> tuple[int, int, int, int]:
    red, green, blue = bytes.fromhex(hexadecimal)
    return red, green, blue, 255


def write_ground(world: World, directory: Path) -> None:
    """Write land cover, its legend and the elevation."""
    directory.mkdir(parents=True, exist_ok=True)
    write_cog(
        directory / "landcover.tif",
        world.cover[REGION_WINDOW],
        REGION.transform,
        epsg=EPSG,
        categorical=True,
        colours={code: _rgba(COLOURS[code]) for code in Cover},
    )
    legend = {
        str(int(code)): {"name": code.name.lower(), "color_hint": COLOURS[code]} for code in Cover
    }
    (directory / "landcover.json").write_text(json.dumps(legend, indent=1), encoding="utf-8")
    heights = np.round(4 * world.elevation_m[REGION_WINDOW]) / 4
    write_cog(
        directory / "elevation.tif",
        heights,
        REGION.transform,
        epsg=EPSG,
        nodata=None,
        overviews=False,
    )


def write_fires(world: World, directory: Path) -> None:
    """Write where it burnt, and how severely, for each year with a fire."""
    (directory / "fires").mkdir(parents=True, exist_ok=True)
    for year in fires.YEARS:
        burnt, drop = (values[REGION_WINDOW] for values in fires.severity(world, year))
        write_cog(
            directory / "fires" / f"{year}.tif",
            np.stack([burnt, np.rint(1000 * drop)]).astype(np.int16),
            REGION.transform,
            epsg=EPSG,
            nodata=None,
            categorical=True,
            overviews=False,
            descriptions=("burnt", "dnbr"),
        )


def write_date(
    date: str,
    directory: Path,
    *,
    clouds: NDArray[np.uint8],
    reflectance: dict[str, NDArray[np.float32]],
) -> None:
    """Write cloud truth and true reflectance of one date, both given on the world grid."""
    for name in ("clouds", "reflectance"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    write_cog(
        directory / "clouds" / f"{date}.tif",
        clouds[REGION_WINDOW],
        REGION.transform,
        epsg=EPSG,
        nodata=None,
        categorical=True,
        overviews=False,
    )
    stored = [np.rint(rho[REGION_WINDOW] * (10000 / STEP)) * STEP for rho in reflectance.values()]
    write_cog(
        directory / "reflectance" / f"{date}.tif",
        np.clip(stored, STEP, 65532).astype(np.uint16),
        REGION.transform,
        epsg=EPSG,
        overviews=False,
        descriptions=list(reflectance),
    )
