"""The process that serves the application."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import uvicorn

from eo_assets.errors import ConfigurationError
from eo_assets.sample.api.app import create_app
from eo_assets.sample.api.links import HrefMode
from eo_assets.serving.listening import address_of, is_loopback, listen


def serve(
    directory: Path,
    *,
    host: str = "127.0.0.1",
    port: int = 8081,
    hrefs: HrefMode = "http",
    stamp: bool = False,
    writable: bool = True,
    token: str = "",
    private: bool = False,
    on_ready: Callable[[str], None] | None = None,
    end_with_stdin: bool = False,
) -> None:
    """Serve a directory until interrupted.

    The directory is read once: what others change in it later is seen after a restart, what is
    written through the API at once.

    Args:
        directory: Any directory with STAC items below it.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        hrefs: As in ``create_app``.
        stamp: As in ``create_app``.
        writable: As in ``create_app``; beyond this machine it needs a token.
        token: As in ``create_app``.
        private: As in ``create_app``; needs a token.
        on_ready: Called with the URL once requests are answered.
        end_with_stdin: Whether to stop when standard input closes, as it does when the process
            that holds its other end dies in whatever way.

    Raises:
        ConfigurationError: The directory holds no STAC, the address cannot be listened on, or
            the archive would be private, or writable by the network, without a token.
    """
    if private and not token:
        raise ConfigurationError(
            "A private catalogue needs a token.", "Set EO_ASSETS_CATALOG_TOKEN."
        )
    if writable and not token and not is_loopback(host):
        raise ConfigurationError(
            f"A writable archive on {host} could be changed by anybody who reaches it.",
            "Give a token, make it read-only, or listen on 127.0.0.1.",
        )
    app = create_app(
        directory, hrefs=hrefs, stamp=stamp, writable=writable, token=token, private=private
    )
    listener = listen(host, port)
    url = address_of(listener, host)
    config = uvicorn.Config(
        app, log_level="warning", lifespan="off", ws="none", timeout_graceful_shutdown=5
    )
    server = _Server(config, lambda: on_ready(url) if on_ready else None)
    if end_with_stdin:
        threading.Thread(target=_stop_at_end_of_stdin, args=[server], daemon=True).start()
    # uvicorn ends in order on an interrupt, and then passes it on
    with listener, contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_ready()


def _stop_at_end_of_stdin(server: uvicorn.Server) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    server.should_exit = True
