"""Parcels of the sample world: its fields and hay meadows, as a farmer would have drawn them.

Made on demand from the truth of an archive and the pattern its fields were laid out in; not a part
of the archive, and the same for every archive of a version.
"""

from __future__ import annotations

from pathlib import Path

import geopandas
import numpy as np
import rasterio
import shapely
from rasterio.features import shapes
from shapely.geometry import shape

from eo_assets.sample.grid import EPSG, REGION
from eo_assets.sample.landcover import Cover, strips
from eo_assets.sample.truth import REGION_WINDOW

REGION_ID = "bucegi"
LOWLAND_M = 900
"""Meadows above are pastures, which have no parcels."""

MIN_AREA_M2 = 2_000
_EDGE_M = 4.0
"""Balk between neighbours: half a pixel, so that a parcel's pixels are mostly its own."""

_CROPS = {
    Cover.SUMMER_CROP: ("maize", "Maize"),
    Cover.CEREAL: ("winter_cereal", "Winter cereal"),
    Cover.MEADOW: ("hay_meadow", "Hay meadow"),
}


def sample_parcels(archive: Path) -> geopandas.GeoDataFrame:
    """Draw the parcels of an archive's region.

    Args:
        archive: A complete sample archive.

    Returns:
        In EPSG:32635, ordered by ``id``: ``id``, ``area`` (hectares), ``crop:code``, ``crop:name``
        as in fiboa, and the polygon.
    """
    with rasterio.open(archive / "truth" / "landcover.tif") as file:
        cover = file.read(1)
    with rasterio.open(archive / "truth" / "elevation.tif") as file:
        elevation_m = file.read(1)
    block, strip = (pattern[REGION_WINDOW] for pattern in strips())
    arable = (cover == Cover.SUMMER_CROP) | (cover == Cover.CEREAL)
    used = arable | ((cover == Cover.MEADOW) & (elevation_m < LOWLAND_M))
    # neighbours differ in block, strip or cover; a field that is cut in two becomes two parcels
    pattern = (block - block.min()) * 100_000 + (strip - strip.min()) * 10 + cover
    polygons = [
        (shape(outline), int(value) % 10)
        for outline, value in shapes(
            pattern.astype(np.int32), mask=used, transform=REGION.transform, connectivity=4
        )
    ]
    drawn = shapely.simplify(np.array([polygon for polygon, _ in polygons]), 7.0)
    drawn = shapely.buffer(drawn, -_EDGE_M, join_style="mitre")
    keep = (shapely.get_type_id(drawn) == 3) & (shapely.area(drawn) >= MIN_AREA_M2)
    codes = np.array([code for _, code in polygons])[keep]
    drawn = drawn[keep]
    names = [_CROPS[Cover(code)] for code in codes]
    return geopandas.GeoDataFrame(
        {
            "id": [f"RO-{number:05d}" for number in range(1, len(drawn) + 1)],
            "area": np.round(shapely.area(drawn) / 10_000, 4),
            "crop:code": [code for code, _ in names],
            "crop:name": [name for _, name in names],
        },
        geometry=drawn,
        crs=f"EPSG:{EPSG}",
    )


def write_sample_parcels(archive: Path, folder: Path) -> Path:
    """Write the parcels of an archive's region, unless they are there.

    Args:
        archive: A complete sample archive.
        folder: Where to write.

    Returns:
        The file.
    """
    path = folder / f"{REGION_ID}.parquet"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}-draft")
        sample_parcels(archive).to_parquet(draft, compression="zstd", index=False)
        draft.replace(path)
    return path
