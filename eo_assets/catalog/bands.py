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

    ``value = stored * scale + offset``; a stored ``nodata`` means "no observation".

    Attributes:
        name: ``reflectance``, ``temperature`` or ``elevation``.
        units: Of the unpacked value, as UDUNITS writes it; ``1`` is a fraction.
        scale: Value of one stored step.
        offset: Value of a stored zero, if zero were an observation.
        nodata: Stored integer that means "no observation".
        dtype: Integer type of the stored values.
    """

    name: str
    units: str
    scale: float
    offset: float = 0.0
    nodata: int = 0
    dtype: str = "uint16"


REFLECTANCE = Quantity(name="reflectance", units="1", scale=0.0001)
TEMPERATURE = Quantity(name="temperature", units="K", scale=0.01)
# from the Dead Sea to Mount Everest in steps well below the model's accuracy
ELEVATION = Quantity(name="elevation", units="m", scale=0.15, offset=-500.0)


@dataclass(frozen=True, kw_only=True)
class Band:
    """One spectral band of a collection.

    Attributes:
        name: Unique common name: ``red``.
        title: For people: ``Red``.
        center_wavelength_um: Centre of the band, micrometres; 0 for what has none.
        full_width_half_max_um: Width of the band, micrometres; 0 for what has none.
        resolution_m: Native pixel size, metres.
        quantity: What is measured.
        source_dtype: Data type of the providers' files.
        optional: Some scenes of the collection lack it; it is then "no observation" there.
        common_name: STAC common name; differs from ``name`` only where that one is not unique.
    """

    name: str
    title: str
    center_wavelength_um: float
    full_width_half_max_um: float
    resolution_m: float
    quantity: Quantity = REFLECTANCE
    source_dtype: str = "uint16"
    optional: bool = False
    common_name: str = ""

    @property
    def stac_common_name(self) -> str:
        """The name STAC's EO extension knows."""
        return self.common_name or self.name
