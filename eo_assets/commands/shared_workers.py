"""One set of Dask workers for all the runs a command starts."""

from __future__ import annotations

import contextlib

from eo_assets.settings import Settings
from eo_assets.workers.clusters import open_cluster
from eo_assets.workers.where import Workers


def shared_workers(settings: Settings, stack: contextlib.ExitStack) -> Settings:
    """Find or start workers that stay while a context is open.

    Args:
        settings: The settings.
        stack: The context; workers that were started end with it.

    Returns:
        The settings of runs that use these workers.

    Raises:
        ConfigurationError: They cannot be had.
    """
    cluster = stack.enter_context(open_cluster(Workers.of(settings)))
    # where the workers came from is no longer asked: the runs find these
    places = {"gateway": "", "gateway_cluster": "", "kubernetes": None}
    dashboard = settings.dask_dashboard_url or cluster.dashboard
    again = {**places, **cluster.again, "dashboard_url": dashboard}
    return settings.model_copy(update={f"dask_{name}": value for name, value in again.items()})
