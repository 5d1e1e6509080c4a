"""The address under which browsers reach the service, when a proxy stands before it."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send


class PublicAddress:
    """Makes every request look as if it had come to the public address, so that links lead there.

    Args:
        app: The application.
        url: Public address: ``https://hub.example.org/user/ana/proxy/8090``; empty for the one
            a request names itself.
    """

    def __init__(self, app: ASGIApp, url: str) -> None:
        self._app = app
        parts = urlsplit(url)
        self._scheme, self._host = parts.scheme, parts.netloc.encode()
        self._prefix = parts.path.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] == "http" and self._host:
            others = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope = {
                **scope,
                "scheme": self._scheme,
                "headers": [*others, (b"host", self._host)],
                "root_path": self._prefix,
                "path": self._prefix + _without(self._prefix, scope["path"]),
            }
        await self._app(scope, receive, send)


def _without(prefix: str, path: str) -> str:
    # some proxies take the prefix off, some do not
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path
