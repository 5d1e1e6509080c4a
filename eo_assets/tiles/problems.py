"""What goes wrong as an answer: a problem and its remedy, in the form of RFC 9457."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from rasterio.errors import RasterioError
from rio_tiler.errors import RioTilerError
from starlette.exceptions import HTTPException

from eo_assets.cube.secrecy import redacted
from eo_assets.errors import (
    ConfigurationError,
    EoAssetsError,
    MissingArtifactError,
    SourceError,
    SourceUnavailableError,
    StaleArtifactError,
    StorageError,
    UnknownNameError,
    ViewLimitError,
)

MEDIA_TYPE = "application/problem+json"
_LOG = logging.getLogger("eo_assets.tiles")


class Problem(BaseModel):
    """Why a request was not answered.

    Attributes:
        title: Kind of the problem.
        status: HTTP status.
        detail: What is wrong: what was found, what was expected.
        remedy: What to do; empty where nothing can be done.
    """

    title: str
    status: int
    detail: str
    remedy: str = ""


class TooMuchError(ViewLimitError):
    """A request asks for more than the service computes for anybody at once."""


class UnknownLayerError(ConfigurationError):
    """There is no layer of that id, or no longer."""


class AccessDeniedError(ConfigurationError):
    """The caller did not present the token, or a signature that holds."""


class ConflictError(ConfigurationError):
    """What is asked for does not go with how the service is set up, or with the layer."""


_STATUS: Sequence[tuple[type[EoAssetsError], int]] = (
    # the first that fits: the special before the general
    (UnknownLayerError, 404),
    (MissingArtifactError, 404),
    (AccessDeniedError, 401),
    (ConflictError, 409),
    (StaleArtifactError, 409),
    (ViewLimitError, 422),
    (UnknownNameError, 422),
    (ConfigurationError, 422),
    (SourceUnavailableError, 503),
    (SourceError, 502),
    (StorageError, 507),
)

RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description}
    for status, description in {
        401: "No token, or a signature that does not hold",
        404: "There is no such layer or product",
        409: "Does not go with how the service is set up",
        422: "The request asks for something that is not possible, or for too much",
        502: "A file of the archive cannot be read",
        503: "The archive does not answer",
    }.items()
}
"""For the description of the interface."""


def answer(status: int, title: str, detail: str, remedy: str = "") -> JSONResponse:
    """Give a problem as a response; addresses in it lose their tokens."""
    problem = Problem(title=title, status=status, detail=redacted(detail), remedy=redacted(remedy))
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(problem.model_dump(), status, media_type=MEDIA_TYPE, headers=headers)


def of_error(error: EoAssetsError) -> JSONResponse:
    """Give one of the project's errors as a response."""
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
    title = type(error).__name__.removesuffix("Error")
    return answer(status, title, error.problem, error.remedy)


def explain_errors(app: FastAPI) -> None:
    """Have an application answer with problems, whatever goes wrong.

    Args:
        app: The application.
    """

    @app.exception_handler(EoAssetsError)
    async def known(_request: Request, error: EoAssetsError) -> JSONResponse:
        return of_error(error)

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        return answer(422, "InvalidRequest", faults(error.errors()), "See /docs for what is asked.")

    @app.exception_handler(ValidationError)
    async def not_a_graph(_request: Request, error: ValidationError) -> JSONResponse:
        # nodes of graphs check themselves when a request becomes one
        return answer(422, "InvalidRequest", faults(error.errors()), "See /docs for what is asked.")

    @app.exception_handler(RecursionError)
    async def nested(_request: Request, _error: RecursionError) -> JSONResponse:
        return answer(422, "InvalidRequest", "The body is nested too deeply.", "Flatten it.")

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> JSONResponse:
        return answer(error.status_code, "HTTP", str(error.detail))

    @app.exception_handler(RioTilerError)
    async def tiler(_request: Request, error: RioTilerError) -> JSONResponse:
        status = 404 if "outside" in str(error) else 422
        return answer(status, type(error).__name__, _first_line(error))

    @app.exception_handler(RasterioError)
    async def raster(_request: Request, error: RasterioError) -> JSONResponse:
        # the message may quote an address with its token
        number = _logged(error)
        return answer(502, "UnreadableFile", "A file could not be read.", f"Log entry {number}.")

    @app.exception_handler(Exception)
    async def unknown(_request: Request, error: Exception) -> JSONResponse:
        number = _logged(error)
        return answer(500, "Fault", "The service failed.", f"Its log has the entry {number}.")


def faults(errors: Sequence[Any]) -> str:
    """Put the faults pydantic found into a sentence, without quoting what was given."""
    named = [
        f"{'.'.join(str(part) for part in fault['loc'] if part != 'body') or 'body'}: "
        f"{fault['msg']}"
        for fault in errors[:5]
    ]
    more = f" (and {len(errors) - 5} more)" if len(errors) > 5 else ""
    return _shortened("; ".join(named)) + more


def _first_line(error: Exception) -> str:
    return _shortened(str(error).splitlines()[0] if str(error) else type(error).__name__)


def _shortened(text: str, limit: int = 600) -> str:
    return text if len(text) <= limit else f"{text[:limit]}…"


def _logged(error: Exception) -> str:
    number = uuid.uuid4().hex[:8]
    _LOG.error("%s: %s", number, redacted(f"{type(error).__name__}: {error}"), exc_info=error)
    return number
