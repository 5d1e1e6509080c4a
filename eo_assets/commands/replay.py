"""Making a product again from its item, from the command line."""

from __future__ import annotations

import contextlib
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from eo_assets.errors import ConfigurationError
from eo_assets.pipeline.replay import Replay, replay_item
from eo_assets.pipeline.tasks import InProcess
from eo_assets.places import Place
from eo_assets.settings import Settings
from eo_assets.storage.store import Store


def run_replay(settings: Settings, *, item: Place, keep: Path | None, console: Console) -> bool:
    """Make a product again in this process, and show which files are the same.

    Args:
        settings: The settings.
        item: The product's STAC item.
        keep: Folder to keep what is made in, empty or not there yet; None to keep nothing.
        console: Where to show things.

    Returns:
        Whether every file is the same, byte for byte.

    Raises:
        ConfigurationError: The folder is not empty.
        EoAssetsError: The product cannot be made again.
    """
    if keep is not None and keep.exists() and any(keep.iterdir()):
        raise ConfigurationError(f"{keep} is not empty.", "Name a new folder.")
    with contextlib.ExitStack() as stack:
        folder = keep or Path(stack.enter_context(TemporaryDirectory(prefix="eo_assets-replay-")))
        found = replay_item(
            item, store=Store(folder), runner=InProcess(), block_px=settings.block_px
        )
        _show(found, console)
        if keep is not None:
            console.print(f"Made again in {found.folder}", soft_wrap=True)
    return found.equal


def _show(found: Replay, console: Console) -> None:
    table = Table("file", "SHA-256 in the item", "made again", "", title=found.told.id)
    for file in found.files:
        table.add_row(
            file.name,
            _shortened(file.recorded),
            _shortened(file.made) or "none",
            "equal" if file.equal else "[red]differs[/]",
        )
    console.print(table)
    for name, (then, here) in found.other_software.items():
        console.print(f"Made with {name} {then}; here is {here}.")
    n_equal = sum(file.equal for file in found.files)
    console.print(f"{n_equal} of {len(found.files)} files are the same, byte for byte.")


def _shortened(checksum: str) -> str:
    # what follows the multihash's prefix
    return checksum[4:20]
