"""Where scenes come from, as a resource."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg
from pydantic import Field, PrivateAttr

from eo_assets.errors import ConfigurationError
from eo_assets.settings import SAMPLE

if TYPE_CHECKING:
    from eo_assets.catalog.regions import Region


class SceneSource(dg.ConfigurableResource[Any]):
    """A catalogue, and what of it to use; the settings choose it, a launch need not.

    A directory - the embedded archive is one - is served by a STAC API of its own, started on
    first use and ended with the run.
    """

    catalog: str = Field(
        default=SAMPLE,
        description="'sample', 'planetary-computer', 'earth-search', a STAC API's address, or a "
        "directory of STAC items.",
    )
    sample_dir: str = Field(default="", description="Folder of the embedded archive.")
    max_cloud_cover_pct: float = Field(
        default=100.0, description="Leave out scenes that state more cloud, per cent."
    )

    _stack: contextlib.ExitStack | None = PrivateAttr(default=None)
    _url: str = PrivateAttr(default="")

    @contextlib.contextmanager
    def yield_for_execution(
        self,
        context: dg.InitResourceContext,  # noqa: ARG002
    ) -> Iterator[SceneSource]:
        """Hold a served directory open until the run ends."""
        with contextlib.ExitStack() as stack:
            self._stack = stack
            try:
                yield self
            finally:
                self._stack, self._url = None, ""

    @property
    def directory(self) -> Path | None:
        """The directory behind the catalogue; None when it is a service."""
        if self.catalog == SAMPLE:
            return Path(self.sample_dir)
        return Path(self.catalog) if Path(self.catalog).is_dir() else None

    @property
    def url(self) -> str:
        """Address of the STAC API, or a provider's id.

        Raises:
            ConfigurationError: The catalogue is neither a provider, an address nor a directory; or
                the embedded archive has not been made.
        """
        from eo_assets.catalog.providers import PROVIDERS

        if self._url:
            return self._url
        directory = self.directory
        if directory is None:
            if self.catalog not in PROVIDERS and "://" not in self.catalog:
                raise ConfigurationError(
                    f"The catalogue {self.catalog!r} is neither an address, nor a directory, nor "
                    f"one of {SAMPLE}, {', '.join(PROVIDERS)}.",
                    "Correct EO_ASSETS_CATALOG or --catalog.",
                )
            self._url = self.catalog
        else:
            if self.catalog == SAMPLE and not directory.is_dir():
                raise ConfigurationError(
                    f"The embedded archive is not at {directory}.", "Make it: eo-assets sample."
                )
            from eo_assets.sample.api.embedded import EmbeddedCatalog

            assert self._stack is not None
            self._url = self._stack.enter_context(EmbeddedCatalog(directory, writable=False)).url
        return self._url

    def cloud_limit_pct(self, region: Region) -> float:
        """Give the cloud limit: the region's own, or this one, whichever is stricter."""
        own = region.max_cloud_cover_pct
        return self.max_cloud_cover_pct if own is None else min(own, self.max_cloud_cover_pct)
