"""What a search request may say. GET and POST are checked by the same model."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import attr
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from stac_fastapi.api.models import ItemCollectionUri, create_request_model
from stac_fastapi.extensions.fields import FieldsExtension
from stac_fastapi.extensions.pagination import TokenPaginationExtension
from stac_fastapi.extensions.query import QueryExtension
from stac_fastapi.extensions.sort.sort import SearchSortExtension
from stac_fastapi.types.errors import InvalidQueryParameter
from stac_fastapi.types.search import BaseSearchPostRequest, Limit

from eo_assets.sample.api.footprints import area_of_bbox, area_of_geojson
from eo_assets.sample.api.search import Criteria, SortField
from eo_assets.sample.api.values import timestamp_us

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
# the semantics of 1.1 are the same; clients of today look for the 1.0 identifier
SORT_CLASS = "https://api.stacspec.org/v1.0.0/item-search#sort"
SEARCH_EXTENSIONS = [
    QueryExtension(),
    SearchSortExtension(conformance_classes=[SORT_CLASS]),
    FieldsExtension(),
    TokenPaginationExtension(),
]


@attr.s
class ItemsOfCollection(ItemCollectionUri):
    """The items of a collection; pystac-client repeats the path's collection as a parameter."""

    collections = attr.ib(default=None, type=str | None)


SearchGet: type[Any] = create_request_model(
    "SearchGet", extensions=SEARCH_EXTENSIONS, request_type="GET"
)
ItemsGet: type[Any] = create_request_model(
    "ItemsGet",
    base_model=ItemsOfCollection,
    extensions=[TokenPaginationExtension()],
    request_type="GET",
)


def _not_empty(values: list[str] | None) -> list[str] | None:
    if values is not None and (not values or not all(values)):
        raise ValueError("an empty list or an empty name selects nothing: leave it out")
    return values


Names = Annotated[list[str] | None, AfterValidator(_not_empty)]


class SortBy(BaseModel):
    """One entry of ``sortby``."""

    model_config = STRICT
    field: str = Field(min_length=1)
    direction: Literal["asc", "desc"] = "asc"


class FieldSelection(BaseModel):
    """The ``fields`` of a search."""

    model_config = STRICT
    include: list[str] | None = None
    exclude: list[str] | None = None


class SearchPost(BaseSearchPostRequest):
    """The body of POST /search; anything else in it is an error."""

    model_config = STRICT
    collections: Names = None
    ids: Names = None
    limit: Limit = 10
    query: dict[str, dict[str, Any]] | None = None
    sortby: list[SortBy] | None = None
    fields: FieldSelection | None = None
    token: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _is_object(cls, body: Any) -> Any:
        # checked first, because the inherited check takes an object for granted
        if not isinstance(body, dict):
            raise ValueError("the body of a search is a JSON object")  # noqa: TRY004
        return body

    def criteria(self) -> Criteria:
        """The search this request asks for.

        Raises:
            InvalidQueryParameter: The geometry of ``intersects`` is not valid.
        """
        area = None
        if self.bbox is not None:
            area = area_of_bbox(self.bbox)
        elif self.intersects is not None:
            area = area_of_geojson(self.intersects.model_dump(mode="json"))
        return Criteria(
            collections=None if self.collections is None else frozenset(self.collections),
            ids=None if self.ids is None else frozenset(self.ids),
            area=area,
            interval_us=None if self.datetime is None else interval_us(self.datetime),
            query=self.query,
            order=tuple(SortField(s.field, s.direction == "desc") for s in self.sortby or ()),
            limit=self.limit,
            token=self.token,
        )


def interval_us(text: str) -> tuple[int | None, int | None]:
    """Begin and end of a STAC ``datetime``, microseconds since 1970, None where open.

    Raises:
        InvalidQueryParameter: A part is not an RFC 3339 date-time.
    """
    moments: list[int | None] = []
    for part in text.split("/"):
        moments.append(None if part in {"", ".."} else timestamp_us(part))
        if moments[-1] is None and part not in {"", ".."}:
            message = f"datetime: {part!r} is not an RFC 3339 date-time, as 2023-08-15T09:58:11Z."
            raise InvalidQueryParameter(message)
    return moments[0], moments[-1]


def from_get(parameters: dict[str, Any]) -> SearchPost:
    """The POST request that says what a GET request says.

    Args:
        parameters: As stac-fastapi's GET models give them: lists split at commas, JSON as text.

    Returns:
        The same request as the body of a POST.

    Raises:
        InvalidQueryParameter: A parameter is not valid.
    """
    body = {name: value for name, value in parameters.items() if value is not None}
    for name in ("intersects", "query"):
        if name in body:
            try:
                body[name] = json.loads(body[name])
            except ValueError as error:
                message = f"{name}: not valid JSON: {error}"
                raise InvalidQueryParameter(message) from error
    if "sortby" in body:
        body["sortby"] = [_sort_by(entry) for entry in body["sortby"]]
    if "fields" in body:
        body["fields"] = _field_selection(body["fields"])
    try:
        return SearchPost.model_validate(body)
    except ValidationError as error:
        raise InvalidQueryParameter(explain(error.errors())) from error


def explain(errors: Any) -> str:
    """Pydantic's list of errors as sentences that name the parameter."""
    sentences = []
    for error in errors:
        names = [str(part) for part in error["loc"] if part not in {"body", "query", "path"}]
        message = error["msg"].removeprefix("Value error, ")
        sentences.append(f"{'.'.join(names)}: {message}." if names else f"{message}.")
    return " ".join(dict.fromkeys(sentences))


def _sort_by(entry: str) -> dict[str, str]:
    # a plus sign in a URL arrives as a space
    direction = "desc" if entry.startswith("-") else "asc"
    return {"field": entry.lstrip("+- "), "direction": direction}


def _field_selection(entries: list[str]) -> dict[str, list[str]]:
    return {
        "include": [entry.lstrip("+ ") for entry in entries if not entry.startswith("-")],
        "exclude": [entry[1:] for entry in entries if entry.startswith("-")],
    }
