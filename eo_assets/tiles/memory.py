"""Memory that finished tiles leave behind goes back to the system."""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Callable

EVERY_S = 10.0
"""Seldom enough to cost less than a hundredth of a core, which it takes a tenth of a second."""


async def give_back_memory() -> None:
    """Give back what the allocator keeps without need, again and again, until cancelled.

    Arrays of tiles come and go between blocks and handles that stay; glibc keeps the gaps, and a
    worker grows by a fifth before it is even. Other allocators are left to themselves.
    """
    trim = _malloc_trim()
    while trim is not None:
        await asyncio.sleep(EVERY_S)
        # in a thread, and without Python's lock: tiles go on
        await asyncio.to_thread(trim, 0)


def _malloc_trim() -> Callable[[int], int] | None:
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
