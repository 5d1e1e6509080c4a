"""Giving memory back to the system."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import lru_cache


def can_give_back() -> bool:
    """Tell whether the allocator can be asked to; only glibc's can."""
    return _malloc_trim() is not None


def give_back() -> None:
    """Give back what the allocator keeps without need.

    glibc keeps the memory of one array for the next, which is fast; between pieces of work what
    it keeps falls to pieces, and a process grows with each. Other allocators are left to
    themselves.
    """
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@lru_cache(maxsize=1)
def _malloc_trim() -> Callable[[int], int] | None:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
