"""Registering stored products: after an outage, or in a catalogue that is new."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console

from eo_assets.catalog.regions import Region
from eo_assets.definitions import ASSETS
from eo_assets.errors import RegistrationError
from eo_assets.settings import Settings
from eo_assets.storage.product_catalog import product_catalog, register_stored
from eo_assets.storage.product_item import CATALOG
from eo_assets.storage.store import Store


def register_regions(settings: Settings, regions: Iterable[Region], console: Console) -> None:
    """Make the product catalogue say what the store holds of some regions.

    Args:
        settings: The settings.
        regions: The regions.
        console: Where to say what came of it.

    Raises:
        RegistrationError: Products could not be registered; each is named.
    """
    store = Store(settings.outputs)
    catalog = product_catalog(
        store.root,
        url=settings.product_catalog,
        products_url=settings.products_url,
        token=settings.product_catalog_token.get_secret_value(),
    )
    listed, withdrawn, failed = 0, 0, {}
    for region in regions:
        for record, error in register_stored(catalog, store, region, ASSETS):
            if error:
                failed[record.product_id] = error
            elif record.empty or record.rejections:
                withdrawn += 1
            else:
                listed += 1
    where = settings.product_catalog or store.root / CATALOG
    console.print(f"{where}: {listed} registered, {withdrawn} empty or rejected", soft_wrap=True)
    if failed:
        first = next(iter(failed.values()))
        raise RegistrationError(
            f"{len(failed)} products could not be registered: {', '.join(failed)}. {first.problem}",
            first.remedy,
        )
