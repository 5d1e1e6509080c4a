"""STAC documents in the shape the Planetary Computer gives them, without its services.

Tables of what is constant about each collection, and the pieces items are put together from.
Links and assets that would need the Planetary Computer itself (previews, tiles, XML metadata)
are left out; hrefs are relative to the document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from pyproj import Transformer
from shapely.geometry import box, mapping

from eo_assets.sample.grid import EPSG

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from eo_assets.sample.grid import Grid

COG_TYPE = "image/tiff; application=geotiff; profile=cloud-optimized"
EXTENSIONS = "https://stac-extensions.github.io"

SENTINEL_BANDS: dict[str, tuple[int, str, str, float, float]] = {
    "B02": (10, "blue", "Blue", 0.49, 0.098),
    "B03": (10, "green", "Green", 0.56, 0.045),
    "B04": (10, "red", "Red", 0.665, 0.038),
    "B05": (20, "rededge", "Vegetation red edge 1", 0.704, 0.019),
    "B06": (20, "rededge", "Vegetation red edge 2", 0.74, 0.018),
    "B07": (20, "rededge", "Vegetation red edge 3", 0.783, 0.028),
    "B08": (10, "nir", "NIR", 0.842, 0.145),
    "B8A": (20, "rededge", "Vegetation red edge 4", 0.865, 0.033),
    "B11": (20, "swir16", "SWIR (1.6)", 1.61, 0.143),
    "B12": (20, "swir22", "SWIR (2.2)", 2.19, 0.242),
}
"""Ground sampling distance (m), common name, description, centre and width (µm) per band."""

LANDSAT_BANDS: dict[str, tuple[str, str, str, float, float, str]] = {
    "coastal": ("SR_B1", "OLI_B1", "Coastal/Aerosol", 0.44, 0.02, "B01"),
    "blue": ("SR_B2", "OLI_B2", "Visible blue", 0.48, 0.06, "B02"),
    "green": ("SR_B3", "OLI_B3", "Visible green", 0.56, 0.06, "B03"),
    "red": ("SR_B4", "OLI_B4", "Visible red", 0.65, 0.04, "B04"),
    "nir08": ("SR_B5", "OLI_B5", "Near infrared", 0.87, 0.03, "B8A"),
    "swir16": ("SR_B6", "OLI_B6", "Short-wave infrared", 1.61, 0.09, "B11"),
    "swir22": ("SR_B7", "OLI_B7", "Short-wave infrared", 2.2, 0.19, "B12"),
}
"""Product band, sensor band, description, centre and width (µm), nearest Sentinel-2 band."""

LANDSAT_THERMAL = ("ST_B10", "TIRS_B10", "Long-wave infrared", 10.9, 0.59, "")
"""The same of the thermal band ``lwir11``."""

QA_BITS = {
    "fill": (0, 1), "dilated_cloud": (1, 1), "cirrus": (2, 1), "cloud": (3, 1),
    "cloud_shadow": (4, 1), "snow": (5, 1), "clear": (6, 1), "water": (7, 1),
    "cloud_confidence": (8, 2), "cloud_shadow_confidence": (10, 2), "snow_confidence": (12, 2),
    "cirrus_confidence": (14, 2),
}  # fmt: skip
"""Offset and length of each field of QA_PIXEL."""


def lon_lat(footprint: BaseGeometry) -> BaseGeometry:
    """Bring a footprint from EPSG:32635 to EPSG:4326, rounded to 7 decimals (1 cm)."""
    project = Transformer.from_crs(EPSG, 4326, always_xy=True).transform

    def degrees(corners: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.round(np.column_stack(project(corners[:, 0], corners[:, 1])), 7)

    moved: BaseGeometry = shapely.transform(footprint.segmentize(5000), degrees)
    return moved


def grid_footprint(grid: Grid) -> BaseGeometry:
    """The grid's outline in EPSG:32635."""
    return box(*grid.bounds)


