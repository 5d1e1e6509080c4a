"""Signing addresses of the Planetary Computer's storage, on the worker, right before opening.

Items, cubes and tasks hold unsigned addresses. A token opens a whole container for less than an
hour; each process keeps one a container, in memory only, and renews it before it ends. The worker
finds the token service and its subscription key in its own environment (``PC_SDK_SAS_URL``,
``PC_SDK_SUBSCRIPTION_KEY``), as the ``planetary-computer`` package does anywhere.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests

from eo_assets.cube.private_catalog import headers_for
from eo_assets.cube.redirects import followed, forget
from eo_assets.cube.secrecy import keep_tokens_out_of_logs
from eo_assets.errors import SourceReadError, SourceUnavailableError

STORAGE = ".blob.core.windows.net"
MARGIN_S = 60.0
"""A token is renewed this long before it ends; earlier than any one read lasts."""

PATIENCE_S = 60.0
"""How long the token service may take; the package itself would wait for ever."""

keep_tokens_out_of_logs()

Container = tuple[str, str]
"""Storage account and container."""


@dataclass(frozen=True)
class Token:
    """The right to read a container.

    Attributes:
        query: What is put behind an address; empty where none is needed.
        begins: When it was given, seconds since 1970.
        ends: When it expires, seconds since 1970.
    """

    query: str = field(repr=False)
    begins: float
    ends: float

    @property
    def due(self) -> float:
        """When to renew it, seconds since 1970."""
        early = min(MARGIN_S, (self.ends - self.begins) / 4)
        # where this machine's clock runs ahead of the service's, not with every file
        return max(self.ends - early, self.begins + 1)


@dataclass(frozen=True)
class Address:
    """An address to open now and then forget.

    Attributes:
        url: The address; it is not shown.
        token: The token in it; None where none was needed.
    """

    url: str = field(repr=False)
    token: Token | None = None

    @property
    def due(self) -> bool:
        """It has to be made anew before more is read."""
        return self.token is not None and time.time() >= self.token.due

    @property
    def expired(self) -> bool:
        """It was to be refused."""
        return self.token is not None and time.time() >= self.token.ends


class Tokens:
    """One token a container, fetched once however many threads want it.

    Args:
        fetch: Asks for a new token.
    """

    def __init__(self, fetch: Callable[[Container], Token]) -> None:
        self._fetch = fetch
        self._tokens: dict[Container, Token] = {}
        self._locks: dict[Container, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, container: Container) -> Token:
        """Give a token that holds for a while.

        Args:
            container: What it is for.

        Returns:
            The token at hand, or a new one where it is about to end.

        Raises:
            SourceUnavailableError: The token service does not answer, and none is at hand.
            SourceReadError: The token service refuses.
        """
        with self._lock_of(container):
            token = self._tokens.get(container)
            if token is not None and time.time() < token.due:
                return token
            try:
                self._tokens[container] = self._fetch(container)
            except SourceUnavailableError:
                if token is None or time.time() >= token.ends:
                    raise
            return self._tokens[container]

    def refuse(self, container: Container, token: Token) -> None:
        """Tell that a token no longer opens anything; the next one asked for is new.

        Args:
            container: What it was for.
            token: The token; nothing happens where another has taken its place already.
        """
        with self._lock_of(container):
            if self._tokens.get(container) is token:
                del self._tokens[container]

    def _lock_of(self, container: Container) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(container, threading.Lock())


def may_expire(href: str) -> bool:
    """Tell whether what is opened for an address may hold for a while only."""
    return container_of(href) is not None or bool(headers_for(href))


def container_of(href: str) -> Container | None:
    """Find the container a file lies in.

    Args:
        href: Any address.

    Returns:
        Account and container, or None where the address is not one of Azure's storage.
    """
    parts = urlsplit(href)
    host = parts.hostname or ""
    account, container = host.removesuffix(STORAGE), parts.path.lstrip("/").partition("/")[0]
    return (account, container) if host.endswith(STORAGE) and account and container else None


def sign(href: str) -> Address:
    """Give the address to open: with a token, or where a private catalogue redirects it to.

    Args:
        href: The address. A token that it came with is dropped: it has expired or is going to.

    Returns:
        The address to open.

    Raises:
        SourceUnavailableError: The token service, or the catalogue, does not answer.
        SourceReadError: The token service refuses.
    """
    container = container_of(href)
    if container is None:
        return Address(followed(href))
    token = _TOKENS.get(container)
    unsigned = href.partition("?")[0]
    return Address(f"{unsigned}?{token.query}" if token.query else unsigned, token)


def refuse(href: str, address: Address) -> bool:
    """Tell that an address was refused, so that signing it again gives another.

    Args:
        href: The unsigned address.
        address: The signed one.

    Returns:
        Whether there is another to be had.
    """
    container = container_of(href)
    if container is None:
        return forget(href, address.url)
    if address.token is None or not address.token.query:
        return False
    _TOKENS.refuse(container, address.token)
    return True


def _from_planetary_computer(container: Container) -> Token:
    """Ask the token service, through its own package."""
    answers: queue.Queue[Token | Exception] = queue.Queue()
    threading.Thread(target=lambda: answers.put(_asked(container)), daemon=True).start()
    try:
        answer = answers.get(timeout=PATIENCE_S)
    except queue.Empty:
        answer = SourceUnavailableError(
            f"The token service did not answer within {PATIENCE_S:.0f} s.", "Try again later."
        )
    if isinstance(answer, Exception):
        raise answer
    return answer


def _asked(container: Container) -> Token | Exception:
    from planetary_computer import sas
    from planetary_computer.settings import Settings

    place = "/".join(container)
    # the package takes a token for good until a minute before its end, even one that was refused
    sas.TOKEN_CACHE.pop(f"{Settings.get().sas_url}/{place}", None)
    begins = time.time()
    try:
        given = sas.get_token(*container, retry_total=0)
        return Token(query=given.token, begins=begins, ends=given.expiry.timestamp())
    except requests.HTTPError as error:
        status = error.response.status_code if error.response is not None else 0
        if status == 404:  # not the Planetary Computer's: a public container somewhere in Azure
            return Token(query="", begins=begins, ends=math.inf)
        return SourceReadError(
            f"The token service refuses a token for {place}: HTTP {status}.",
            "Check PC_SDK_SUBSCRIPTION_KEY and whether the collection is public.",
        )
    except (requests.RequestException, ValueError):
        # an answer that is no token may hold one: its text does not go on
        return SourceUnavailableError(
            f"The token service gives no token for {place}.", "Try again later."
        )


_TOKENS = Tokens(_from_planetary_computer)
