"""The application: its endpoints, and what stands before them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import anyio.to_thread
from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from eo_assets import __version__
from eo_assets.cube.private_catalog import use_access
from eo_assets.cube.secrecy import keep_tokens_out_of_logs
from eo_assets.settings import Settings, load_settings
from eo_assets.tiles.access import Guard
from eo_assets.tiles.limits import BodyLimit
from eo_assets.tiles.memory import give_back_memory
from eo_assets.tiles.page.serving import serve_page
from eo_assets.tiles.problems import explain_errors
from eo_assets.tiles.products import products_router
from eo_assets.tiles.public import PublicAddress
from eo_assets.tiles.reference import serve_reference
from eo_assets.tiles.routes import catalog, classes, export, layers, tiles, values
from eo_assets.tiles.service import Service
from eo_assets.tiles.warm import warm_up

THREADS = 4
"""Requests a worker computes at once; more would wait for each other, and hold files open each."""

_DESCRIPTION = """\
Map tiles, values and time series computed when somebody looks, from the same description of a
computation - a *virtual cube* - that batch runs execute.

1. `POST /layers` says what to show and gives an id and links.
2. `/layers/{id}/tilejson.json` is what map clients want; tiles are computed one by one.
3. `/layers/{id}/point`, `/timeseries` and `/statistics` give numbers of the same computation.

Products that are stored already are under `/products/...`. What goes wrong is told as a problem
with its remedy (`application/problem+json`). Nothing here takes an address of a file.
"""

_TAGS = [
    {"name": "Layers", "description": "What is computed on view: made once, addressed by content."},
    {"name": "Tiles", "description": "Pictures and pixels of layers."},
    {"name": "Values", "description": "Numbers of layers: at points, over polygons, over time."},
    {"name": "Catalogue", "description": "What can be shown: regions, dates, indices, products."},
    {"name": "Stored products", "description": "Maps in the product store; WMTS for QGIS."},
    {"name": "Service", "description": "The service itself."},
]


def create_app(settings: Settings) -> FastAPI:
    """Make the application.

    Args:
        settings: The settings.

    Returns:
        The application; ``app.state.service`` has its parts.
    """
    app = FastAPI(
        title="eo-assets tiles",
        version=__version__,
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        # its own pages load scripts from another host
        docs_url=None,
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.service = service = Service.of(settings)
    explain_errors(app)
    for part in (catalog, classes, layers, tiles, values, export):
        app.include_router(part.router)
    app.include_router(products_router(settings.outputs))
    serve_page(app)
    serve_reference(app)

    @app.get("/healthz", tags=["Service"], summary="Whether this worker answers")
    async def health() -> dict[str, str | int]:
        return {"status": "ok", "version": __version__, "worker": os.getpid()}

    host = urlsplit(settings.tiles_url).hostname or ""
    anywhere = settings.tiles_without_token and not host
    origins = [o.strip() for o in settings.tiles_origins.split(",") if o.strip()]
    app.add_middleware(BodyLimit)
    app.add_middleware(PublicAddress, url=settings.tiles_url)
    # before the public address is put in place: it judges by the name the caller used
    app.add_middleware(
        Guard,
        token=service.token,
        host=None if anywhere else host,
        origins=tuple(origins),
        prefix=urlsplit(settings.tiles_url).path.rstrip("/"),
    )
    app.add_middleware(
        CORSMiddleware,
        # never with credentials: a token is sent as a header, and only by who has it
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization", "Content-Type", "If-None-Match"],
        expose_headers=["ETag", "Location"],
    )
    return app


def from_environment() -> FastAPI:
    """Make the application of a worker process, set up by its environment."""
    settings = load_settings()
    use_access(settings.access)
    keep_tokens_out_of_logs()
    return create_app(settings)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    # imports, PROJ and GDAL cost the first caller a second or more
    await asyncio.to_thread(warm_up, app.state.service)
    upkeep = asyncio.create_task(give_back_memory())
    yield
    upkeep.cancel()
