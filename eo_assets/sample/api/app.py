"""The application: stac-fastapi's routes over an archive, its errors, and its files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attr
from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from stac_fastapi.api.app import StacApi
from stac_fastapi.types.config import ApiSettings
from stac_fastapi.types.errors import (
    ConflictError,
    InvalidQueryParameter,
    NotFoundError,
)
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from eo_assets.errors import StorageError
from eo_assets.sample.api.archive import Archive
from eo_assets.sample.api.client import ArchiveClient
from eo_assets.sample.api.links import HrefMode
from eo_assets.sample.api.requests import (
    SEARCH_EXTENSIONS,
    ItemsGet,
    SearchGet,
    SearchPost,
    explain,
)
from eo_assets.sample.api.transactions import Transactions
from eo_assets.serving.access import TokenGuard

TITLE = "eo-assets sample archive"
STATUS_OF: dict[type[Exception], int] = {
    InvalidQueryParameter: 400,
    NotFoundError: 404,
    ConflictError: 409,
    StorageError: 507,
}
PARAMETERS = {
    "/search": frozenset(field.name for field in attr.fields(SearchGet)),
    "/collections/{collection_id}/items": frozenset(
        field.name for field in attr.fields(ItemsGet) if field.name != "collection_id"
    ),
}


def create_app(
    directory: Path,
    *,
    hrefs: HrefMode = "http",
    stamp: bool = False,
    writable: bool = True,
    token: str = "",
    private: bool = False,
) -> FastAPI:
    """A STAC API over a directory.

    Args:
        directory: Any directory with STAC items below it.
        hrefs: Whether files below it are given to clients as URLs of this service, which then
            serves them with range requests, or as absolute paths.
        stamp: Whether to set ``created`` and ``updated`` of items written.
        writable: Whether items can be created, replaced, patched and deleted.
        token: Required of writers as ``Authorization: Bearer``; empty admits everybody.
        private: Whether readers need the token, too.

    Returns:
        The application.

    Raises:
        ConfigurationError: The directory does not exist or holds no STAC.
    """
    archive = Archive(directory)
    client = ArchiveClient(archive=archive, hrefs=hrefs, landing_page_id="eo-assets-sample")
    extensions = [*SEARCH_EXTENSIONS]
    if writable:
        extensions.append(Transactions(client=client, stamp=stamp))
    settings = ApiSettings(_env_file=None, stac_fastapi_title=TITLE)
    app = FastAPI(
        title=TITLE,
        openapi_url=settings.openapi_url,
        docs_url=settings.docs_url,
        redoc_url=None,
        dependencies=[Depends(reject_unknown_parameters)],
    )
    StacApi(
        settings=settings,
        client=client,
        app=app,
        description=f"The STAC items of {archive.root.name}.",
        extensions=extensions,
        exceptions={},
        search_get_request_model=SearchGet,
        search_post_request_model=SearchPost,
        items_get_request_model=ItemsGet,
        health_check=client.health,
        # no compression: it would break range requests, and the client is near
        middlewares=[
            Middleware(TokenGuard, token=token, private=private),
            Middleware(
                CORSMiddleware,
                allow_origins=["*"],
                allow_methods=["GET", "HEAD", "POST"],
                allow_headers=["Content-Type", "Range"],
                expose_headers=["Content-Range", "Accept-Ranges"],
            ),
        ],
    )
    app.add_api_route("/queryables", client.queryables, response_model=None)
    app.add_api_route(
        "/collections/{collection_id}/queryables",
        client.collection_queryables,
        response_model=None,
    )
    _explain_errors(app)
    if hrefs == "http":
        app.mount("/assets", Files(directory=archive.root), name="assets")
    return app


class Files(StaticFiles):
    """The files of a directory, without hidden ones."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Serve a file, or a range of it.

        Raises:
            HTTPException: 404 where there is nothing to serve.
        """
        if any(part.startswith(".") for part in Path(path).parts):
            raise HTTPException(404, "There is no such file.")
        return await super().get_response(path, scope)


def reject_unknown_parameters(request: Request) -> None:
    """Refuse what would otherwise be ignored: unknown, repeated and empty query parameters.

    Raises:
        InvalidQueryParameter: There is one.
    """
    known = frozenset[str]()
    if request.method == "GET":
        known = PARAMETERS.get(request.scope["route"].path, known)
    seen: set[str] = set()
    for name, value in request.query_params.multi_items():
        if name not in known:
            listed = f"; known: {', '.join(sorted(known))}" if known else "; there are none here"
            raise InvalidQueryParameter(f"{name}: unknown parameter{listed}.")
        if name in seen or not value:
            raise InvalidQueryParameter(f"{name}: give it once, with a value, or leave it out.")
        seen.add(name)


def _explain_errors(app: FastAPI) -> None:
    """Answer errors with the code and description that the STAC API specification asks for."""

    def answer(status: int, description: str, headers: Any = None) -> JSONResponse:
        document = {"code": str(status), "description": description}
        return JSONResponse(document, status_code=status, headers=headers)

    def invalid(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        return answer(400, explain(error.errors()))

    def http(_: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        return answer(error.status_code, error.detail, error.headers)

    def known(_: Request, error: Exception) -> JSONResponse:
        return answer(STATUS_OF[type(error)], str(error))

    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    for kind in STATUS_OF:
        app.add_exception_handler(kind, known)
