"""Where products go, as a resource."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import dagster as dg
from pydantic import Field, PrivateAttr

from eo_assets.places import Place, place

if TYPE_CHECKING:
    from eo_assets.storage.product_catalog import ProductCatalog
    from eo_assets.storage.store import Record, Store


_MAP_OF = {"mosaic": "geotiff", "geotiff": "geotiff", "clusters": "clusters"}
"""Which step's product shows a step's pixels on the map; the GeoTIFF has those of the mosaic."""


@dataclass(frozen=True)
class Made:
    """A product a run has made.

    Attributes:
        record: Its record.
        metadata: What people are shown of it.
        registered: Whether the product catalogue says what there is of it.
    """

    record: Record
    metadata: dict[str, Any]
    registered: bool = False


class ProductStore(dg.ConfigurableResource[Any]):
    """Products in a folder or on object storage."""

    root: str = Field(description="The folder, s3://bucket/prefix or az://container/prefix.")
    url: str = Field(
        default="", description="Address under which browsers reach the folder, for previews."
    )
    tiles_url: str = Field(
        default="", description="Address under which browsers reach the tile service, for maps."
    )

    catalog: str = Field(
        default="",
        description="A STAC API in which products are registered; the folder's own catalogue when "
        "empty.",
    )

    _made: dict[dg.AssetKey, dict[str, Made]] = PrivateAttr(default_factory=dict)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Begin a run, which has made nothing yet."""
        self._made = {}

    @property
    def made(self) -> dict[dg.AssetKey, dict[str, Made]]:
        """What this run has stored: by partition, by asset.

        A step that is tried again makes what is missing, not everything anew.
        """
        return self._made

    @property
    def store(self) -> Store:
        """The store."""
        from eo_assets.storage.store import Store

        return Store(self.root)

    @property
    def product_catalog(self) -> ProductCatalog:
        """Where products are registered. The token is this process's own, never configuration."""
        from eo_assets.settings import load_settings
        from eo_assets.storage.product_catalog import product_catalog

        # the folder's own catalogue needs none, and reading all settings takes its time
        token = load_settings().product_catalog_token.get_secret_value() if self.catalog else ""
        return product_catalog(
            self.store.root, url=self.catalog, products_url=self.url, token=token
        )

    def link(self, path: Place) -> str | None:
        """Give a product's address for browsers, or None when the folder is not served."""
        if not self.url:
            return None
        below = str(path).removeprefix(str(place(self.root))).lstrip("/")
        return f"{self.url.rstrip('/')}/{below}"

    def map_link(self, record: Record) -> str | None:
        """Give the address of the map that shows a product; None where no map can or none is."""
        step = _MAP_OF.get(record.step)
        if not self.tiles_url or step is None or record.empty:
            return None
        product = record.model_copy(update={"step": step}).product_id
        shown = {
            "region": record.region,
            "collection": record.collection,
            "view": f"product:{product}",
        }
        return f"{self.tiles_url.rstrip('/')}/#{urlencode(shown, safe='/:')}"
