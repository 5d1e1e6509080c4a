"""Memory that finished tiles leave behind goes back to the system."""

from __future__ import annotations

import asyncio

from eo_assets.memory import can_give_back, give_back

EVERY_S = 10.0
"""Seldom enough to cost less than a hundredth of a core, which it takes a tenth of a second."""


async def give_back_memory() -> None:
    """Give back what the allocator keeps without need, again and again, until cancelled.

    Arrays of tiles come and go between blocks and handles that stay; glibc keeps the gaps, and a
    worker grows by a fifth before it is even. Ends at once where the allocator takes no such wish.
    """
    while can_give_back():
        await asyncio.sleep(EVERY_S)
        # in a thread, and without Python's lock: tiles go on
        await asyncio.to_thread(give_back)
