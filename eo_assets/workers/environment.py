"""What workers are told of our environment: the catalogue, and how GDAL reaches its files.

A worker on another machine has none of our variables. Those that say how to read - of GDAL, of
object stores, of the Planetary Computer's tokens, the catalogue - are set on every worker there is
and every one that comes. Secrets among them go over encrypted connections or none: over plain
``tcp://`` to another machine they are left out, and workers have to have their own.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from distributed.diagnostics.plugin import WorkerPlugin

from eo_assets.settings import Settings, forget_access
from eo_assets.workers.clusters import is_private

_PREFIXES = ("GDAL_", "CPL_", "VSI_", "OGR_", "AWS_", "AZURE_", "GS_", "OSS_", "SWIFT_", "PC_SDK_")
_NAMES = ("EO_ASSETS_CATALOG", "EO_ASSETS_CATALOG_HEADERS")
_OF_THIS_MACHINE = ("_FILE", "_PATH", "_DATA", "DIR", "_HOME", "_BUNDLE", "_CONFIG", "_PROFILE")
"""Ends of names whose values are files or folders here."""

_SECRET = ("KEY", "SECRET", "TOKEN", "PASSWORD", "HEADER", "BEARER", "USERPWD", "CONNECTION_STRING")
"""Parts of the names of secrets; a key's public name is kept as well as the key."""


class Environment(WorkerPlugin):
    """Sets variables on each worker, before it gets a task."""

    name = "eo_assets-environment"

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = dict(variables)

    def __repr__(self) -> str:
        # values may be secrets, and Dask writes plugins into its logs
        return f"Environment({', '.join(sorted(self._variables))})"

    def setup(self, worker: Any) -> None:  # noqa: ARG002
        """Set them; called by the worker."""
        os.environ.update(self._variables)  # noqa: TID251 -- the worker's own, on its behalf
        forget_access()


def worker_variables(settings: Settings) -> tuple[dict[str, str], dict[str, str]]:
    """Choose the variables that workers need.

    Args:
        settings: The settings.

    Returns:
        Those anybody may see, and the secret ones.
    """
    given = {
        name: value
        for name, value in settings.environment().items()
        if value
        and (name in _NAMES or name.startswith(_PREFIXES))
        and not name.endswith(_OF_THIS_MACHINE)
    }
    secret = {name: value for name, value in given.items() if any(s in name for s in _SECRET)}
    return {name: value for name, value in given.items() if name not in secret}, secret


def ship_environment(client: Any, settings: Settings) -> list[str]:
    """Set our variables on all workers, those that come later too.

    Args:
        client: A connected ``distributed.Client``.
        settings: The settings.

    Returns:
        Names of secrets that were left out, because the connection can be listened to.

    Raises:
        ImportError: The project is not installed on a worker; ``compare_versions`` tells before.
    """
    plain, secret = worker_variables(settings)
    private = is_private(str(client.scheduler.address))
    client.register_plugin(Environment(plain | secret if private else plain))
    return [] if private else sorted(secret)
