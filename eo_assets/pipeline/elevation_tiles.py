"""The elevation tiles of a region: found in the catalogue and probed, the missing ones named."""

from __future__ import annotations

from dataclasses import dataclass

from eo_assets.catalog.collections import get_collection
from eo_assets.catalog.providers import provider_for
from eo_assets.catalog.regions import Region
from eo_assets.cube.items import unsigned
from eo_assets.cube.probing import probe_scene, with_grids
from eo_assets.cube.scene import Scene, scene_of
from eo_assets.errors import SourceReadError
from eo_assets.pipeline.catalog_search import (
    catalog_errors,
    check_collection,
    open_catalog,
    used_items,
)
from eo_assets.terrain.tiles import Tile, missing_tiles

ELEVATION = "elevation"
"""Band of an elevation model's collection that holds heights."""


@dataclass(frozen=True, kw_only=True)
class TileSearch:
    """Which tiles to look for.

    Attributes:
        catalog: What people call the catalogue.
        url: Address of its API, or a provider's id.
        region: The region, with the collection of the elevation model.
    """

    catalog: str
    url: str
    region: Region


@dataclass(frozen=True, kw_only=True)
class Tiles:
    """What there is.

    Attributes:
        scenes: Tiles, their files probed.
        missing: Squares of one degree the region reaches into and the catalogue has no tile of.
    """

    scenes: tuple[Scene, ...]
    missing: tuple[Tile, ...]


def find_tiles(search: TileSearch) -> Tiles:
    """Find the tiles of a region and read their headers; runs on a worker.

    Args:
        search: What to look for.

    Returns:
        The tiles; without any when the region is all sea.

    Raises:
        SourceUnavailableError: The catalogue or a server of files does not answer.
        UnknownNameError: The catalogue does not have the collection.
        SourceContractError: An item has no heights.
        SourceReadError: A tile's file cannot be used.
    """
    region = search.region
    with catalog_errors(search.catalog, region.collection):
        client = open_catalog(search.url)
        found = list(
            client.search(
                collections=[region.collection],
                intersects=region.geometry,
                limit=provider_for(search.url).page_size,
            ).items_as_dicts()
        )
        if not found:
            check_collection(client, search.catalog, region.collection)
    items, _ = used_items(found, region, 100.0)
    collection = get_collection(region.collection)
    scenes = tuple(
        _probed(scene_of(unsigned(item, keep_links=False), collection, (ELEVATION,)))
        for item in items
    )
    missing = missing_tiles(region.outline, [scene.id for scene in scenes])
    return Tiles(scenes=scenes, missing=tuple(missing))


def _probed(scene: Scene) -> Scene:
    probes = probe_scene(scene)
    faults = [probe.fault for probe in probes if probe.fault]
    if faults:
        # a hole in the relief is never a cloud: there is no other tile to fill it with
        raise SourceReadError(
            f"The elevation tile {scene.id} cannot be used: {' '.join(faults)}",
            "Mend the archive, or use another catalogue, and materialise terrain again.",
        )
    return with_grids(scene, probes)
