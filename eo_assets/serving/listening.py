"""Where a service listens. Light: a process that only watches workers needs no more."""

from __future__ import annotations

import ipaddress
import socket

from eo_assets.errors import ConfigurationError


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listen(host: str, port: int, *, backlog: int | None = None) -> socket.socket:
    """Open a socket that takes connections.

    Args:
        host: Address to listen on.
        port: Port; 0 takes a free one.
        backlog: Connections that may wait; the system's choice when not given.

    Returns:
        The socket.

    Raises:
        ConfigurationError: The address cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=backlog)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot listen on {host}:{port}: {error.strerror}.",
            "Choose another port, or 0 for any free one.",
        ) from error


def address_of(listener: socket.socket, host: str) -> str:
    """Give the address of a socket that listens: ``http://127.0.0.1:8081``."""
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"
