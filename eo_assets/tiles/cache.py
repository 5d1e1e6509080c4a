"""Finished answers kept in memory, bounded, and how clients are told what they may keep."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict

from eo_assets import __version__


class ByteCache:
    """The answers used last, as many as fit.

    Args:
        capacity: Bytes.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity, self._size = capacity, 0
        self._kept: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """Give what is kept under a key."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: str, content: bytes) -> None:
        """Keep something; what was not used for longest goes."""
        with self._lock:
            self._size += len(content) - len(self._kept.pop(key, b""))
            self._kept[key] = content
            while self._size > self._capacity:
                self._size -= len(self._kept.popitem(last=False)[1])

    @property
    def size(self) -> int:
        """Bytes kept."""
        return self._size


def etag(*parts: str) -> str:
    """Name an answer by what determines it and the version of the code, before it is computed."""
    text = "\n".join((__version__, *parts))
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'
