"""What all endpoints of one worker process share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, cast

from fastapi import Depends, Request

from eo_assets.catalog.regions import Region, load_regions
from eo_assets.settings import Settings
from eo_assets.storage.store import Store
from eo_assets.tiles.cache import ByteCache
from eo_assets.tiles.registry import Registry


@dataclass(frozen=True)
class Service:
    """A worker's parts.

    Attributes:
        settings: The settings.
        registry: Layers, shared with the other workers.
        cache: Finished tiles of this worker.
    """

    settings: Settings
    registry: Registry
    cache: ByteCache

    @classmethod
    def of(cls, settings: Settings) -> Service:
        """Put a worker together."""
        cache = ByteCache(settings.tiles_cache_mb * 1_000_000 // settings.n_tile_workers)
        return cls(settings, Registry(settings.tiles_dir), cache)

    @property
    def store(self) -> Store:
        """The product store."""
        return Store(self.settings.outputs)

    @cached_property
    def regions(self) -> dict[str, Region]:
        """The regions by id."""
        return load_regions(self.settings.regions)

    @property
    def token(self) -> str:
        """The token callers present; empty for none."""
        return self.settings.tiles_token.get_secret_value()


def _service(request: Request) -> Service:
    return cast(Service, request.app.state.service)


ServiceOf = Annotated[Service, Depends(_service)]
"""The type endpoints ask for the service with."""
