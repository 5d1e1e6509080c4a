"""Everything at once for one machine: STAC API, Dask, products, map tiles, Dagster's UI, daemon."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from rich.console import Console

from eo_assets.commands.processes import interruptible
from eo_assets.commands.products import served
from eo_assets.commands.shared_workers import shared_workers
from eo_assets.defs.instance import ensure_workspace, limit_pool
from eo_assets.defs.lost_runs import end_lost_runs
from eo_assets.defs.steps import ARCHIVE_POOL
from eo_assets.errors import ConfigurationError
from eo_assets.settings import SAMPLE, Settings
from eo_assets.storage.store import storage_errors
from eo_assets.tiles.process import tile_server, with_catalog

_START_S = 180
_STOP_S = 20


def run_services(
    settings: Settings,
    *,
    port: int,
    catalog_port: int,
    products_port: int,
    tiles_port: int,
    console: Console,
) -> None:
    """Start all services on this machine and wait; Ctrl-C or a termination ends them all.

    Args:
        settings: The settings; services get them through their environment.
        port: Of the web interface.
        catalog_port: Of the STAC API, when the catalogue is a directory.
        products_port: Under which products are served to browsers, for previews.
        tiles_port: Of the map tiles.
        console: Where to say what is where.

    Raises:
        ConfigurationError: A port is taken, a service does not start, or Dagster ends by itself.
    """
    for number in (port, catalog_port, products_port, tiles_port):
        _check_free(number)
    if isinstance(settings.outputs, Path):
        with storage_errors(settings.outputs):
            settings.outputs.mkdir(parents=True, exist_ok=True)
    with interruptible(), contextlib.ExitStack() as stack:
        console.print("Starting; Dagster takes ten seconds or more.")
        catalog = _catalog(settings, catalog_port, stack)
        products_url = stack.enter_context(served(settings.outputs, products_port))
        tiles_url = _tiles(settings, tiles_port, f"http://127.0.0.1:{port}", stack)
        settings = shared_workers(settings, stack)
        ready = settings.model_copy(
            update={
                "catalog": catalog,
                "products_url": settings.products_url or products_url,
                "tiles_url": settings.tiles_url or tiles_url,
            }
        )
        limit_pool(settings.dagster_home, ARCHIVE_POOL, settings.archive_runs)
        for run in end_lost_runs(settings.dagster_home):
            console.print(f"Run {run[:8]} was killed in the middle; it is marked as failed.")
        dagster = _start_dagster(ready, port, stack)
        _wait_until_ready(dagster, f"http://127.0.0.1:{port}/server_info")
        console.print(f"Dagster UI      [bold]http://127.0.0.1:{port}[/]", soft_wrap=True)
        console.print(f"Catalogue       {catalog}", soft_wrap=True)
        console.print(f"Dask dashboard  {ready.dask_dashboard_url}", soft_wrap=True)
        console.print(f"Map tiles       {ready.tiles_url}", soft_wrap=True)
        console.print(f"Products        {ready.products_url}  ({settings.outputs})", soft_wrap=True)
        console.print("Ctrl-C stops all of them.")
        code = dagster.wait()
        raise ConfigurationError(
            f"Dagster ended by itself with code {code}.", "Its messages above say why."
        )


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ConfigurationError(
                f"Port {port} is taken.",
                "Choose another one: --port, --catalog-port, --products-port or --tiles-port.",
            ) from error


def _catalog(settings: Settings, port: int, stack: contextlib.ExitStack) -> str:
    directory = settings.sample_dir if settings.catalog == SAMPLE else Path(settings.catalog)
    if not directory.is_dir():
        return settings.catalog
    from eo_assets.sample.api.embedded import EmbeddedCatalog

    return stack.enter_context(EmbeddedCatalog(directory, stamp=True, port=port)).url


def _tiles(settings: Settings, port: int, dagster: str, stack: contextlib.ExitStack) -> str:
    # a catalogue of its own over a directory: it names files as paths, the fastest to read
    ready = with_catalog(settings, stack)
    ready = ready.model_copy(update={"dagster_url": settings.dagster_url or dagster})
    _, url = stack.enter_context(tile_server(ready, port=port))
    return url


def _start_dagster(
    settings: Settings, port: int, stack: contextlib.ExitStack
) -> subprocess.Popen[bytes]:
    # it says that another command is to be preferred, which serves projects of another layout
    quiet = ["-W", "ignore:Function `dev_command` is superseded"]
    dagster = [sys.executable, *quiet, "-m", "dagster", "dev"]
    command = [*dagster, "-w", str(ensure_workspace(settings.dagster_home))]
    process = subprocess.Popen(  # noqa: S603 -- our own command
        [*command, "-h", "127.0.0.1", "-p", str(port), "--log-level", "warning"],
        env=settings.environment(),
        # a session of its own: Ctrl-C reaches this process, which then ends its children in order
        start_new_session=True,
    )
    stack.callback(_stop, process)
    return process


def _stop(process: subprocess.Popen[bytes]) -> None:
    # Dagster stops its own children on an interrupt, not on a termination
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=_STOP_S)
    # what is left of its session: runs that were going on, or Dagster itself
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], url: str) -> None:
    # this machine is asked directly, whatever proxy the environment names
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with opener.open(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    raise ConfigurationError(
        "Dagster's web interface did not start.", "Its messages above say why."
    )
