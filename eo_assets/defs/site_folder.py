"""Where protected sites come from: a folder of the user's, or the sample world's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eo_assets.errors import ConfigurationError
from eo_assets.settings import SAMPLE

if TYPE_CHECKING:
    from eo_assets.defs.steps import Tools


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
    if tools.defaults.sites:
        return Path(tools.defaults.sites)
    if tools.source.catalog != SAMPLE:
        raise ConfigurationError(
            "No folder of protected sites is set.",
            "Set EO_ASSETS_SITES to a folder with one GeoParquet or GeoJSON file a region, named "
            "like the region.",
        )
    from eo_assets.sample.sites import write_sample_sites

    archive = Path(tools.source.sample_dir)
    folder = archive.with_name(f"{archive.name}-sites")
    write_sample_sites(folder)
    return folder
