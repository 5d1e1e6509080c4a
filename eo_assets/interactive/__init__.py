"""For notebooks: regions, cubes and maps.

    from eo_assets.interactive import open_region

    cube = open_region("bucegi").cube("2023-06/2023-08").valid().index("ndvi").median()
    cube.show()

Nothing is read until somebody looks, and then no more than is looked at. The map's tiles are
computed by a tile service beside the kernel, which stays free.
"""

from __future__ import annotations

from eo_assets.interactive.cube import Cube
from eo_assets.interactive.opening import (
    Catalog,
    ProductView,
    RegionView,
    open_catalog,
    open_cube,
    open_product,
    open_region,
)

__all__ = [
    "Catalog",
    "Cube",
    "ProductView",
    "RegionView",
    "open_catalog",
    "open_cube",
    "open_product",
    "open_region",
]
