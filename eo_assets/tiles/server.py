"""The processes that serve the application: one that listens and watches, and its workers."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable

import uvicorn
from uvicorn.supervisors import Multiprocess

from eo_assets.serving.listening import address_of, listen
from eo_assets.settings import Settings
from eo_assets.tiles.listening import check_listening

_BACKLOG = 512


def serve(
    settings: Settings,
    *,
    host: str,
    port: int,
    on_listening: Callable[[str], None],
    end_with_stdin: bool = False,
) -> None:
    """Serve until interrupted; workers that die are replaced.

    Args:
        settings: The settings; workers read the same ones from their environment.
        host: Address to listen on.
        port: Port; 0 takes a free one.
        on_listening: Called with the address once connections are taken; the first requests wait
            until a worker is ready.
        end_with_stdin: Whether to stop when standard input closes, as it does when the process
            that holds its other end dies in whatever way.

    Raises:
        ConfigurationError: The address cannot be listened on, or a network could use the service
            without a token.
    """
    check_listening(
        host,
        token=settings.tiles_token.get_secret_value(),
        without_token=settings.tiles_without_token,
    )
    listener = listen(host, port, backlog=_BACKLOG)
    config = uvicorn.Config(
        "eo_assets.tiles.app:from_environment",
        factory=True,
        workers=settings.n_tile_workers,
        log_level="warning",
        # it would hold signatures
        access_log=False,
        ws="none",
        timeout_graceful_shutdown=5,
        # a worker that imports on a busy machine is slow, not dead
        timeout_worker_healthcheck=60,
    )
    if end_with_stdin:
        threading.Thread(target=_stop_at_end_of_stdin, daemon=True).start()
    on_listening(address_of(listener, host))
    server = uvicorn.Server(config)
    with listener, contextlib.suppress(KeyboardInterrupt):
        if settings.n_tile_workers == 1:
            server.run(sockets=[listener])
        else:
            Multiprocess(config, sockets=[listener]).run()


def _stop_at_end_of_stdin() -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    # as a person would: workers are then ended in order
    os.kill(os.getpid(), signal.SIGTERM)
