"""Where parcels come from: a folder of the user's, or the sample world's own fields."""

from __future__ import annotations

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
    if tools.defaults.parcels:
        return Path(tools.defaults.parcels)
    if tools.source.catalog != SAMPLE:
        raise ConfigurationError(
            "No folder of parcels is set.",
            "Set EO_ASSETS_PARCELS to a folder with one GeoParquet or GeoJSON file a region, named "
            "like the region.",
        )
    from eo_assets.sample.parcels import write_sample_parcels

    archive = Path(tools.source.sample_dir)
    folder = archive.with_name(f"{archive.name}-parcels")
    write_sample_parcels(archive, folder)
    return folder
