"""What a run is doing, step by step, on the terminal."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from eo_assets.definitions import STEPS


@contextmanager
def quiet() -> Iterator[None]:
    """Keep other loggers from writing into the progress display."""
    loggers = [logging.getLogger(name) for name in ("dagster", "distributed", "bokeh")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


_MARKS = {
    "waiting": Text("·", style="dim"),
    "done": Text("✓", style="green"),
    "failed": Text("✗", style="red"),
}


class Progress:
    """One line a step: waiting, running with what it is doing, done or failed."""

    def __init__(self, console: Console, steps: Sequence[str] = STEPS) -> None:
        self._console = console
        self._steps = steps
        self._live: Live | None = None
        self.begin()

    def begin(self, title: str = "") -> None:
        """Start over, for another partition."""
        self._title = title
        self._state = dict.fromkeys(self._steps, "waiting")
        self._text = dict.fromkeys(self._steps, "")
        self._current = ""
        self._started = 0.0

    @contextmanager
    def live(self, *, transient: bool = False) -> Iterator[None]:
        """Keep the lines up to date; ``transient`` ones vanish at the end."""
        with Live(
            self._table(), console=self._console, refresh_per_second=8, transient=transient
        ) as self._live:
            yield

    def show(self, kind: str, text: str) -> None:
        """Take in an event; see ``eo_assets.defs.events``."""
        if kind == "start":
            self._current = text
            self._state[text] = "running"
            self._started = time.monotonic()
        elif kind in {"done", "failed"}:
            self._state[text] = kind
            if kind == "done":
                self._text[text] = f"{time.monotonic() - self._started:.1f} s"
        elif self._current:
            # messages start with the partition's key, which is known here
            self._text[self._current] = text.partition(": ")[2] or text
        if self._live:
            self._live.update(self._table())

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        if self._title:
            table.add_row("", self._title)
        for step in self._steps:
            state = self._state[step]
            mark = _MARKS.get(state) or Spinner("dots")
            table.add_row(mark, step, Text(self._text[step], style="dim"))
        return table
