"""Protected sites of the sample world, as they might be on a map of nature reserves.

Made when asked for; not a part of the archive. The names are of the mountains, the outlines are
invented.
"""

from __future__ import annotations

import math
from pathlib import Path

import geopandas
import numpy as np
from shapely.geometry import Polygon

from eo_assets.sample import noise
from eo_assets.sample.grid import EPSG, to_utm

REGION_ID = "bucegi"

_SITES = (
    # id, name, designation, longitude, latitude of the middle, half axes (m), heading (degrees)
    ("BUC-01", "Zănoaga Gorge", "nature reserve", 25.4480, 45.3560, 1900, 1100, 15),
    ("BUC-02", "Scropoasa Forest", "nature reserve", 25.4660, 45.3370, 1500, 1000, 120),
    ("BUC-03", "Bușteni Beechwoods", "nature reserve", 25.5440, 45.3330, 1700, 900, 170),
    ("BUC-04", "Ialomița Headwaters", "special protection area", 25.4560, 45.3650, 4200, 2400, 10),
    ("BUC-05", "Bran Pastures", "protected landscape", 25.3900, 45.4600, 2200, 1500, 60),
)


def sample_sites() -> geopandas.GeoDataFrame:
    """Draw the sites of the sample's region.

    Returns:
        In EPSG:32635: ``id``, ``name``, ``designation`` and the polygon. One lies mostly within
        another, as designations do; two saw no fire, or only its edge.
    """
    identity, names, kinds, *_ = zip(*_SITES, strict=True)
    return geopandas.GeoDataFrame(
        {"id": identity, "name": names, "designation": kinds},
        geometry=[_outline(*site) for site in _SITES],
        crs=f"EPSG:{EPSG}",
    )


def _outline(
    site: str, _name: str, _kind: str, lon: float, lat: float, long_m: float, short_m: float,
    heading_deg: float,
) -> Polygon:  # fmt: skip
    (x,), (y,) = to_utm([lon], [lat])
    rng = noise.generator(f"sites/{site}")
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    waves = sum(
        rng.normal(0, 0.09 / k**0.5) * np.cos(k * angles + rng.uniform(0, 2 * np.pi))
        for k in range(2, 7)
    )
    along, across = long_m * np.cos(angles) * (1 + waves), short_m * np.sin(angles) * (1 + waves)
    heading = math.radians(heading_deg)
    east = x + along * math.sin(heading) + across * math.cos(heading)
    north = y + along * math.cos(heading) - across * math.sin(heading)
    return Polygon(np.stack([east, north], axis=1).round(1))


def write_sample_sites(folder: Path) -> Path:
    """Write the sites of the sample's region, unless they are there.

    Args:
        folder: Where to write.

    Returns:
        The file.
    """
    path = folder / f"{REGION_ID}.parquet"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}-draft")
        sample_sites().to_parquet(draft, compression="zstd", index=False)
        draft.replace(path)
    return path
