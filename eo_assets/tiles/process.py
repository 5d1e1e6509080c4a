"""The tile service as a child process: set up by its environment, ended with this one."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from eo_assets.errors import ConfigurationError
from eo_assets.settings import SAMPLE, Settings
from eo_assets.tiles.listening import check_listening

_STOP_S = 15

_ALLOCATOR = {
    # glibc otherwise keeps an arena a thread, and memory grows with every tile
    "MALLOC_ARENA_MAX": "2",
    # one tile is the work of one thread; many tiles come at once
    "OMP_NUM_THREADS": "1",
    "GDAL_NUM_THREADS": "1",
    "GDAL_CACHEMAX": "64",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": ".tif,.tiff,.TIF",
}
"""Read by libraries when a process starts, so that it has to be there before."""


def with_catalog(settings: Settings, stack: contextlib.ExitStack) -> Settings:
    """Serve a catalogue that is a directory, so that all workers search one and the same.

    Args:
        settings: The settings.
        stack: Ends it.

    Returns:
        The settings with its address, and with its folder among the sources.
    """
    directory = settings.sample_dir if settings.catalog == SAMPLE else Path(settings.catalog)
    if not directory.is_dir():
        return settings
    from eo_assets.sample.api.embedded import EmbeddedCatalog

    # files as paths: nothing is faster to read
    url = stack.enter_context(EmbeddedCatalog(directory, writable=False)).url
    sources = ",".join(part for part in (settings.tiles_sources, str(directory.resolve())) if part)
    return settings.model_copy(update={"catalog": url, "tiles_sources": sources})


@contextlib.contextmanager
def tile_server(
    settings: Settings, *, host: str = "127.0.0.1", port: int = 0
) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the service while the block lasts; if this process dies first, it ends too.

    Args:
        settings: The settings; a catalogue that is a directory is served already.
        host: Address to listen on.
        port: Port; 0 takes a free one.

    Yields:
        The process and the address.

    Raises:
        ConfigurationError: It does not start.
    """
    check_listening(
        host,
        token=settings.tiles_token.get_secret_value(),
        without_token=settings.tiles_without_token,
    )
    process = subprocess.Popen(  # noqa: S603 -- our own module
        [
            *(sys.executable, "-m", "eo_assets.tiles", "--end-with-stdin"),
            *("--host", host, "--port", str(port)),
        ],
        env=settings.environment() | _ALLOCATOR,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # an interrupt from the keyboard is for this process, which then closes the pipe
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise ConfigurationError(
                f"The tile service did not start (code {process.wait(_STOP_S)}).",
                "Its messages above say why.",
            )
        yield process, url
    finally:
        _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=_STOP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
