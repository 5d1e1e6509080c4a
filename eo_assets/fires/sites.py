"""How much of each protected site burnt; a pixel counts with the share of it inside the site."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import geopandas
import numpy as np
import numpy.typing as npt
import pandas as pd
from affine import Affine
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource

from eo_assets.fires.severity import BURNT, NODATA

ID, NAME = "id", "name"


@dataclass(frozen=True)
class Ground:
    """Where an array of codes lies.

    Attributes:
        transform: Pixel corner to CRS, north up.
        crs_wkt: The CRS, in metres.
    """

    transform: Affine
    crs_wkt: str

    @property
    def pixel_ha(self) -> float:
        """Area of a pixel, hectares."""
        return abs(self.transform.a * self.transform.e) / 10_000


def site_names(sites: geopandas.GeoDataFrame) -> list[str]:
    """Give what each site is called: its ``name``, or its ``id`` where it has none."""
    identity = sites[ID].astype(str)
    if NAME not in sites.columns:
        return identity.tolist()
    named = sites[NAME].notna() & (sites[NAME].astype(str) != "")
    return sites[NAME].astype(str).where(named, identity).tolist()


def site_table(
    codes: npt.NDArray[np.uint8], ground: Ground, sites: geopandas.GeoDataFrame
) -> pd.DataFrame:
    """Give the burnt area of each site by severity.

    Sites may overlap: a pixel counts in each of them.

    Args:
        codes: Severity codes, ``(y, x)``.
        ground: Where they lie.
        sites: Polygons in that CRS, with ``id`` and, if wanted, ``name``.

    Returns:
        One row a site, in their order: ``id``, ``name``, ``site_ha``, ``seen_ha`` (known before and
        after), ``burnt_ha``, ``burnt_pct`` (of what was seen; NaN for nothing), and hectares of
        each burnt class.
    """
    rows = []
    areas = zip(
        sites[ID].astype(str),
        site_names(sites),
        sites.geometry.area / 10_000,
        covered_px(codes, ground, sites),
        strict=True,
    )
    for identity, name, site_ha, area in areas:
        hectares = area * ground.pixel_ha
        burnt = {f"{one.key}_ha": hectares[one.code] for one in BURNT}
        seen, total = hectares[NODATA + 1 :].sum(), sum(burnt.values())
        rows.append(
            {
                ID: identity,
                NAME: name,
                "site_ha": site_ha,
                "seen_ha": seen,
                "burnt_ha": total,
                "burnt_pct": 100 * total / seen if seen else np.nan,
                **burnt,
            }
        )
    columns = [ID, NAME, "site_ha", "seen_ha", "burnt_ha", "burnt_pct"]
    columns += [f"{one.key}_ha" for one in BURNT]
    return pd.DataFrame(rows, columns=columns).round(4)


def covered_px(
    codes: npt.NDArray[np.uint8], ground: Ground, polygons: geopandas.GeoDataFrame
) -> Iterator[npt.NDArray[np.float64]]:
    """Count pixels inside each polygon by code, in whole and parts (D. Baston, exactextract).

    Args:
        codes: Numbers 0-255, ``(y, x)``.
        ground: Where they lie.
        polygons: In that CRS.

    Yields:
        256 numbers for each polygon; what lies beyond the array counts nowhere.
    """
    height, width = codes.shape
    transform = ground.transform
    source = NumPyRasterSource(
        codes,
        xmin=transform.c,
        ymax=transform.f,
        xmax=transform.c + transform.a * width,
        ymin=transform.f + transform.e * height,
        name="codes",
        srs_wkt=ground.crs_wkt,
    )
    operations: Sequence[str] = ["values", "coverage"]
    found = exact_extract(source, polygons[["geometry"]], operations, output="pandas")
    for values, shares in zip(found["values"], found["coverage"], strict=True):
        weights = np.asarray(shares, np.float64)
        counts = np.bincount(np.asarray(values, np.int64), weights=weights, minlength=256)
        yield counts.astype(np.float64)
