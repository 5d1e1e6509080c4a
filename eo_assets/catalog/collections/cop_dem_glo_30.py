"""Copernicus DEM GLO-30: elevation of the surface, canopy and buildings included, at 30 m.

Heights in metres above the EGM2008 geoid, 32-bit floats on a grid in longitude and latitude. Tiles
without land do not exist. One item a tile, all of the same date.
"""

from __future__ import annotations

from eo_assets.catalog.bands import ELEVATION, Band
from eo_assets.catalog.collections.model import Collection, Publication
from eo_assets.catalog.radiometry import FixedScale

_METRES = FixedScale(
    scale=1.0,
    offset=0.0,
    valid_min=-500,
    valid_max=9000,
    reason="elevation in metres as it is; values outside -500 to 9000 are no heights",
)

COP_DEM_GLO_30 = Collection(
    id="cop-dem-glo-30",
    title="Copernicus DEM GLO-30",
    bands=(
        Band(
            name="elevation",
            title="Elevation of the surface",
            center_wavelength_um=0.0,
            full_width_half_max_um=0.0,
            resolution_m=30,
            quantity=ELEVATION,
            source_dtype="float32",
        ),
    ),
    default_bands=("elevation",),
    resolution_m=30,
    grid_anchor="edge",
    quality=None,
    publications=(
        # Planetary Computer and Earth Search publish it alike
        Publication(
            provider="planetary-computer",
            stac_asset_keys={"elevation": "data"},
            radiometry=_METRES,
        ),
    ),
    product="elevation",
)
