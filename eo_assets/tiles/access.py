"""Who may ask: a token for programs, signed addresses for map clients that cannot send one.

A signature covers a folder of addresses - one layer or product - until a moment, so that one
address template serves all of its tiles.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
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

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?")
_DENIED = AccessDeniedError(
    "This needs the service's token, or a signed address that has not expired.",
    "Send it as 'Authorization: Bearer TOKEN', or ask for /layers/ID/tilejson.json again.",
)


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
        origins: Web origins whose pages may start something without a token, besides its own.
        prefix: Path a proxy may have put before the service's own.
    """

    app: ASGIApp
    token: str
    host: str | None = ""
    origins: tuple[str, ...] = ()
    prefix: str = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 400, 401, 403 or 421, or pass the request on."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host and not _HOST.fullmatch(host):
            return answer(400, "BadHost", "The Host header names no host.", "Correct it.")
        if self.token:
            return None if self._may(scope) else of_error(_DENIED)
        if host and not self._is_ours(f"//{host}"):
            return answer(
                421,
                "UnknownHost",
                "Without a token this service answers under its own names only.",
                "Set EO_ASSETS_TILES_URL to the address browsers use, or EO_ASSETS_TILES_TOKEN.",
            )
        # a browser lets any page send a POST without a body, it only keeps the answer from it
        origin = headers.get("origin")
        if scope["method"] == "POST" and origin and not self._is_welcome(origin):
            return answer(
                403,
                "ForeignPage",
                "Without a token this service takes orders of its own pages only.",
                "Add the page's origin to EO_ASSETS_TILES_ORIGINS.",
            )
        return None

    def _is_welcome(self, origin: str) -> bool:
        return origin in self.origins or "*" in self.origins or self._is_ours(origin)

    def _is_ours(self, address: str) -> bool:
        try:
            name = urlsplit(address).hostname or ""
        except ValueError:  # of an Origin; browsers send none that is not an address
            return False
        return self.host is None or is_loopback(name) or (bool(name) and name == self.host)

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
