"""Where commands write: results on standard output, complaints on standard error."""

from __future__ import annotations

from rich.console import Console

console = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)
