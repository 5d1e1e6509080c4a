"""Regions: what to map, one GeoJSON Feature a file.

The regions beside this module are built in; a folder of the user's adds to them or, with the
same id, replaces them.
"""

from __future__ import annotations

import json
from pathlib import Path

from eo_assets.catalog.regions.model import Region, parse_region
from eo_assets.errors import RegionError, UnknownNameError

__all__ = ["Region", "get_region", "load_regions", "parse_region", "read_region"]

_BUILT_IN = Path(__file__).parent


def read_region(path: Path) -> Region:
    """Read one region from a GeoJSON file.

    Args:
        path: A file that holds one GeoJSON Feature.

    Returns:
        The region, checked.

    Raises:
        RegionError: The file cannot be read, is not a GeoJSON Feature, or its region is invalid.
    """
    try:
        feature = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RegionError(
            f"Region file {path} cannot be read: {error.strerror}.", "Check the path."
        ) from error
    except ValueError as error:
        raise RegionError(
            f"Region file {path} is not JSON: {error}.",
            "A region file holds one GeoJSON Feature with a Polygon or MultiPolygon.",
        ) from error
    return parse_region(feature, name=str(path), default_id=path.stem)


def load_regions(folder: Path | None = None) -> dict[str, Region]:
    """Read all regions.

    Args:
        folder: The user's own regions: every ``*.geojson`` and ``*.json`` in it.

    Returns:
        Regions by id, built-in ones first.

    Raises:
        RegionError: The folder does not exist, or a file in it is invalid or repeats an id.
    """
    regions = {
        region.id: region
        for region in map(
            read_region, sorted(_BUILT_IN.glob("*.geojson"), key=lambda path: path.stem)
        )
    }
    if folder is None:
        return regions
    if not folder.is_dir():
        raise RegionError(
            f"The folder of regions {folder} does not exist.",
            "Make it, or correct EO_ASSETS_REGIONS.",
        )
    own: dict[str, Path] = {}
    for path in sorted([*folder.glob("*.geojson"), *folder.glob("*.json")]):
        region = read_region(path)
        if region.id in own:
            raise RegionError(
                f"{path} and {own[region.id]} both define the region {region.id!r}.",
                "Give each region its own id.",
            )
        own[region.id] = path
        regions[region.id] = region
    return regions


def get_region(regions: dict[str, Region], name: str) -> Region:
    """Find a region by its id, or read it from a file.

    Args:
        regions: The known regions.
        name: A region's id, or the path of a GeoJSON file.

    Returns:
        The region.

    Raises:
        UnknownNameError: There is neither a region nor a file of that name.
        RegionError: The file is not a valid region.
    """
    if name in regions:
        return regions[name]
    path = Path(name)
    if path.suffix in {".geojson", ".json"}:
        return read_region(path)
    raise UnknownNameError(
        f"Region {name!r} is not known.",
        f"Use one of: {', '.join(regions)}; or name a GeoJSON file; or put one into the folder "
        "EO_ASSETS_REGIONS names.",
    )
