"""A STAC API with transactions as the product catalogue, such as stac-fastapi over pgstac.

What is written: https://github.com/stac-api-extensions/transaction. Besides, the API has to know
the query extension of its search, by which the item of a former product is found.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import requests
from urllib3 import Retry

from eo_assets.cube.http_session import open_session
from eo_assets.errors import CatalogUnavailableError, RegistrationError
from eo_assets.storage.store import Record

PRODUCT = "eo_assets:product"
"""Property of registered items: the product's id, the same whatever its item is called."""

_TIMEOUT_S = (10, 60)
_BUSY = frozenset({408, 429, 500, 502, 503, 504})

Document = dict[str, Any]


class CatalogService:
    """A product catalogue behind a STAC API.

    Args:
        url: Address of the API's landing page.
        products_url: Address below which the product store is reached; files of items are named
            by it.
        token: Presented as ``Authorization: Bearer``; empty for none.
        retries: How often a request is tried again while the API is busy or away.
    """

    def __init__(self, url: str, *, products_url: str, token: str = "", retries: int = 4) -> None:
        self.url = url.rstrip("/")
        self._products_url = products_url.rstrip("/")
        patience = Retry(
            total=retries,
            backoff_factor=0.5,
            backoff_jitter=0.5,
            status_forcelist=_BUSY,
            # every request may be repeated: what has been created already is replaced
            allowed_methods=None,
            raise_on_status=False,
            retry_after_max=60,
        )
        self._session = open_session(max_retries=patience)
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"

    def register(self, record: Record, item: Document, collection: Document) -> str:
        """Create or replace the item of a product; one by another id of that product goes.

        Args:
            record: The product's record.
            item: Its STAC item, as stored.
            collection: The collection of the item, created if the API does not know it.

        Returns:
            Address of the item in the API.

        Raises:
            CatalogUnavailableError: The API does not answer, or is busy for too long.
            RegistrationError: The API refuses.
        """
        published = self.published(record, item)
        items = _items(collection)
        known = self._known(record, collection["id"])
        place = f"{items}/{quote(item['id'], safe='')}"
        if item["id"] in known or self._create(items, published, collection) == 409:
            self._ask("PUT", place, published)
        for other in known - {item["id"]}:
            self._ask("DELETE", f"{items}/{quote(other, safe='')}", allowed={404})
        return self.url + place

    def withdraw(self, record: Record, collection: Document) -> None:
        """Delete the item of a product that is empty or unusable, if there is one.

        Args:
            record: Its record.
            collection: The collection of the item.

        Raises:
            CatalogUnavailableError: The API does not answer, or is busy for too long.
            RegistrationError: The API refuses.
        """
        items = _items(collection)
        for known in self._known(record, collection["id"]):
            self._ask("DELETE", f"{items}/{quote(known, safe='')}", allowed={404})

    def published(self, record: Record, item: Document) -> Document:
        """Give an item as the API gets it: files and sources by addresses that lead there.

        Args:
            record: The product's record.
            item: Its STAC item, as stored: links and files relative to it.

        Returns:
            The item; its structural links are left to the API.
        """
        folder = f"{self._products_url}/{record.product_id}"
        stored = {
            "rel": "canonical",
            "href": f"{folder}/{record.files['stac_item']}",
            "type": "application/geo+json",
            "title": "The item beside the files",
        }
        kept = [link for link in item["links"] if "://" in link["href"]]
        return {
            **item,
            "properties": {**item["properties"], PRODUCT: record.product_id},
            "links": [stored, *kept],
            "assets": {
                key: {**one, "href": _absolute(folder, one["href"])}
                for key, one in item["assets"].items()
            },
        }

    def _known(self, record: Record, collection: str) -> set[str]:
        """Give the ids by which the API knows a product: none, one, or what was left behind."""
        question = {
            "collections": [collection],
            "query": {PRODUCT: {"eq": record.product_id}},
            "fields": {"include": ["id"]},
            "limit": 100,
        }
        found = self._ask("POST", "/search", question).json()
        return {str(feature["id"]) for feature in found["features"]}

    def _create(self, items: str, item: Document, collection: Document) -> int:
        """Create an item, and its collection if need be; give the status: 409 if it is there."""
        place = items.removesuffix("/items")
        # asked first: pgstac fails on an item of a collection that is not there
        if self._ask("GET", place, allowed={404}).status_code == 404:
            # another run may have been faster
            self._ask("POST", "/collections", {**collection, "links": []}, allowed={409})
        return self._ask("POST", items, item, allowed={409}).status_code

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        allowed: frozenset[int] | set[int] = frozenset(),
    ) -> requests.Response:
        try:
            answer = self._session.request(
                method, self.url + path, json=body, timeout=_TIMEOUT_S, allow_redirects=False
            )
        except requests.RequestException as error:
            raise CatalogUnavailableError(
                f"The product catalogue {self.url} does not answer: {type(error).__name__}.",
                _REMEDY,
            ) from error
        if answer.status_code in _BUSY:
            raise CatalogUnavailableError(
                f"The product catalogue {self.url} is busy or broken: it answers {method} {path} "
                f"with {answer.status_code}.",
                _REMEDY,
            )
        if answer.status_code < 300 or answer.status_code in allowed:
            return answer
        if answer.status_code in {401, 403}:
            raise RegistrationError(
                f"The product catalogue {self.url} denies {method} {path}.",
                f"Set EO_ASSETS_PRODUCT_CATALOG_TOKEN. {_REMEDY}",
            )
        raise RegistrationError(
            f"The product catalogue {self.url} refuses {method} {path} with "
            f"{answer.status_code}: {answer.text[:300]}",
            f"It has to be a STAC API with transactions and the query extension. {_REMEDY}",
        )


_REMEDY = "The product itself is stored; eo-assets catalog register registers it later."


def _items(collection: Document) -> str:
    return f"/collections/{quote(collection['id'], safe='')}/items"


def _absolute(folder: str, href: str) -> str:
    if "://" in href:
        return href
    scheme, _, path = folder.partition("://")
    return f"{scheme}://{posixpath.normpath(f'{path}/{href}')}"
