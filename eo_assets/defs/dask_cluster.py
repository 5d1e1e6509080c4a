"""The Dask cluster as a resource: every asset's computation is delegated to it.

Opened on first use, shared by all steps of a run, torn down whatever happens.
"""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any, TypeVar

import dagster as dg
from pydantic import Field, PrivateAttr

from eo_assets.errors import ConfigurationError
from eo_assets.settings import run_with_settings

T = TypeVar("T")
R = TypeVar("R")

_TELL_S = 2.0
"""Between two messages of how far tasks are: each is a record in Dagster's database."""


def local_cluster(n_workers: int, memory_limit: str) -> Any:
    """Start worker processes on this machine.

    An interrupt from the keyboard, which reaches every process of a terminal, is left to whoever
    started them: the workers are ended in order, and say nothing of it.

    Args:
        n_workers: Worker processes.
        memory_limit: Memory of each.

    Returns:
        The ``LocalCluster``, a context manager.
    """
    from distributed import LocalCluster

    with _children_ignore_interrupts():
        return LocalCluster(
            n_workers=n_workers,
            # a task reads with threads of its own; GDAL and BLAS use the cores
            threads_per_worker=1,
            processes=True,
            memory_limit=memory_limit,
            dashboard_address="127.0.0.1:0",
            host="127.0.0.1",
            # a task's error is raised where its result is asked for; once is enough
            silence_logs=logging.CRITICAL,
        )


@contextlib.contextmanager
def _children_ignore_interrupts() -> Iterator[None]:
    # what is ignored stays ignored in processes started meanwhile; only the main thread may say so
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


class DaskCluster(dg.ConfigurableResource[Any]):
    """A local cluster of worker processes, or an existing scheduler."""

    address: str = Field(
        default="", description="An existing scheduler, tcp://host:8786; local cluster when empty."
    )
    n_workers: int = Field(default=2, description="Worker processes of a local cluster.")
    memory_limit: str = Field(default="4GiB", description="Memory of each local worker.")
    dashboard_url: str = Field(
        default="", description="The dashboard's address as browsers reach it."
    )

    _stack: contextlib.ExitStack | None = PrivateAttr(default=None)
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
                self._client = None
                self._stack = None

    @property
    def client(self) -> Any:
        """The client; connecting or starting a cluster the first time.

        Raises:
            ConfigurationError: No scheduler answers at the address.
        """
        if self._client is None:
            self._client = self._connect()
        return self._client

    def _connect(self) -> Any:
        from distributed import Client

        assert self._stack is not None
        if not self.address:
            cluster = self._stack.enter_context(local_cluster(self.n_workers, self.memory_limit))
            return self._stack.enter_context(Client(cluster, set_as_default=False, name=self._name))
        try:
            return self._stack.enter_context(
                Client(self.address, timeout="20s", set_as_default=False, name=self._name)
            )
        except OSError as error:
            raise ConfigurationError(
                f"No Dask scheduler answers at {self.address}.",
                "Start one, or leave EO_ASSETS_DASK_ADDRESS empty for a local cluster.",
            ) from error

    @property
    def dashboard(self) -> str:
        """Address of the dashboard, empty before the cluster is used."""
        if self._client is None:
            return ""
        return self.dashboard_url or str(self._client.dashboard_link)

    def for_another_run(self) -> dict[str, Any]:
        """Give the fields of a resource that uses the same workers while this one is open."""
        address = self.address or str(self.client.scheduler.address)
        return {"address": address, "dashboard_url": self.dashboard_url or self.dashboard}

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
        from distributed import KilledWorker, as_completed

        client = self._cluster.client
        futures = self._submit(function, tasks, label)
        started = told = time.perf_counter()
        self._tell(label, 0, len(futures))
        try:
            for done, future in enumerate(as_completed(futures, loop=client.loop), start=1):
                if future.status == "error":
                    break
                now = time.perf_counter()
                if done < len(futures) and now - told > _TELL_S:
                    self._tell(label, done, len(futures))
                    told = now
            results: list[R] = client.gather(futures)
        except KilledWorker as error:
            client.cancel(futures, force=True)
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
        except BaseException:
            # a run's cancellation arrives here too
            client.cancel(futures, force=True)
            raise
        if told > started:
            self._tell(label, len(futures), len(futures))
        return results

    def _submit(self, function: Callable[[T], R], tasks: Sequence[T], label: str) -> list[Any]:
        import dask

        key = f"{label.replace(' ', '_')}-{self._name}-{time.time_ns():x}"
        # a task with the pixels of a figure is sent once and needs no warning
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "64MiB"}):
            return [
                self._cluster.client.submit(
                    run_with_settings, function, task, key=f"{key}-{i}", pure=False
                )
                for i, task in enumerate(tasks)
            ]

    def _tell(self, label: str, done: int, of: int) -> None:
        self._context.log.info("%s: %s %d/%d", self._name, label, done, of)
