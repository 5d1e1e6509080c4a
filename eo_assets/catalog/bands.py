"""What a band is: the quantity it measures, where in the spectrum, and how products store it.

Bands are named by STAC common name, made unique where the standard repeats a name (Sentinel-2's
three red-edge bands are ``rededge1`` to ``rededge3``). No provider's asset keys here: those are
in ``eo_assets.catalog.collections``.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """What is measured, and how products pack it into integers.

    ``value = stored * scale``; a stored ``nodata`` means "no observation".

    Attributes:
        name: ``reflectance`` or ``temperature``.
        units: Of the unpacked value, as UDUNITS writes it; ``1`` is a fraction.
        scale: Value of one stored step.
        nodata: Stored integer that means "no observation".
        dtype: Integer type of the stored values.
    """

    name: str
    units: str
    scale: float
    nodata: int = 0
    dtype: str = "uint16"


REFLECTANCE = Quantity(name="reflectance", units="1", scale=0.0001)
TEMPERATURE = Quantity(name="temperature", units="K", scale=0.01)


@dataclass(frozen=True, kw_only=True)
class Band:
    """One spectral band of a collection.

    Attributes:
        name: Unique common name: ``red``.
        title: For people: ``Red``.
        center_wavelength_um: Centre of the band, micrometres.
        full_width_half_max_um: Width of the band, micrometres.
        resolution_m: Native pixel size, metres.
        quantity: What is measured.
        common_name: STAC common name; differs from ``name`` only where that one is not unique.
    """

    name: str
    title: str
    center_wavelength_um: float
    full_width_half_max_um: float
    resolution_m: float
    quantity: Quantity = REFLECTANCE
    common_name: str = ""

    @property
    def stac_common_name(self) -> str:
        """The name STAC's EO extension knows."""
        return self.common_name or self.name
