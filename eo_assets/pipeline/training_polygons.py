"""Training polygons of a region: read from where people keep them, and checked."""

from __future__ import annotations

from pathlib import Path

import geopandas
import pandas as pd
from odc.geo.geobox import GeoBox
from shapely.geometry import box

from eo_assets.clustering.palette import class_colours
from eo_assets.errors import ConfigurationError
from eo_assets.supervised.model import LandCoverClass

MOST_CLASSES = 64
_SUFFIXES = (".parquet", ".geojson", ".json", ".gpkg")


def read_polygons(folder: Path, region: str) -> geopandas.GeoDataFrame:
    """Read a region's training polygons: the file of its name.

    Args:
        folder: Where they are.
        region: Region id.

    Returns:
        What the file holds.

    Raises:
        ConfigurationError: There is no file, or it cannot be read.
    """
    path = next((p for s in _SUFFIXES if (p := folder / f"{region}{s}").is_file()), None)
    if path is None:
        raise ConfigurationError(
            f"There are no training polygons for {region} in {folder}.",
            f"Put {region}.geojson or {region}.parquet there: polygons with a column 'class'.",
        )
    try:
        if path.suffix == ".parquet":
            return geopandas.read_parquet(path)
        return geopandas.read_file(path)
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigurationError(
            f"The training polygons {path} cannot be read: {error}.", "Check the file."
        ) from error


def usable_polygons(polygons: geopandas.GeoDataFrame, geobox: GeoBox) -> geopandas.GeoDataFrame:
    """Check training polygons, and bring those within a grid into its coordinate system.

    Args:
        polygons: With a column ``class``; ``colour`` is optional.
        geobox: The grid.

    Returns:
        ``class``, ``colour`` (``#RRGGBB``) and ``geometry``, in the order given.

    Raises:
        ConfigurationError: A column or the coordinate system is missing, a geometry is no polygon,
            or fewer than two classes lie on the grid.
    """
    if "class" not in polygons.columns or polygons.crs is None:
        raise ConfigurationError(
            "The training polygons have no column 'class', or no coordinate system.",
            "Give each polygon the name of its class in the column 'class'.",
        )
    if not polygons.geom_type.isin(["Polygon", "MultiPolygon"]).all():
        raise ConfigurationError(
            "Some training geometries are not polygons.", "Draw areas of at least some pixels."
        )
    here = polygons[polygons["class"].notna()].to_crs(str(geobox.crs))
    here = here[here.intersects(box(*geobox.boundingbox.bbox))]
    names = sorted(here["class"].astype(str).unique())
    if not 2 <= len(names) <= MOST_CLASSES:
        raise ConfigurationError(
            f"Training polygons of {len(names)} classes lie in the region; from 2 to "
            f"{MOST_CLASSES} are needed.",
            "Draw polygons of each class within the region.",
        )
    palette = dict(zip(names, class_colours(len(names)), strict=True))
    given = here["colour"] if "colour" in here else pd.Series(index=here.index, dtype=object)
    labels = here["class"].astype(str)
    return geopandas.GeoDataFrame(
        {"class": labels, "colour": given.fillna(labels.map(palette))}, geometry=here.geometry
    ).reset_index(drop=True)


def classes_of(polygons: geopandas.GeoDataFrame) -> tuple[LandCoverClass, ...]:
    """Number the classes by their names, from 1."""
    colours = polygons.groupby("class", sort=True)["colour"].first()
    return tuple(
        LandCoverClass(code, str(name), str(colour))
        for code, (name, colour) in enumerate(colours.items(), start=1)
    )
