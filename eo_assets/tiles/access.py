"""Who may ask: a token for programs, signed addresses for map clients that cannot send one.

A signature covers a folder of addresses - one layer or product - until a moment, so that one
address template serves all of its tiles.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from eo_assets.errors import ConfigurationError
from eo_assets.serving.listening import is_loopback
from eo_assets.tiles.problems import AccessDeniedError, answer, of_error

EXPIRES, SIGNATURE = "expires", "signature"
LASTS_S = 12 * 3600
"""How long a signed address holds unless asked otherwise: a working day."""

MAX_LASTS_S = 30 * 24 * 3600
_SIGNED_FOLDERS = {"layers": 2, "products": 5}
"""First part of the path, and how many parts name what is signed."""

_OPEN = ("/healthz", "/openapi.json", "/docs", "/static/")
"""Say nothing of layers and data."""


def folder_of(path: str) -> str | None:
    """Give the folder of addresses a path belongs to: ``/layers/ID``; None where it has none."""
    parts = path.strip("/").split("/")
    n = _SIGNED_FOLDERS.get(parts[0])
    return None if n is None or len(parts) < n else "/" + "/".join(parts[:n])


def signed_query(token: str, path: str, *, lasts_s: int = LASTS_S, now: float | None = None) -> str:
    """Sign the folder of addresses a path belongs to.

    Args:
        token: The key.
        path: A path in the folder.
        lasts_s: How long the signature holds, seconds.
        now: The time, seconds since the epoch; the clock's when not given.

    Returns:
        The query to add: ``expires=...&signature=...``; empty without a token.

    Raises:
        ConfigurationError: The path is in no folder that can be signed, or it would last too long.
    """
    if not token:
        return ""
    folder = folder_of(path)
    if folder is None or not 0 < lasts_s <= MAX_LASTS_S:
        raise ConfigurationError(
            f"{path} cannot be signed for {lasts_s} s.",
            f"Layers and products can, for at most {MAX_LASTS_S} s.",
        )
    expires = int((time.time() if now is None else now) + lasts_s)
    return f"{EXPIRES}={expires}&{SIGNATURE}={_signature(token, folder, expires)}"


def _signature(token: str, folder: str, expires: int) -> str:
    message = f"eo-assets tiles\n{folder}\n{expires}".encode()
    return hmac.new(token.encode(), message, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Guard:
    """Lets requests with the token or a signature pass; all of them where there is no token.

    Attributes:
        app: What is guarded.
        token: The token.
        host: Name under which browsers reach the service, besides those of this machine. Without
            a token others are refused: a page elsewhere could have its own name lead here. None
            for any name.
        prefix: Path a proxy may have put before the service's own.
    """

    app: ASGIApp
    token: str
    host: str | None = ""
    prefix: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 or 421, or pass the request on."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if not self.token and not self._is_ours(Headers(scope=scope).get("host", "")):
            refusal = answer(
                421,
                "UnknownHost",
                "Without a token this service answers under its own names only.",
                "Set EO_ASSETS_TILES_URL to the address browsers use, or EO_ASSETS_TILES_TOKEN.",
            )
            await refusal(scope, receive, send)
            return
        if not self.token or self._may(scope):
            await self.app(scope, receive, send)
            return
        error = AccessDeniedError(
            "This needs the service's token, or a signed address that has not expired.",
            "Send it as 'Authorization: Bearer TOKEN', or ask for /layers/ID/tilejson.json again.",
        )
        await of_error(error)(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        name = urlsplit(f"//{host}").hostname or ""
        return self.host is None or is_loopback(name) or name == self.host

    def _may(self, scope: Scope) -> bool:
        path = str(scope["path"]).removeprefix(self.prefix) or "/"
        if path == "/" or path.startswith(_OPEN) or scope["method"] == "OPTIONS":
            return True
        scheme, _, given = Headers(scope=scope).get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return hmac.compare_digest(given.encode(), self.token.encode())
        return scope["method"] in {"GET", "HEAD"} and self._signed(path, scope["query_string"])

    def _signed(self, path: str, query: bytes) -> bool:
        folder = folder_of(path)
        given = parse_qs(query.decode("latin-1"))
        expires, signature = given.get(EXPIRES, [""])[0], given.get(SIGNATURE, [""])[0]
        if folder is None or not (expires.isascii() and expires.isdigit() and len(expires) < 12):
            return False
        genuine = hmac.compare_digest(
            signature.encode(), _signature(self.token, folder, int(expires)).encode()
        )
        return genuine and int(expires) >= time.time()
