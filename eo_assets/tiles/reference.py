"""The page that explains the interface: its OpenAPI description for people, without any script.

Pages that draw such a description usually load themselves from another host; this one needs none.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
}


def reference_page(description: dict[str, Any]) -> str:
    """Draw a description of an interface.

    Args:
        description: An OpenAPI document.

    Returns:
        A page in HTML; it refers to nothing but itself and ``openapi.json`` beside it.
    """
    environment = Environment(
        loader=PackageLoader("eo_assets.tiles", "."), autoescape=True, trim_blocks=True
    )
    return environment.get_template("reference.html.j2").render(api=description)


def serve_reference(app: FastAPI) -> None:
    """Have an application answer ``/docs`` with the description of its interface.

    Args:
        app: The application, without pages of FastAPI's own.
    """

    @app.get("/docs", include_in_schema=False)
    def reference() -> HTMLResponse:
        return HTMLResponse(reference_page(app.openapi()), headers=_HEADERS)