def projection(grid: Grid) -> dict[str, Any]:
    """``proj:bbox``, ``proj:shape`` and ``proj:transform`` of a grid."""
    return {
        "proj:bbox": [float(value) for value in grid.bounds],
        "proj:shape": list(grid.shape),
        "proj:transform": [float(value) for value in tuple(grid.transform)[:6]],
    }


def item(
    collection: str,
    item_id: str,
    *,
    footprint: BaseGeometry,
    properties: dict[str, Any],
    assets: dict[str, Any],
    extensions: list[str],
) -> dict[str, Any]:
    """Put a STAC 1.0.0 item together; ``footprint`` in EPSG:4326."""
    link = {"type": "application/json", "href": "../collection.json"}
    return {
        "id": item_id,
        "bbox": [round(value, 8) for value in footprint.bounds],
        "type": "Feature",
        "links": [{"rel": rel, **link} for rel in ("collection", "parent")],
        "assets": assets,
        "geometry": mapping(footprint),
        "collection": collection,
        "properties": properties,
        "stac_extensions": [
            name if name.startswith("https:") else f"{EXTENSIONS}/{name}/schema.json"
            for name in extensions
        ],
        "stac_version": "1.0.0",
    }


def sentinel_asset(key: str) -> dict[str, Any]:
    """What is constant about an asset of ``sentinel-2-l2a``."""
    asset: dict[str, Any] = {"gsd": 20.0, "type": COG_TYPE, "roles": ["data"]}
    if key == "SCL":
        return {**asset, "title": "Scene classfication map (SCL)"}  # the archive's own spelling
    gsd, common_name, title, centre, width = SENTINEL_BANDS[key]
    description = f"Band {key[1:].lstrip('0')} - {title}"
    band = {
        "name": key,
        "common_name": common_name,
        "description": description,
        "center_wavelength": centre,
        "full_width_half_max": width,
    }
    title = f"{description} - {gsd}m"
    return {**asset, "gsd": float(gsd), "title": title, "eo:bands": [band]}


def _raster(data_type: str, nodata: int, **more: float | str) -> list[dict[str, Any]]:
    return [{"data_type": data_type, "nodata": nodata, "spatial_resolution": 30, **more}]


def _landsat_quality() -> dict[str, Any]:
    return {
        "type": COG_TYPE,
        "roles": ["cloud", "cloud-shadow", "snow-ice", "water-mask"],
        "title": "Pixel Quality Assessment Band",
        "description": "Collection 2 Level-1 Pixel Quality Assessment Band (QA_PIXEL)",
        "raster:bands": _raster("uint16", 1, unit="bit index"),
        "classification:bitfields": [
            {"name": name, "offset": offset, "length": length}
            for name, (offset, length) in QA_BITS.items()
        ],
    }


def landsat_asset(key: str) -> dict[str, Any]:
    """What is constant about an asset of ``landsat-c2-l2``."""
    if key == "qa_pixel":
        return _landsat_quality()
    product, name, description, centre, width, _ = LANDSAT_BANDS.get(key, LANDSAT_THERMAL)
    thermal = key == "lwir11"
    kind = "Surface Temperature" if thermal else "Surface Reflectance"
    band = {
        "name": name,
        "common_name": key,
        "description": description,
        "center_wavelength": centre,
        "full_width_half_max": width,
    }
    raster = (
        _raster("uint16", 0, scale=0.00341802, offset=149.0, unit="kelvin")
        if thermal
        else _raster("uint16", 0, scale=2.75e-05, offset=-0.2)
    )
    return {
        **({"gsd": 100} if thermal else {}),
        "type": COG_TYPE,
        "roles": ["data", "temperature" if thermal else "reflectance"],
        "title": f"{description} Band",
        "eo:bands": [band],
        "description": f"Collection 2 Level-2 {description} Band ({product}) {kind}",
        "raster:bands": raster,
    }
