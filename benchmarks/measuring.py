"""What a process takes: processor time and memory, of those it started too.

Uses psutil alone, for it runs in the peers' environment, too.
"""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Self

import psutil


def cpu_s(process: psutil.Process | None = None) -> float:
    """Processor time of a process and all it started, also those that have ended, seconds.

    Args:
        process: The process; this one where not given, whose own time is known more finely.
    """
    own = process is None
    process = process or psutil.Process()
    total = time.process_time() + sum(process.cpu_times()[2:4]) if own else 0.0
    others = process.children(recursive=True)
    for one in others if own else (process, *others):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += sum(one.cpu_times()[:4])
    return total


def memory_mb(process: psutil.Process) -> float:
    """Memory of a process and its children, MB; pages that several of them share count once."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.Error):
            total += one.memory_full_info().pss
    return total / 1e6


class PeakMemory:
    """Looks at a process and its children until the block ends.

    Attributes:
        mb: The most there was, MB.
    """

    def __init__(self, pid: int, *, every_s: float = 0.1) -> None:
        self._process, self._every_s = psutil.Process(pid), every_s
        self._stop, self.mb = threading.Event(), 0.0
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(self._every_s):
            self.mb = max(self.mb, memory_mb(self._process))
