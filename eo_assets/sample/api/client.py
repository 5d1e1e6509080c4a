"""The read side of the API: stac-fastapi's core client on an archive.

Responses are made here rather than by FastAPI's encoder, which walks every value of every item.
"""

# stac-fastapi passes ready responses and further parameters through, which its types do not say
# mypy: disable-error-code="override"

from __future__ import annotations

from typing import Any

import attr
from stac_fastapi.api.models import GeoJSONResponse, JSONSchemaResponse
from stac_fastapi.types.core import BaseCoreClient
from stac_fastapi.types.errors import InvalidQueryParameter
from stac_fastapi.types.requests import get_base_url
from stac_fastapi.types.stac import LandingPage
from starlette.requests import Request
from starlette.responses import JSONResponse

from eo_assets.sample.api.archive import Archive, CollectionRecord
from eo_assets.sample.api.describe import queryables, synthesized_collection
from eo_assets.sample.api.fields import select_fields
from eo_assets.sample.api.links import GEOJSON, QUERYABLES, SCHEMA, HrefMode, Publisher, link
from eo_assets.sample.api.requests import SearchPost, from_get
from eo_assets.sample.api.search import Page, find

Document = dict[str, Any]


@attr.s(auto_attribs=True, kw_only=True)
class ArchiveClient(BaseCoreClient):
    """Answers every GET, and POST /search.

    Attributes:
        archive: Where the items are.
        hrefs: How files of the archive are named to clients.
    """

    archive: Archive
    hrefs: HrefMode

    def publisher(self, request: Request) -> Publisher:
        """Makes documents with the URLs by which this client reached the service."""
        return Publisher(self.archive.root, mode=self.hrefs, base_url=get_base_url(request))

    def landing_page(self, **kwargs: Any) -> LandingPage:
        """The landing page, with a child link for every collection."""
        page = super().landing_page(**kwargs)
        publisher = self.publisher(kwargs["request"])
        page["links"].append(link(QUERYABLES, publisher.url("queryables"), SCHEMA))
        page["links"] += [
            link("child", publisher.url("collections", record.id))
            for record in self.archive.collections()
        ]
        return page

    def all_collections(self, **kwargs: Any) -> JSONResponse:
        """All collections, on one page."""
        publisher = self.publisher(kwargs["request"])
        documents = [self._document(record, publisher) for record in self.archive.collections()]
        return JSONResponse(
            {
                "collections": documents,
                "links": [
                    link("self", publisher.url("collections")),
                    link("root", publisher.base_url),
                ],
                "numberMatched": len(documents),
                "numberReturned": len(documents),
            }
        )

    def get_collection(self, collection_id: str, **kwargs: Any) -> JSONResponse:
        """One collection."""
        record = self.archive.collection(collection_id)
        return JSONResponse(self._document(record, self.publisher(kwargs["request"])))

    def _document(self, record: CollectionRecord, publisher: Publisher) -> Document:
        document = record.document
        if document is None:
            entries = self.archive.snapshot.of_collection(record.id)
            document = synthesized_collection(record.id, entries)
        return publisher.collection(record, document)

    def get_item(self, item_id: str, collection_id: str, **kwargs: Any) -> GeoJSONResponse:
        """One item."""
        entry = self.archive.entry(collection_id, item_id)
        return GeoJSONResponse(self.publisher(kwargs["request"]).item(entry))

    def item_collection(self, collection_id: str, **kwargs: Any) -> GeoJSONResponse:
        """The items of one collection.

        Raises:
            InvalidQueryParameter: A parameter is not valid, or asks for another collection.
        """
        self.archive.collection(collection_id)
        request = kwargs.pop("request")
        if kwargs["collections"] not in {None, collection_id}:
            raise InvalidQueryParameter(
                f"collections: this is the path of '{collection_id}' alone."
            )
        return self._search(from_get({**kwargs, "collections": [collection_id]}), request)

    def get_search(self, **kwargs: Any) -> GeoJSONResponse:
        """Item search by GET."""
        request = kwargs.pop("request")
        return self._search(from_get(kwargs), request)

    def post_search(self, search_request: SearchPost, **kwargs: Any) -> GeoJSONResponse:
        """Item search by POST."""
        return self._search(search_request, kwargs["request"])

    def _search(self, search: SearchPost, request: Request) -> GeoJSONResponse:
        page = find(self.archive.snapshot, search.criteria())
        publisher = self.publisher(request)
        items = [publisher.item(entry) for entry in page.entries]
        if search.fields is not None:
            chosen = search.fields
            items = [
                select_fields(item, include=chosen.include, exclude=chosen.exclude)
                for item in items
            ]
        return GeoJSONResponse(
            {
                "type": "FeatureCollection",
                "features": items,
                "links": _page_links(page, search, request, publisher),
                "numberMatched": page.n_matched,
                "numberReturned": len(items),
            }
        )

    def queryables(self, request: Request) -> JSONSchemaResponse:
        """The properties of all items."""
        url = self.publisher(request).url("queryables")
        return JSONSchemaResponse(queryables(url, self.archive.snapshot.entries))

    def collection_queryables(self, request: Request, collection_id: str) -> JSONSchemaResponse:
        """The properties of one collection's items."""
        record = self.archive.collection(collection_id)
        url = self.publisher(request).url("collections", record.id, "queryables")
        return JSONSchemaResponse(queryables(url, self.archive.snapshot.of_collection(record.id)))

    def health(self) -> Document:
        """How much is served, and what could not be read."""
        return {
            "status": "UP",
            "n_collections": len(self.archive.collections()),
            "n_items": len(self.archive.snapshot.entries),
            "problems": self.archive.problems,
        }


def _page_links(
    page: Page, search: SearchPost, request: Request, publisher: Publisher
) -> list[Document]:
    links = [link("root", publisher.base_url), link("self", str(request.url), GEOJSON)]
    if page.next_token is None:
        return links
    if request.method == "GET":
        url = str(request.url.include_query_params(token=page.next_token))
        return [*links, link("next", url, GEOJSON, method="GET")]
    body = search.model_dump(mode="json", exclude_unset=True) | {"token": page.next_token}
    return [*links, link("next", str(request.url), GEOJSON, method="POST", body=body)]
