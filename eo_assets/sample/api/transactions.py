"""The write side of the API: the transaction extension for items, and new collections.

Contract: https://github.com/stac-api-extensions/transaction. Documents are checked by
stac-pydantic but stored as they were sent: parsing and printing them again would rewrite times
and numbers.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import attr
from fastapi import APIRouter, Body, FastAPI
from pydantic import ValidationError
from stac_fastapi.api.models import GeoJSONResponse
from stac_fastapi.types.errors import InvalidQueryParameter
from stac_fastapi.types.extension import ApiExtension
from stac_pydantic import Collection, Item
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from eo_assets.sample.api.client import ArchiveClient
from eo_assets.sample.api.files import to_json
from eo_assets.sample.api.links import Publisher
from eo_assets.sample.api.requests import explain
from eo_assets.sample.api.snapshot import Entry, entry_of

Document = dict[str, Any]

ITEM_TRANSACTIONS = "https://api.stacspec.org/v1.0.0/ogcapi-features/extensions/transaction"


@attr.s(auto_attribs=True, kw_only=True)
class Transactions(ApiExtension):
    """Create, replace, patch and delete items; create collections.

    Attributes:
        client: Gives the archive and makes documents.
        stamp: Whether to set ``created`` and ``updated``, as some archives do and others do not.
    """

    client: ArchiveClient
    stamp: bool = False
    conformance_classes: list[str] = attr.Factory(lambda: [ITEM_TRANSACTIONS])

    def register(self, app: FastAPI) -> None:
        """Add the routes to an application."""
        router = APIRouter(tags=["Transaction Extension"])
        items, item = (
            "/collections/{collection_id}/items",
            "/collections/{collection_id}/items/{item_id}",
        )
        router.add_api_route(items, self.create, methods=["POST"], status_code=201)
        router.add_api_route(item, self.replace, methods=["PUT"])
        router.add_api_route(item, self.patch, methods=["PATCH"])
        router.add_api_route(item, self.delete, methods=["DELETE"])
        router.add_api_route(
            "/collections", self.create_collection, methods=["POST"], status_code=201
        )
        app.include_router(router)

    def create(
        self, request: Request, collection_id: str, document: Annotated[Document, Body()]
    ) -> Response:
        """Create an item, or the items of a FeatureCollection: all of them or none.

        Raises:
            InvalidQueryParameter: An item is not valid.
        """
        publisher = self.client.publisher(request)
        if document.get("type") == "FeatureCollection":
            features = document.get("features")
            if not isinstance(features, list) or not features:
                raise InvalidQueryParameter("features: a list of items is needed.")
        else:
            features = [document]
        entries = [self._entry(item, collection_id, None, publisher) for item in features]
        self.client.archive.add(entries)
        published = [publisher.item(entry) for entry in entries]
        if len(entries) == 1:
            location = {"Location": published[0]["links"][0]["href"]}
            return GeoJSONResponse(published[0], status_code=201, headers=location)
        return GeoJSONResponse(
            {"type": "FeatureCollection", "features": published}, status_code=201
        )

    def replace(
        self,
        request: Request,
        collection_id: str,
        item_id: str,
        item: Annotated[Document, Body()],
    ) -> Response:
        """Replace an item."""
        self.client.archive.entry(collection_id, item_id)
        publisher = self.client.publisher(request)
        entry = self._entry(item, collection_id, item_id, publisher)
        self.client.archive.replace(entry)
        return GeoJSONResponse(publisher.item(entry))

    def patch(
        self,
        request: Request,
        collection_id: str,
        item_id: str,
        change: Annotated[Document, Body()],
    ) -> Response:
        """Change parts of an item by a JSON merge patch (RFC 7396)."""
        known = self.client.archive.entry(collection_id, item_id)
        return self.replace(request, collection_id, item_id, merge_patch(known.item, change))

    def delete(self, collection_id: str, item_id: str) -> Response:
        """Withdraw an item."""
        self.client.archive.remove(collection_id, item_id)
        return Response(status_code=204)

    def create_collection(
        self, request: Request, document: Annotated[Document, Body()]
    ) -> Response:
        """Create a collection."""
        _check(Collection, document)
        publisher = self.client.publisher(request)
        archive = self.client.archive
        record = archive.add_collection(publisher.inward(document, archive.root / document["id"]))
        published = publisher.collection(record, record.document or document)
        location = {"Location": published["links"][0]["href"]}
        return JSONResponse(published, status_code=201, headers=location)

    def _entry(
        self, item: Any, collection_id: str, item_id: str | None, publisher: Publisher
    ) -> Entry:
        """Check an item and prepare it for storing; ``item_id`` is that of the path, if any.

        Raises:
            InvalidQueryParameter: The item is not valid, or not of this path.
        """
        archive = self.client.archive
        archive.collection(collection_id)
        _check(Item, item)
        if item.get("collection") not in {None, collection_id}:
            message = (
                f"collection: the item says '{item['collection']}', the path '{collection_id}'."
            )
            raise InvalidQueryParameter(message)
        if item_id is not None and item["id"] != item_id:
            message = f"id: the item says '{item['id']}', the path '{item_id}'."
            raise InvalidQueryParameter(message)
        path = archive.path_for(collection_id, item["id"])
        stored = publisher.inward({**item, "collection": collection_id}, path.parent)
        if self.stamp:
            stored["properties"] = self._stamped(stored["properties"], collection_id, item_id)
        try:
            return entry_of(stored, path)
        except ValueError as error:
            message = f"item '{item['id']}': {error}"
            raise InvalidQueryParameter(message) from error

    def _stamped(self, properties: Document, collection_id: str, item_id: str | None) -> Document:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        created = now
        if item_id is not None:
            known = self.client.archive.entry(collection_id, item_id)
            created = known.item["properties"].get("created", now)
        return {**properties, "created": created, "updated": now}


def merge_patch(target: Any, change: Any) -> Any:
    """Apply a JSON merge patch (RFC 7396): objects merge, null removes, all else replaces."""
    if not isinstance(change, dict):
        return change
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in change.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), value)
    return merged


def _check(model: type[Item | Collection], document: Any) -> None:
    try:
        to_json(document)
        model.model_validate(document)
    except ValidationError as error:
        raise InvalidQueryParameter(explain(error.errors())) from error
    except ValueError as error:
        raise InvalidQueryParameter(f"the document is not JSON: {error}.") from error
