"""The Dask cluster as a resource: every asset's computation is delegated to it.

Opened on first use, shared by all steps of a run, torn down whatever happens.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any, TypeVar

import dagster as dg
from pydantic import Field, PrivateAttr

from eo_assets.errors import ConfigurationError
from eo_assets.settings import load_settings
from eo_assets.workers.clusters import Cluster, open_cluster
from eo_assets.workers.tasks import run_tasks
from eo_assets.workers.where import Workers

T = TypeVar("T")
R = TypeVar("R")

_TELL_S = 2.0
"""Between two messages of how far tasks are: each is a record in Dagster's database."""


class DaskCluster(dg.ConfigurableResource[Any]):
    """Workers on this machine, of a running scheduler, of Dask Gateway, or on Kubernetes.

    The settings EO_ASSETS_DASK_* choose among them; a launch need not.
    """

    address: str = Field(
        default="", description="A running scheduler, tcp://host:8786 or tls://host:8786."
    )
    gateway: str = Field(default="", description="Address of a Dask Gateway.")
    gateway_cluster: str = Field(default="", description="A cluster that runs on the gateway.")
    kubernetes: str = Field(default="", description="Manifest of a DaskCluster.")
    n_workers: int = Field(default=2, description="Workers of a cluster that is started.")
    most_workers: int = Field(default=0, description="As many when there is much to do.")
    memory_limit: str = Field(default="4GiB", description="Memory of each local worker.")
    wait_s: int = Field(default=300, description="Seconds until the first worker is there.")
    tls_ca: str = Field(default="", description="Certificate of the authority, PEM file.")
    tls_cert: str = Field(default="", description="Our own certificate, PEM file.")
    tls_key: str = Field(default="", description="Key of our certificate, PEM file.")
    dashboard_url: str = Field(
        default="", description="The dashboard's address as browsers reach it."
    )

    _stack: contextlib.ExitStack | None = PrivateAttr(default=None)
    _cluster: Cluster | None = PrivateAttr(default=None)
    _client: Any = PrivateAttr(default=None)
    _name: str = PrivateAttr(default="eo_assets")

    @contextlib.contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator[DaskCluster]:
        """Hold whatever is opened until the run ends."""
        with contextlib.ExitStack() as stack:
            self._stack = stack
            self._name = f"eo_assets-{context.run.run_id[:8] if context.run else 'adhoc'}"
            try:
                yield self
            finally:
                self._client = self._cluster = self._stack = None

    @property
    def client(self) -> Any:
        """The client; connecting or starting a cluster the first time.

        Raises:
            ConfigurationError: Nobody answers, no worker comes, or they run other software.
        """
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _connect(self) -> Any:
        # brings distributed along
        from eo_assets.workers.preparing import prepare

        assert self._stack is not None
        fields = {each.name: getattr(self, each.name) for each in dataclasses.fields(Workers)}
        self._cluster = self._stack.enter_context(open_cluster(Workers(**fields)))
        client = self._stack.enter_context(self._cluster.connect(self._name))
        log = dg.get_dagster_logger()
        for remark in prepare(client, load_settings(), wait_s=self.wait_s):
            log.warning(remark)
        return client

    @property
    def dashboard(self) -> str:
        """Address of the dashboard, empty before the cluster is used."""
        if self._client is None or self._cluster is None:
            return ""
        return self.dashboard_url or self._cluster.dashboard or str(self._client.dashboard_link)

    def for_another_run(self) -> dict[str, Any]:
        """Give the fields of a resource that uses the same workers while this one is open."""
        _ = self.client
        assert self._cluster is not None
        return {**self._cluster.again, "dashboard_url": self.dashboard}

    def runner(self, context: dg.AssetExecutionContext, label: str) -> DaskRunner:
        """Give a task runner for one partition of an asset.

        Args:
            context: Of the running asset; it shows the progress.
            label: What the work is about, for progress and the Dask dashboard.

        Returns:
            The runner.
        """
        return DaskRunner(self, context, label)


class DaskRunner:
    """Runs tasks on the cluster; see ``eo_assets.pipeline.tasks.TaskRunner``."""

    def __init__(self, cluster: DaskCluster, context: dg.AssetExecutionContext, name: str) -> None:
        self._cluster = cluster
        self._context = context
        self._name = name

    def map(self, function: Callable[[T], R], tasks: Sequence[T], *, label: str) -> list[R]:
        """Run tasks, telling of progress; cancel them if the run is cancelled.

        Args:
            function: A function of a module.
            tasks: One argument a call.
            label: What is being done.

        Returns:
            Results in the order of the tasks.

        Raises:
            ConfigurationError: Workers were killed: a task needs more memory than they may have;
                or the scheduler is gone.
            BaseException: What a task raised first; the others are cancelled.
        """
        if not tasks:
            return []
        from distributed import KilledWorker

        client = self._cluster.client
        key = f"{label.replace(' ', '_')}-{self._name}-{time.time_ns():x}"
        tell = self._progress(label, len(tasks))
        try:
            return run_tasks(client, function, tasks, key=key, tell=tell)
        except KilledWorker as error:
            raise ConfigurationError(
                f"{self._name}: the workers that tried {label} died, most likely of too little "
                "memory.",
                "Raise EO_ASSETS_DASK_MEMORY_LIMIT, or lower EO_ASSETS_BLOCK_PX.",
            ) from error
        except CancelledError as error:
            raise ConfigurationError(
                f"{self._name}: the Dask scheduler went away during {label}.",
                "See that it runs, then materialise again.",
            ) from error

    def _progress(self, label: str, of: int) -> Callable[[int], None]:
        """Give what tells now and then how many of the tasks are done."""
        started = told = time.perf_counter()
        self._tell(label, 0, of)

        def tell(done: int) -> None:
            nonlocal told
            now = time.perf_counter()
            # the last is told of only where one before was
            if (told > started) if done == of else (now - told > _TELL_S):
                self._tell(label, done, of)
                told = now

        return tell

    def _tell(self, label: str, done: int, of: int) -> None:
        self._context.log.info("%s: %s %d/%d", self._name, label, done, of)
