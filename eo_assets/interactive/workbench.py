"""What a kernel computes with: a catalogue, a product store and a tile service.

Nothing is searched or started before it is needed; what was started ends with the kernel.
"""

from __future__ import annotations

import atexit
import contextlib
import secrets
from functools import cached_property, lru_cache
from typing import Any

from pydantic import SecretStr

from eo_assets.catalog.regions import Region, load_regions
from eo_assets.cube.graph import LoadSearch, VirtualCube
from eo_assets.cube.private_catalog import use_access
from eo_assets.errors import ConfigurationError
from eo_assets.interactive.service import TileService
from eo_assets.pipeline.sources import CatalogueSearch, Sources
from eo_assets.places import Place
from eo_assets.sample import is_complete
from eo_assets.settings import SAMPLE, Settings, jupyterhub_prefix
from eo_assets.tiles.process import tile_server, with_catalog

PORT = "{port}"
"""Stands in EO_ASSETS_TILES_URL for the port of a service the kernel starts itself."""

_MOST_WORKERS = 2
"""Processes of a kernel's own tile service: one person looks at a time."""

_REMEMBERED = 32


class Workbench:
    """A kernel's catalogue, store and tile service.

    Args:
        settings: The settings.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._running = contextlib.ExitStack()
        self._resolved = lru_cache(maxsize=_REMEMBERED)(self._look_up)
        use_access(settings.access)
        atexit.register(self.close)

    @cached_property
    def regions(self) -> dict[str, Region]:
        """The regions by id."""
        return load_regions(self.settings.regions)

    @cached_property
    def searched(self) -> Settings:
        """The settings with the address of the catalogue, which is started where it is a folder.

        Raises:
            ConfigurationError: There is no sample archive, or it cannot be served.
        """
        settings = self.settings
        if settings.catalog == SAMPLE and not is_complete(settings.sample_dir):
            raise ConfigurationError(
                f"There is no sample archive in {settings.sample_dir}.",
                "Run `eo-assets sample` there, set EO_ASSETS_SAMPLE_DIR, or name a catalogue.",
            )
        return with_catalog(settings, self._running)

    @cached_property
    def service(self) -> TileService:
        """The tile service: that of EO_ASSETS_TILES_URL, else one of the kernel's own.

        Its own one listens on this machine only, and has a token nobody else on it knows.

        Raises:
            ConfigurationError: It does not start.
        """
        public = self.settings.tiles_url
        token = self.settings.tiles_token.get_secret_value()
        if public and PORT not in public:
            address = public.rstrip("/")
            return TileService(url=address, browser_url=address, token=token)
        token = token or secrets.token_urlsafe()
        own = self.searched.model_copy(
            update={
                "tiles_url": "",
                "tiles_token": SecretStr(token),
                "tiles_workers": self.settings.tiles_workers or _MOST_WORKERS,
            }
        )
        _, url = self._running.enter_context(tile_server(own))
        hub = jupyterhub_prefix()
        template = public or (f"{hub}proxy/{PORT}" if hub else url)
        shown = template.replace(PORT, url.rpartition(":")[2]).rstrip("/")
        return TileService(url=url, browser_url=shown, token=token)

    @property
    def store(self) -> Place:
        """Where the product store is."""
        return self.settings.outputs

    def resolved(self, graph: VirtualCube) -> VirtualCube:
        """Look up what a graph names: searches, products and models; once for each graph.

        Args:
            graph: The graph.

        Returns:
            The graph that can be evaluated.

        Raises:
            SourceUnavailableError: The catalogue does not answer.
            ConfigurationError: It lacks the collection, or denies access.
            ViewLimitError: There are more scenes than the search allows.
            MissingArtifactError: There is no such product.
        """
        return self._resolved(graph.canonical_json())

    def _look_up(self, text: str) -> VirtualCube:
        return VirtualCube.model_validate_json(text).resolved(self._sources.look_up)

    @property
    def _sources(self) -> Sources:
        return Sources(self.store, self._search)

    def _search(self, search: LoadSearch) -> list[dict[str, Any]]:
        catalog = self.searched.catalog
        return CatalogueSearch(catalog=catalog, url=catalog)(search)

    def close(self) -> None:
        """End what was started; harmless when there is nothing."""
        self._running.close()
        for name in ("searched", "service"):
            self.__dict__.pop(name, None)
        atexit.unregister(self.close)
