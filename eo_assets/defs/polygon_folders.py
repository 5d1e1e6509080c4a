"""Where people's polygons come from: a folder of the user's, or the sample world's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from eo_assets.errors import ConfigurationError
from eo_assets.settings import SAMPLE

if TYPE_CHECKING:
    from eo_assets.defs.steps import Tools


def parcel_folder(tools: Tools) -> Path:
    """Give the folder that has a file of parcels for each region.

    The sample archive's parcels are made when they are first asked for, beside the archive.

    Args:
        tools: Of the step that needs them.

    Returns:
        The folder.

    Raises:
        ConfigurationError: None is set.
    """

    def write(archive: Path, folder: Path) -> None:
        from eo_assets.sample.parcels import write_sample_parcels

        write_sample_parcels(archive, folder)

    return _folder(tools, tools.defaults.parcels, "parcels", "parcels", write)


def site_folder(tools: Tools) -> Path:
    """Give the folder that has a file of protected sites for each region.

    The sample world's sites are written when they are first asked for, beside the archive.

    Args:
        tools: Of the step that needs them.

    Returns:
        The folder.

    Raises:
        ConfigurationError: None is set.
    """

    def write(_archive: Path, folder: Path) -> None:
        from eo_assets.sample.sites import write_sample_sites

        write_sample_sites(folder)

    return _folder(tools, tools.defaults.sites, "sites", "protected sites", write)


def _folder(
    tools: Tools, chosen: str, name: str, title: str, write: Callable[[Path, Path], None]
) -> Path:
    if chosen:
        return Path(chosen)
    if tools.source.catalog != SAMPLE:
        raise ConfigurationError(
            f"No folder of {title} is set.",
            f"Set EO_ASSETS_{name.upper()} to a folder with one GeoParquet or GeoJSON file a "
            "region, named like the region.",
        )
    archive = Path(tools.source.sample_dir)
    folder = archive.with_name(f"{archive.name}-{name}")
    write(archive, folder)
    return folder
