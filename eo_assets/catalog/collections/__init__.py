"""The collections the project reads, one module each. To add one, write its module and list it."""

from __future__ import annotations

from eo_assets.catalog.collections.cop_dem_glo_30 import COP_DEM_GLO_30
from eo_assets.catalog.collections.landsat_c2_l2 import LANDSAT_C2_L2
from eo_assets.catalog.collections.model import Collection, Publication
from eo_assets.catalog.collections.sentinel_2_l2a import SENTINEL_2_C1_L2A, SENTINEL_2_L2A
from eo_assets.errors import UnknownNameError

__all__ = ["COLLECTIONS", "Collection", "Publication", "get_collection"]

COLLECTIONS: dict[str, Collection] = {
    collection.id: collection
    for collection in (SENTINEL_2_L2A, SENTINEL_2_C1_L2A, LANDSAT_C2_L2, COP_DEM_GLO_30)
}


def get_collection(collection_id: str) -> Collection:
    """Look up a collection.

    Args:
        collection_id: STAC collection id: ``sentinel-2-l2a``.

    Returns:
        The collection's record.

    Raises:
        UnknownNameError: No collection of that id is known.
    """
    try:
        return COLLECTIONS[collection_id]
    except KeyError:
        raise UnknownNameError(
            f"Collection {collection_id!r} is not known.",
            f"Use one of: {', '.join(COLLECTIONS)}.",
        ) from None
