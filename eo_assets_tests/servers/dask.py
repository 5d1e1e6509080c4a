"""Dask's scheduler, workers and gateway as programs of their own, on loopback."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_START_S = 180


@contextlib.contextmanager
def running_scheduler(
    folder: Path, *, protocol: str = "tcp", tls: Sequence[str] = ()
) -> Iterator[str]:
    """Start a scheduler; give its address. What it says goes to ``folder / "scheduler.log"``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"{protocol}://127.0.0.1:{port}"
    own = ("--host", f"{protocol}://127.0.0.1", "--port", str(port), "--no-dashboard")
    with _program(folder / "scheduler.log", "scheduler", *own, *tls):
        _wait_for(port)
        yield address


@contextlib.contextmanager
def running_workers(
    folder: Path,
    address: str,
    n: int,
    *,
    memory_limit: str = "2GiB",
    tls: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """Start ``n`` workers, each with a nanny that starts it again when it dies."""
    with contextlib.ExitStack() as stack:
        for number in range(n):
            own = (
                *("--nthreads", "1", "--memory-limit", memory_limit, "--no-dashboard"),
                *("--host", "127.0.0.1", "--local-directory", str(folder)),
            )
            log = folder / f"worker-{number}.log"
            stack.enter_context(
                _program(log, "worker", address, *own, *tls, environment=environment)
            )
        yield


@contextlib.contextmanager
def running_gateway(folder: Path, password: str) -> Iterator[tuple[str, str]]:
    """Start Dask Gateway with its local backend; give its address and its proxy's."""
    ports = []
    with contextlib.ExitStack() as held:
        for _ in range(3):
            free = held.enter_context(socket.socket())
            free.bind(("127.0.0.1", 0))
            ports.append(free.getsockname()[1])
    api, web, tcp = ports
    dask = str(Path(sys.executable).with_name("dask"))
    (folder / "clusters").mkdir()
    config = folder / "gateway.py"
    # the backend gives what it starts no PATH, and distributed has no program dask-worker any more
    config.write_text(
        f"""\
c.DaskGateway.backend_class = "dask_gateway_server.backends.local.UnsafeLocalBackend"
c.DaskGateway.address = "127.0.0.1:{api}"
c.Proxy.address = "127.0.0.1:{web}"
c.Proxy.tcp_address = "127.0.0.1:{tcp}"
c.UnsafeLocalBackend.clusters_directory = {str(folder / "clusters")!r}
c.DaskGateway.authenticator_class = "dask_gateway_server.auth.SimpleAuthenticator"
c.SimpleAuthenticator.password = {password!r}
c.ClusterConfig.worker_cores = 1
c.ClusterConfig.worker_memory = "2 G"
c.ClusterConfig.scheduler_cmd = [{dask!r}, "scheduler"]
c.ClusterConfig.worker_cmd = [{dask!r}, "worker"]
""",
        encoding="utf-8",
    )
    server = shutil.which("dask-gateway-server", path=str(Path(dask).parent)) or "missing"
    command = (server, "--config", str(config))
    with _started(folder / "gateway.log", command):
        for port in ports:
            _wait_for(port)
        yield f"http://127.0.0.1:{web}", f"gateway://127.0.0.1:{tcp}"


@contextlib.contextmanager
def _program(
    log: Path, name: str, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    with _started(log, (sys.executable, "-m", "dask", name, *arguments), environment):
        yield


@contextlib.contextmanager
def _started(
    log: Path, command: Sequence[str], environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith("EO_ASSETS_")}  # noqa: TID251
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=clean | dict(environment or {}),
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        # what it started and left behind
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _START_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        assert time.monotonic() < deadline, f"nothing listens on port {port}"
        time.sleep(0.1)
