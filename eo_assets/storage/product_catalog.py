"""What the catalogue of products says: each product that others may use, and no other."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from eo_assets.catalog.regions import Region
from eo_assets.errors import EoAssetsError
from eo_assets.places import Place
from eo_assets.storage.catalog_service import CatalogService
from eo_assets.storage.partition import Partition, Subject, WholeRegion
from eo_assets.storage.product_item import product_collection
from eo_assets.storage.static_catalog import StaticCatalog
from eo_assets.storage.store import Record, Store


class ProductCatalog(Protocol):
    """Where products are registered."""

    def register(self, record: Record, item: dict[str, Any], collection: dict[str, Any]) -> str:
        """Make a product known in place of a former one; give the address of its item."""
        ...

    def withdraw(self, record: Record, collection: dict[str, Any]) -> None:
        """Make sure that a product is not known."""
        ...


def product_catalog(
    root: Place, *, url: str = "", products_url: str = "", token: str = ""
) -> ProductCatalog:
    """Give the catalogue of a product store.

    Args:
        root: Place of the store.
        url: A STAC API with transactions; the store's own static catalogue when empty.
        products_url: Address under which others reach the store; its own when empty.
        token: What the API asks of writers.

    Returns:
        The catalogue.
    """
    if not url:
        return StaticCatalog(root)
    own = root.absolute().as_uri() if isinstance(root, Path) else str(root)
    return CatalogService(url, products_url=products_url or own, token=token)


def register(catalog: ProductCatalog, store: Store, subject: Subject, record: Record) -> str | None:
    """Make a catalogue say what the store holds: once a product has been published.

    Args:
        catalog: The catalogue.
        store: The store.
        subject: What the product is about.
        record: The product's record, as published.

    Returns:
        The address of its item; None for a product without one. Products that are empty, or
        failed a blocking check, are withdrawn.

    Raises:
        EoAssetsError: It could not be done; the product is stored all the same.
    """
    collection = product_collection(subject)
    if record.empty or record.rejections:
        catalog.withdraw(record, collection)
        return None
    if "stac_item" not in record.files:
        return None
    # where it stays whatever the version: on object storage beside the versions, not in one
    path = store.root / record.product_id / record.files["stac_item"]
    item = json.loads(path.read_text(encoding="utf-8"))
    return catalog.register(record, item, collection)


def register_stored(
    catalog: ProductCatalog, store: Store, region: Region, steps: Sequence[str]
) -> Iterator[tuple[Record, EoAssetsError | None]]:
    """Make a catalogue say what the store holds of a region already.

    Args:
        catalog: The catalogue.
        store: The store.
        region: The region.
        steps: The steps whose products may have an item.

    Yields:
        Each product that was registered or withdrawn, or why it could not be.
    """
    for record in (one for step in steps for one in store.records(region, step)):
        if not (record.empty or record.rejections or "stac_item" in record.files):
            continue
        place = region.with_collection(record.collection)
        whole = record.date == WholeRegion(place).period
        subject = (
            WholeRegion(place) if whole else Partition(place, dt.date.fromisoformat(record.date))
        )
        try:
            register(catalog, store, subject, record)
        except EoAssetsError as error:
            yield record, error
        else:
            yield record, None
