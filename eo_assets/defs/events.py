"""A logger for the command line: what a run is doing, one line at a time, and nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable

import dagster as dg

Show = Callable[[str, str], None]
"""Shows an event and a text: ``start``, ``done``, ``failed`` and a step, or ``progress``,
``warning`` and what there is to say."""

_STEP_EVENTS = {"STEP_START": "start", "STEP_SUCCESS": "done", "STEP_FAILURE": "failed"}


class _Events(logging.Handler):
    def __init__(self, show: Show) -> None:
        # Dagster logs the events of a step at DEBUG
        super().__init__(logging.DEBUG)
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        meta = getattr(record, "dagster_meta", {})
        event = meta.get("dagster_event")
        step = str(meta.get("step_key") or "")
        if event is not None:
            kind = _STEP_EVENTS.get(event.event_type_value)
            if kind:
                self._show(kind, step)
            return
        if record.levelno < logging.INFO:
            return
        kind = "warning" if record.levelno >= logging.WARNING else "progress"
        self._show(kind, str(meta.get("orig_message", record.getMessage())))


def event_logger(show: Show) -> dg.LoggerDefinition:
    """Make a Dagster logger that shows events as they come.

    Args:
        show: Called for each event worth showing.

    Returns:
        The logger's definition.
    """

    @dg.logger
    def events(_context: dg.InitLoggerContext) -> logging.Logger:
        # one of its own for each run: a shared one would show every event once a run
        logger = logging.Logger("eo_assets.events", logging.DEBUG)  # noqa: LOG001
        logger.addHandler(_Events(show))
        return logger

    return events
