"""Landsat Collection 2 Level-2: surface reflectance and temperature at 30 m since 1982.

Scale factors and valid ranges: USGS, "How do I use a scale factor with Landsat Level-2 science
products?".
"""

from __future__ import annotations

from eo_assets.catalog.bands import TEMPERATURE, Band
from eo_assets.catalog.collections.model import Collection, Publication
from eo_assets.catalog.quality import QA_PIXEL
from eo_assets.catalog.radiometry import FixedScale

_SURFACE_REFLECTANCE = FixedScale(
    scale=2.75e-5,
    offset=-0.2,
    valid_min=7273,
    valid_max=43636,
    reason="Collection 2 surface reflectance: dn * 2.75e-5 - 0.2, valid 7273 to 43636",
)
_SURFACE_TEMPERATURE = FixedScale(
    scale=0.00341802,
    offset=149.0,
    valid_min=293,
    valid_max=65535,
    reason="Collection 2 surface temperature: dn * 0.00341802 + 149 K, valid 293 to 65535",
)


def _band(
    name: str, title: str, center_um: float, width_um: float, *, optional: bool = False
) -> Band:
    return Band(
        name=name,
        title=title,
        center_wavelength_um=center_um,
        full_width_half_max_um=width_um,
        resolution_m=30,
        optional=optional,
    )


_BANDS = (
    _band("coastal", "Coastal aerosol", 0.44, 0.02, optional=True),  # Landsat 8 and 9 only
    _band("blue", "Blue", 0.48, 0.06),
    _band("green", "Green", 0.56, 0.06),
    _band("red", "Red", 0.65, 0.04),
    _band("nir08", "Near infrared", 0.87, 0.03),
    _band("swir16", "Short-wave infrared 1.6", 1.60, 0.09),
    _band("swir22", "Short-wave infrared 2.2", 2.20, 0.19),
    Band(
        name="lwir11",
        title="Surface temperature",
        center_wavelength_um=10.9,
        full_width_half_max_um=0.59,
        resolution_m=30,
        quantity=TEMPERATURE,
        # items processed to L2SR, for want of an emissivity, have none
        optional=True,
    ),
)

LANDSAT_C2_L2 = Collection(
    id="landsat-c2-l2",
    title="Landsat Collection 2 Level-2",
    bands=_BANDS,
    default_bands=("blue", "green", "red", "nir08", "swir16", "swir22", "lwir11"),
    resolution_m=30,
    grid_anchor="center",
    northern_utm=True,
    quality=QA_PIXEL,
    publications=(
        Publication(
            provider="planetary-computer",
            # Landsat 4 to 7 measure one thermal band, keyed lwir
            stac_asset_keys={band.name: band.name for band in _BANDS}
            | {"lwir11": "lwir11|lwir", "qa_pixel": "qa_pixel"},
            radiometry=_SURFACE_REFLECTANCE,
            other_radiometry={"lwir11": _SURFACE_TEMPERATURE},
        ),
    ),
)
