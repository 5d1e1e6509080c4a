"""The process that serves the product catalogue."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from eo_assets import __version__
from eo_assets.errors import ConfigurationError
from eo_assets.product_api.database import connection
from eo_assets.serving.access import TokenGuard
from eo_assets.serving.listening import address_of, is_loopback, listen


def create_app(*, token: str, writable: bool, private: bool) -> FastAPI:
    """Make the application: stac-fastapi over pgstac.

    Args:
        token: Required of writers as ``Authorization: Bearer``; empty admits everybody.
        writable: Whether items and collections can be created, replaced and deleted.
        private: Whether readers need the token, too.

    Returns:
        The application; it connects to the database when it starts.

    Raises:
        ConfigurationError: The database is not known, or a package is missing.
    """
    connection()
    # stac-fastapi warns, while it is imported, of default titles that are replaced below
    logging.getLogger("stac_fastapi.types.config").setLevel(logging.ERROR)
    from stac_fastapi.pgstac.app import instantiate_api
    from stac_fastapi.pgstac.config import Settings
    from stac_fastapi.pgstac.models.extensions import Extensions

    settings = Settings(
        enable_transactions_extensions=writable,
        stac_fastapi_title="Products",
        stac_fastapi_description="What eo_assets has made.",
        stac_fastapi_landing_id="eo-assets-products",
        stac_fastapi_version=__version__,
    )
    app: FastAPI = instantiate_api(settings=settings, extensions=Extensions(settings=settings)).app
    app.add_middleware(TokenGuard, token=token, private=private)
    return app


def serve(
    *, host: str, port: int, token: str, private: bool, on_ready: Callable[[str, bool], None]
) -> None:
    """Serve the catalogue until interrupted; beyond this machine it is read-only without a token.

    Args:
        host: Address to listen on.
        port: Port; 0 takes a free one.
        token: As in ``create_app``.
        private: As in ``create_app``; needs a token.
        on_ready: Called with the address and whether one can write, once it listens.

    Raises:
        ConfigurationError: The address cannot be listened on, the database is not known or does
            not answer, or the catalogue would be private without a token.
    """
    if private and not token:
        raise ConfigurationError(
            "A private catalogue needs a token.", "Set EO_ASSETS_PRODUCT_CATALOG_TOKEN."
        )
    writable = bool(token) or is_loopback(host)
    app = create_app(token=token, writable=writable, private=private)
    listener = listen(host, port)
    server = uvicorn.Server(
        uvicorn.Config(
            app, log_level="warning", access_log=False, ws="none", timeout_graceful_shutdown=5
        )
    )
    on_ready(address_of(listener, host), writable)
    with listener, contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])
    if not server.started:
        raise ConfigurationError(
            "The product catalogue did not start.",
            "Its messages above say why; prepare the database with eo-assets catalog migrate.",
        )
