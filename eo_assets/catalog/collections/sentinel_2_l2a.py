"""Sentinel-2 Level-2A: surface reflectance at 10, 20 and 60 m with a scene classification.

Band centres and widths: ESA's spectral responses of Sentinel-2A as the STAC items state them.
"""

from __future__ import annotations

from eo_assets.catalog.bands import Band
from eo_assets.catalog.collections.model import Collection, Publication
from eo_assets.catalog.quality import SCL
from eo_assets.catalog.radiometry import BaselineOffset, FlaggedOffset

_ROWS: tuple[tuple[str, str, str, str, float, float, float], ...] = (
    # name, title, Planetary Computer key, STAC common name, centre um, width um, metres
    ("coastal", "Coastal aerosol", "B01", "coastal", 0.443, 0.027, 60),
    ("blue", "Blue", "B02", "blue", 0.490, 0.098, 10),
    ("green", "Green", "B03", "green", 0.560, 0.045, 10),
    ("red", "Red", "B04", "red", 0.665, 0.038, 10),
    ("rededge1", "Red edge 1", "B05", "rededge", 0.704, 0.019, 20),
    ("rededge2", "Red edge 2", "B06", "rededge", 0.740, 0.018, 20),
    ("rededge3", "Red edge 3", "B07", "rededge", 0.783, 0.028, 20),
    ("nir", "Near infrared", "B08", "nir", 0.842, 0.145, 10),
    ("nir08", "Narrow near infrared", "B8A", "nir08", 0.865, 0.033, 20),
    ("nir09", "Water vapour", "B09", "nir09", 0.945, 0.026, 60),
    ("swir16", "Short-wave infrared 1.6", "B11", "swir16", 1.610, 0.143, 20),
    ("swir22", "Short-wave infrared 2.2", "B12", "swir22", 2.190, 0.242, 20),
)

_BANDS = tuple(
    Band(
        name=name,
        title=title,
        common_name=common_name,
        center_wavelength_um=center,
        full_width_half_max_um=width,
        resolution_m=resolution,
    )
    for name, title, _, common_name, center, width, resolution in _ROWS
)
_ESA_KEYS = {name: key for name, _, key, *_ in _ROWS} | {"scl": "SCL"}
_ELEMENT84_KEYS = {band.name: band.name for band in _BANDS} | {"scl": "scl"}

# 60 m bands measure the atmosphere rather than the ground
_DEFAULT_BANDS = tuple(band.name for band in _BANDS if band.resolution_m < 60)

SENTINEL_2_L2A = Collection(
    id="sentinel-2-l2a",
    title="Sentinel-2 Level-2A",
    bands=_BANDS,
    default_bands=_DEFAULT_BANDS,
    resolution_m=10,
    grid_anchor="edge",
    quality=SCL,
    publications=(
        Publication(
            provider="planetary-computer",
            stac_asset_keys=_ESA_KEYS,
            radiometry=BaselineOffset(),
        ),
        Publication(
            provider="earth-search",
            stac_asset_keys=_ELEMENT84_KEYS,
            radiometry=FlaggedOffset(),
        ),
    ),
)

SENTINEL_2_C1_L2A = Collection(
    id="sentinel-2-c1-l2a",
    title="Sentinel-2 Collection 1 Level-2A",
    bands=_BANDS,
    default_bands=_DEFAULT_BANDS,
    resolution_m=10,
    grid_anchor="edge",
    quality=SCL,
    publications=(
        # no flag here: the shift is in, whatever the acquisition date (baseline 05.00 and later)
        Publication(
            provider="earth-search",
            stac_asset_keys=_ELEMENT84_KEYS,
            radiometry=BaselineOffset(),
        ),
    ),
)
