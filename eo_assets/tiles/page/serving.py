"""Serves the page and its files, and tells browsers to load nothing else."""

from __future__ import annotations

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.responses import FileResponse, Response
from starlette.staticfiles import StaticFiles

FOLDER = Path(__file__).parent / "static"

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{what} {whence}" for what, whence in _POLICY.items()),
    # signed addresses of layers must not travel to pages people go to from here
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # asked again each time, answered 304 while nothing has changed
    "Cache-Control": "no-cache",
}


class _Files(StaticFiles):
    async def get_response(self, path: str, scope: MutableMapping[str, Any]) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


def serve_page(app: FastAPI) -> None:
    """Have an application answer ``/`` with the map page, and ``/static/`` with its files.

    Args:
        app: The application.
    """

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(FOLDER / "index.html", headers=HEADERS)

    app.mount("/static", _Files(directory=FOLDER), name="static")
