"""What a server says of a file, asked for one byte: GDAL tells neither status nor headers.

An expired token, a busy server and a damaged file look alike once GDAL has opened a file. Its
server tells them apart.
"""

from __future__ import annotations

import datetime as dt
import re
import threading
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

import requests

from eo_assets.cube.http_session import open_session

TIMEOUT_S = (10, 20)
"""To connect, and to the first byte."""

_BUSY = {408, 425, 429}
_SIZE = re.compile(r"bytes \S+/(\d+)")
_sessions = threading.local()


@dataclass(frozen=True)
class Answer:
    """A server's answer.

    Attributes:
        status: HTTP status; 0 when there was no answer.
        retry_after_s: How long it asks to be left alone; 0 when it does not.
        size: Bytes of the file, where stated.
        url: The address that answered, after redirections; it may hold a token.
    """

    status: int
    retry_after_s: float = 0.0
    size: int | None = None
    url: str = field(default="", repr=False)

    @property
    def unavailable(self) -> bool:
        """The server may answer later."""
        return self.status == 0 or self.status in _BUSY or self.status >= 500

    @property
    def denied(self) -> bool:
        """Whoever asks has no right to the file."""
        return self.status in {401, 403}

    @property
    def absent(self) -> bool:
        """The file is not there."""
        return self.status in {404, 410}


def ask(url: str) -> Answer:
    """Ask a server for the first byte of a file.

    Args:
        url: Address, signed where it has to be; http or https.

    Returns:
        The answer; never an error.
    """
    session: requests.Session = _sessions.__dict__.setdefault("session", open_session())
    try:
        with session.get(
            url, headers={"Range": "bytes=0-0"}, timeout=TIMEOUT_S, stream=True
        ) as response:
            if response.status_code == 206:
                response.raw.read(1)  # so that the connection can be used again
            return Answer(
                status=response.status_code,
                retry_after_s=_seconds(response.headers.get("Retry-After", "")),
                size=_size(response),
                url=response.url,
            )
    except requests.RequestException:
        return Answer(status=0)


def _size(response: requests.Response) -> int | None:
    if response.status_code == 206:
        stated = _SIZE.fullmatch(response.headers.get("Content-Range", ""))
        return int(stated[1]) if stated else None
    # a server that knows no ranges starts to send the whole file
    length = response.headers.get("Content-Length", "")
    return int(length) if response.status_code == 200 and length.isdigit() else None


def _seconds(retry_after: str) -> float:
    """Read ``Retry-After``: seconds, or a date."""
    if retry_after.strip().isdigit():
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except (TypeError, ValueError):
        return 0.0
    if until.tzinfo is None:
        until = until.replace(tzinfo=dt.UTC)
    return max((until - dt.datetime.now(dt.UTC)).total_seconds(), 0.0)
