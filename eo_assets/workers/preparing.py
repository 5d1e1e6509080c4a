"""What is done with workers before the first task."""

from __future__ import annotations

from typing import Any

from eo_assets.errors import ConfigurationError
from eo_assets.settings import Settings
from eo_assets.workers.environment import ship_environment
from eo_assets.workers.versions import compare_versions


def prepare(client: Any, settings: Settings, *, wait_s: int) -> list[str]:
    """Wait for a worker, compare versions, and set our environment on all workers.

    Args:
        client: A connected ``distributed.Client``.
        settings: The settings.
        wait_s: Seconds until the first worker has to be there.

    Returns:
        What somebody should know: packages that differ, secrets workers have to have themselves.

    Raises:
        ConfigurationError: No worker comes, or scheduler or workers run other software.
    """
    address = client.scheduler.address
    try:
        client.wait_for_workers(1, timeout=wait_s)
    except TimeoutError as error:
        raise ConfigurationError(
            f"Dask at {address} has no worker, {wait_s} s after it was asked.",
            "Start workers there, or give them more time by EO_ASSETS_DASK_WAIT_S.",
        ) from error
    differing = compare_versions(client)
    remarks = [f"Dask's software differs: {one}; results may too." for one in differing]
    kept = ship_environment(client, settings)
    if kept:
        remarks.append(
            f"{', '.join(kept)} cannot go to {address} unread by others: workers need their own, "
            "or a scheduler at tls://."
        )
    return remarks
