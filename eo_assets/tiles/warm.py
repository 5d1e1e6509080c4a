"""What costs a fresh process a second or more, paid before the first caller comes."""

from __future__ import annotations

import importlib

import rasterio
from affine import Affine
from pyproj import Transformer

from eo_assets.cube.access import gdal_environment
from eo_assets.cube.grid import region_geobox
from eo_assets.tiles.service import Service

_HEAVY = ("cv2", "shapely", "eo_assets.cube.evaluate", "PIL.Image", "rio_tiler.colormap")


def warm_up(service: Service) -> None:
    """Load what tiles need: libraries, GDAL's drivers, PROJ's database.

    Args:
        service: The worker's parts; its regions are read and projected.
    """
    for name in _HEAVY:
        importlib.import_module(name)
    with gdal_environment(), rasterio.MemoryFile() as file:
        profile = {"driver": "GTiff", "width": 1, "height": 1, "count": 1, "dtype": "uint8"}
        with file.open(**profile, crs="EPSG:3857", transform=Affine.scale(2)):
            pass
    for region in service.regions.values():
        crs = str(region_geobox(region).crs)
        Transformer.from_crs("EPSG:3857", crs, always_xy=True).transform(0.0, 0.0)
