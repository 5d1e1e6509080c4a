"""Serving map tiles until somebody interrupts."""

from __future__ import annotations

import contextlib

from rich.console import Console

from eo_assets.commands.processes import interruptible
from eo_assets.errors import ConfigurationError
from eo_assets.settings import Settings
from eo_assets.tiles.process import tile_server, with_catalog


def run_tiles(settings: Settings, *, host: str, port: int, console: Console) -> None:
    """Serve map tiles until interrupted.

    Args:
        settings: The settings.
        host: Address to listen on.
        port: Port; 0 takes a free one.
        console: Where to say what is where.

    Raises:
        ConfigurationError: The service does not start, or ends by itself.
    """
    with interruptible(), contextlib.ExitStack() as stack:
        ready = with_catalog(settings, stack)
        process, url = stack.enter_context(tile_server(ready, host=host, port=port))
        console.print(f"Map tiles  [bold]{url}[/]   ({url}/docs)", soft_wrap=True)
        console.print(f"Scenes     {settings.catalog}", soft_wrap=True)
        console.print(f"Products   {settings.outputs}", soft_wrap=True)
        console.print("Ctrl-C stops it.")
        code = process.wait()
        raise ConfigurationError(
            f"The tile service ended by itself with code {code}.", "Its messages above say why."
        )
