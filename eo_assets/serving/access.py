"""A token for those who ask: one guard for the STAC APIs, whatever they are made of."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_READING = {"GET", "HEAD", "OPTIONS"}


@dataclass(frozen=True)
class TokenGuard:
    """Lets requests with the token pass, and those that need none.

    Reading needs the token only where the service is private; writing does where there is one.
    Without a token a web page of another origin may not write: a browser would let it reach a
    service on its own machine.

    Attributes:
        app: What is guarded.
        token: The token; empty admits everybody.
        private: Whether reading needs it, too.
        open_paths: Paths that say nothing of the data, for health checks.
    """

    app: ASGIApp
    token: str
    private: bool = False
    open_paths: tuple[str, ...] = ("/_mgmt/ping", "/_mgmt/health")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 or 403, or pass the request on."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        method, path = str(scope["method"]), str(scope["path"])
        # a search is a question, however it is asked
        reading = method in _READING or (method == "POST" and path.endswith("/search"))
        if path in self.open_paths or method == "OPTIONS" or (reading and not self.private):
            return None
        headers = Headers(scope=scope)
        if self.token:
            scheme, _, given = headers.get("authorization", "").partition(" ")
            genuine = hmac.compare_digest(given.encode(), self.token.encode())
            return None if genuine and scheme.lower() == "bearer" else _wants_token()
        origin = headers.get("origin")
        if origin is None or urlsplit(origin).netloc == headers.get("host"):
            return None
        return _problem(403, f"Pages of {origin} may not write here.")


def _wants_token() -> JSONResponse:
    response = _problem(401, "This needs the header 'Authorization: Bearer <token>'.")
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _problem(status: int, description: str) -> JSONResponse:
    return JSONResponse({"code": str(status), "description": description}, status_code=status)
