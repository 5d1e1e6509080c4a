"""What can be chosen for all steps of a launch, as a resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field

if TYPE_CHECKING:
    from eo_assets.catalog.regions import Region


class LaunchOptions(dg.ConfigurableResource[Any]):
    """Choices that every step has to share; each has a default that needs no typing.

    Steps find each other's products by region, collection and date. Were the collection a choice of
    one step, the next would look in another folder.
    """

    collection: str = Field(
        default="",
        description="Use this collection instead of the region's own, for every step of the "
        "launch: 'sentinel-2-l2a', 'landsat-c2-l2' or 'cop-dem-glo-30'.",
    )

    def region(self, region: Region) -> Region:
        """Give the region with the collection to use."""
        return region.with_collection(self.collection or None)
