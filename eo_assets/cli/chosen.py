"""What a command was asked for: settings, regions, and a catalogue that is there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eo_assets.cli.terminal import console

if TYPE_CHECKING:
    from eo_assets.catalog.regions import Region
    from eo_assets.settings import Settings


def chosen(
    region: list[str], collection: str | None, **given: object
) -> tuple[Settings, list[Region]]:
    """Read settings and regions: a mistake is told at once, before Dagster is loaded.

    Args:
        region: Ids or files, as given.
        collection: Instead of the regions' own.
        given: Settings; None leaves one as it is.

    Returns:
        The settings, and each region once.

    Raises:
        ConfigurationError: A setting, region or collection is unknown or invalid.
    """
    from eo_assets.catalog.collections import get_collection
    from eo_assets.catalog.regions import get_region, load_regions
    from eo_assets.settings import load_settings

    settings = load_settings(**{name: value for name, value in given.items() if value is not None})
    known = load_regions(settings.regions)
    regions = [get_region(known, name) for name in dict.fromkeys(region)]
    for one in regions:
        get_collection(collection or one.collection)
    return settings, regions


def ensure_catalog(settings: Settings) -> None:
    """Make the sample archive if it is what is searched and is not there.

    Args:
        settings: With the catalogue.
    """
    from eo_assets.settings import SAMPLE

    if settings.catalog == SAMPLE:
        ensure_sample(settings.sample_dir)


def ensure_sample(directory: Path) -> None:
    """Make the sample archive unless it is there, showing how far it is.

    Args:
        directory: Where.
    """
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    from eo_assets.sample import generate, is_complete

    if is_complete(directory):
        return
    console.print("Making the sample archive, once; this takes a minute or two.")
    columns = (TextColumn("{task.description:<28}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("sample archive", total=1.0)
        generate(
            directory,
            progress=lambda text, share: bar.update(task, description=text, completed=share),
        )
