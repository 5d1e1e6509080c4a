"""Where the service may listen. Light: the process that only watches workers needs no more."""

from __future__ import annotations

from eo_assets.errors import ConfigurationError
from eo_assets.serving.listening import is_loopback


def check_listening(host: str, *, token: str, without_token: bool) -> None:
    """Refuse to serve a network without a token, unless somebody says so.

    Args:
        host: Address to listen on.
        token: The token; may be empty.
        without_token: Somebody said so.

    Raises:
        ConfigurationError: Anybody who reaches the host could use the service.
    """
    if not (token or without_token or is_loopback(host)):
        raise ConfigurationError(
            f"A tile service on {host} could be used by anybody who reaches it.",
            "Set EO_ASSETS_TILES_TOKEN, listen on 127.0.0.1, or say --without-token.",
        )
