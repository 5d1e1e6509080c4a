"""Everything at once for one machine: STAC API, Dask, products, Dagster's UI and daemon."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from rich.console import Console

from eo_assets.defs.instance import ensure_workspace
from eo_assets.errors import ConfigurationError
from eo_assets.settings import SAMPLE, Settings

_START_S = 180
_STOP_S = 20


def run_services(settings: Settings, *, port: int, catalog_port: int, console: Console) -> None:
    """Start all services on this machine and wait; whatever ends this ends them.

    Args:
        settings: The settings; services get them through their environment.
        port: Of the web interface.
        catalog_port: Of the STAC API, when the catalogue is a directory.
        console: Where to say what is where.

    Raises:
        ConfigurationError: A port is taken, or a service does not start.
    """
    _check_free(port)
    settings.outputs.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGTERM, signal.getsignal(signal.SIGTERM))
        signal.signal(signal.SIGTERM, _interrupt)
        catalog = _catalog(settings, catalog_port, stack)
        products_url = _serve_folder(settings.outputs, stack)
        dask_address, dashboard = _dask(settings, stack)
        ready = settings.model_copy(
            update={
                "catalog": catalog,
                "products_url": products_url,
                "dask_address": dask_address,
                "dask_dashboard_url": settings.dask_dashboard_url or dashboard,
            }
        )
        dagster = _start_dagster(ready, port, stack)
        _wait_until_ready(dagster, f"http://127.0.0.1:{port}/server_info")
        console.print(f"Dagster UI      [bold]http://127.0.0.1:{port}[/]")
        console.print(f"Catalogue       {catalog}")
        console.print(f"Dask dashboard  {ready.dask_dashboard_url}")
        console.print(f"Products        {products_url}  ({settings.outputs})")
        console.print("Ctrl-C stops all of them.")
        with contextlib.suppress(KeyboardInterrupt):
            dagster.wait()


def _interrupt(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigurationError(
                f"Port {port} is taken.", "Choose another one with --port or --catalog-port."
            ) from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _catalog(settings: Settings, port: int, stack: contextlib.ExitStack) -> str:
    directory = settings.sample_dir if settings.catalog == SAMPLE else Path(settings.catalog)
    if not directory.is_dir():
        return settings.catalog
    from eo_assets.sample.api.embedded import EmbeddedCatalog

    _check_free(port)
    return stack.enter_context(EmbeddedCatalog(directory, port=port)).url


def _serve_folder(folder: Path, stack: contextlib.ExitStack) -> str:
    port = _free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    _child(stack, [*command, "--directory", str(folder)], stdout=subprocess.DEVNULL)
    return f"http://127.0.0.1:{port}"


def _dask(settings: Settings, stack: contextlib.ExitStack) -> tuple[str, str]:
    if settings.dask_address:
        return settings.dask_address, settings.dask_dashboard_url
    from distributed import LocalCluster

    cluster = stack.enter_context(
        LocalCluster(
            n_workers=settings.n_workers,
            threads_per_worker=1,
            memory_limit=settings.dask_memory_limit,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        )
    )
    return str(cluster.scheduler_address), str(cluster.dashboard_link)


def _start_dagster(
    settings: Settings, port: int, stack: contextlib.ExitStack
) -> subprocess.Popen[bytes]:
    dagster = shutil.which("dagster", path=str(Path(sys.executable).parent)) or "dagster"
    command = [dagster, "dev", "-w", str(ensure_workspace(settings.dagster_home))]
    return _child(
        stack,
        [*command, "-h", "127.0.0.1", "-p", str(port), "--log-level", "warning"],
        env=settings.environment(),
    )


def _child(
    stack: contextlib.ExitStack,
    command: list[str],
    *,
    env: dict[str, str] | None = None,
    stdout: int | None = None,
) -> subprocess.Popen[bytes]:
    # a session of its own: Ctrl-C reaches this process, which then ends its children in order
    process = subprocess.Popen(  # noqa: S603 -- our own commands
        command, env=env, stdout=stdout, stderr=stdout, start_new_session=True
    )
    stack.callback(_stop, process)
    return process


def _stop(process: subprocess.Popen[bytes]) -> None:
    # Dagster stops its own children on an interrupt, not on a termination
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 -- our own address
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise ConfigurationError(
        "Dagster's web interface did not start.", "Its messages above say why."
    )
