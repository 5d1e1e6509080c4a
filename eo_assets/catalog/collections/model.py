"""What the project knows of a collection, and how each provider publishes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from eo_assets.catalog.bands import Band
from eo_assets.catalog.quality import QualityBand
from eo_assets.catalog.radiometry import RadiometryRule
from eo_assets.errors import SourceContractError, UnknownNameError

StacItem = Mapping[str, Any]
"""A STAC item as its JSON object."""


@dataclass(frozen=True, kw_only=True)
class Publication:
    """How one provider publishes a collection.

    Attributes:
        provider: Provider id, see ``eo_assets.catalog.providers``.
        stac_asset_keys: Key of the STAC asset for each band and the quality band. Where sensors
            of a collection differ, several keys, best first: ``lwir11|lwir``.
        radiometry: Rule for the reflectance bands.
        other_radiometry: Rules for bands that measure something else.
    """

    provider: str
    stac_asset_keys: Mapping[str, str]
    radiometry: RadiometryRule
    other_radiometry: Mapping[str, RadiometryRule] = field(default_factory=dict)

    def stac_asset_key(self, band: str, stac_assets: Mapping[str, Any]) -> str | None:
        """Give the key under which an item has a band, or None when it has not.

        Args:
            band: Name of the band.
            stac_assets: The item's STAC assets.
        """
        keys = self.stac_asset_keys.get(band, "").split("|")
        return next((key for key in keys if key in stac_assets), None)

    @property
    def all_keys(self) -> set[str]:
        """All keys of STAC assets it may use."""
        return {key for keys in self.stac_asset_keys.values() for key in keys.split("|")}

    def rule(self, band: str) -> RadiometryRule:
        """Give the radiometry rule of a band."""
        return self.other_radiometry.get(band, self.radiometry)


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A family of scenes with the same bands.

    Attributes:
        id: STAC collection id.
        title: For people.
        bands: All bands, in spectral order.
        default_bands: Names of the bands a mosaic holds unless the region says otherwise.
        resolution_m: Pixel size of a region's grid unless the region says otherwise, metres.
        grid_anchor: ``edge``: pixel edges lie on multiples of the resolution (Sentinel-2).
            ``center``: pixel centres do (Landsat).
        northern_utm: South of the equator too its files lie in the zones of the northern
            hemisphere, with negative northings; so does a region's grid then.
        quality: Its quality band; None where every pixel of a file is usable.
        product: What its mosaic is called: ``reflectance``.
        publications: How each provider publishes it. The first whose asset keys an item has is
            the item's publication.
    """

    id: str
    title: str
    bands: tuple[Band, ...]
    default_bands: tuple[str, ...]
    resolution_m: float
    grid_anchor: Literal["edge", "center"]
    quality: QualityBand | None
    publications: tuple[Publication, ...]
    product: str = "reflectance"
    northern_utm: bool = False

    def band(self, name: str) -> Band:
        """Look up a band.

        Raises:
            UnknownNameError: The collection has no such band.
        """
        for band in self.bands:
            if band.name == name:
                return band
        raise UnknownNameError(
            f"Collection {self.id} has no band {name!r}.",
            f"Its bands: {', '.join(band.name for band in self.bands)}.",
        )

    def publication_of(self, item: StacItem) -> Publication:
        """Recognise how an item is published, by the keys of its STAC assets.

        Args:
            item: A STAC item of this collection.

        Returns:
            The publication with most of its asset keys in the item.

        Raises:
            SourceContractError: The item has no asset key of any known publication.
        """
        found = set(item.get("assets", {}))
        best = max(self.publications, key=lambda publication: len(found & publication.all_keys))
        if not found & best.all_keys:
            raise SourceContractError(
                f"Item {item.get('id')} of {self.id} has the STAC assets {sorted(found)}; none is "
                f"a band of {self.id} as {', '.join(p.provider for p in self.publications)} "
                "publish it.",
                "Check that the catalogue serves this collection in a known layout.",
            )
        return best
