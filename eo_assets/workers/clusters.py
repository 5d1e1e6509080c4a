"""Where workers come from: this machine, a running scheduler, Dask Gateway, or Kubernetes."""

from __future__ import annotations

import contextlib
import logging
import re
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from eo_assets.errors import ConfigurationError
from eo_assets.workers.where import Workers

_CONNECT_S = 20
_PRIVATE = re.compile(r"(tls|gateway|wss|inproc)://|tcp://(127(\.\d+){3}|localhost|\[::1\]):\d+$")
"""Encrypted, or on this machine."""

_LOCAL = {
    # tasks keep nothing on a worker: one that paused near its limit would wait for ever
    "distributed.worker.memory.pause": False,
    # malloc as it is: Dask's setting gives the memory of each array back to the kernel, which
    # clears it for the next one, 500 000 pages a mosaic of 29 million values
    "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
}


@dataclass(frozen=True, kw_only=True)
class Cluster:
    """Workers that can be reached.

    Attributes:
        target: What ``distributed.Client`` connects to.
        again: Fields of ``Workers`` by which others use the same workers while it is open.
        dashboard: Address of the dashboard; empty when only a connection can tell.
        options: Further arguments of ``distributed.Client``.
    """

    target: Any
    again: dict[str, str]
    dashboard: str = ""
    options: dict[str, Any] = field(default_factory=dict, repr=False)

    def connect(self, name: str) -> Any:
        """Connect to the scheduler.

        Args:
            name: Of the client, shown by Dask.

        Returns:
            The ``distributed.Client``, a context manager.

        Raises:
            ConfigurationError: No scheduler answers, or it refuses our certificate.
        """
        from distributed import Client

        try:
            return Client(
                self.target, timeout=_CONNECT_S, set_as_default=False, name=name, **self.options
            )
        except OSError as error:
            address = str(self.again.get("address", self.target))
            tls = ", and that the files of EO_ASSETS_DASK_TLS_* are those it trusts"
            raise ConfigurationError(
                f"No Dask scheduler answers at {address}.",
                f"See that one runs there{tls if address.startswith('tls://') else ''}; or leave "
                "EO_ASSETS_DASK_ADDRESS empty for a local cluster.",
            ) from error


def is_private(address: str) -> bool:
    """Tell whether nobody on a network can read what is said to a scheduler."""
    return _PRIVATE.match(address) is not None


@contextlib.contextmanager
def open_cluster(workers: Workers) -> Iterator[Cluster]:
    """Find workers or start them; what was started ends with the context.

    Args:
        workers: Where they come from.

    Yields:
        How to reach them.

    Raises:
        ConfigurationError: A gateway or Kubernetes cannot be reached or refuses.
    """
    if workers.address:
        yield Cluster(
            target=workers.address,
            again={"address": workers.address} | _tls(workers),
            options=_security(workers),
        )
    elif workers.gateway:
        with _gateway_cluster(workers) as cluster:
            yield cluster
    else:
        start = _kubernetes_cluster if workers.kubernetes else _local_cluster
        with start(workers) as running:
            yield Cluster(
                target=running,
                again={"address": str(running.scheduler_address)},
                dashboard=str(running.dashboard_link),
            )


def _tls(workers: Workers) -> dict[str, str]:
    named = {"tls_ca": workers.tls_ca, "tls_cert": workers.tls_cert, "tls_key": workers.tls_key}
    return named if workers.tls_files else {}


def _security(workers: Workers) -> dict[str, Any]:
    if not workers.address.startswith("tls://"):
        return {}
    from distributed import Security

    # without files of ours, Dask's own configuration may name some
    security: Any = Security(**workers.tls_files, require_encryption=True)
    if not (security.tls_ca_file and security.tls_client_cert and security.tls_client_key):
        raise ConfigurationError(
            f"The scheduler at {workers.address} wants to see a certificate.",
            "Give EO_ASSETS_DASK_TLS_CA, EO_ASSETS_DASK_TLS_CERT and EO_ASSETS_DASK_TLS_KEY.",
        )
    return {"security": security}


def _local_cluster(workers: Workers) -> Any:
    """Start worker processes on this machine.

    An interrupt from the keyboard, which reaches every process of a terminal, is left to whoever
    started them: the workers are ended in order, and say nothing of it.
    """
    import dask
    from distributed import LocalCluster

    with _children_ignore_interrupts(), dask.config.set(_LOCAL):
        return LocalCluster(
            n_workers=workers.n_workers,
            # a task reads with threads of its own; GDAL and BLAS use the cores
            threads_per_worker=1,
            processes=True,
            memory_limit=workers.memory_limit,
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


@contextlib.contextmanager
def _gateway_cluster(workers: Workers) -> Iterator[Cluster]:
    from dask_gateway import GatewayCluster

    at = {"address": workers.gateway, "loop": _lasting_loop()}
    with contextlib.ExitStack() as stack:
        try:
            if workers.gateway_cluster:
                running = GatewayCluster.from_name(workers.gateway_cluster, **at)
            else:
                running = GatewayCluster(**at)
            stack.enter_context(running)
            if not workers.gateway_cluster:
                _scale(workers, running.scale, running.adapt)
        except Exception as error:
            # aiohttp's, the gateway's and Python's own, without a common base
            raise ConfigurationError(
                f"Dask Gateway at {workers.gateway} gives no cluster: {error}",
                "See that it runs and that DASK_GATEWAY__AUTH__TYPE and what belongs to it let us "
                "in; for a cluster by name, that it still runs.",
            ) from error
        yield Cluster(
            target=running,
            again={"gateway": workers.gateway, "gateway_cluster": str(running.name)},
            dashboard=str(running.dashboard_link or ""),
            options={"security": running.security},
        )


@lru_cache(maxsize=1)
def _lasting_loop() -> Any:
    """Give an event loop that ends with the process.

    What dask-gateway 2026.3 leaves behind looks for its loop when it is collected, and distributed
    gives none that has ended.
    """
    from distributed.utils import LoopRunner

    runner = LoopRunner()
    runner.start()
    return runner.loop


def _kubernetes_cluster(workers: Workers) -> Any:
    """Have the Dask operator start a cluster. Not tested: needs a Kubernetes with the operator.

    Raises:
        ConfigurationError: dask-kubernetes is not installed.
    """
    try:
        from dask_kubernetes.operator import KubeCluster
    except ImportError as error:
        raise ConfigurationError(
            "EO_ASSETS_DASK_KUBERNETES is set, and dask-kubernetes is not installed.",
            "Install dask-kubernetes where runs are started.",
        ) from error

    running = KubeCluster(
        custom_cluster_spec=workers.kubernetes, resource_timeout=workers.wait_s, quiet=True
    )
    _scale(workers, running.scale, running.adapt)
    return running


def _scale(workers: Workers, scale: Callable[..., Any], adapt: Callable[..., Any]) -> None:
    if workers.most_workers > workers.n_workers:
        adapt(minimum=workers.n_workers, maximum=workers.most_workers)
    else:
        scale(workers.n_workers)
