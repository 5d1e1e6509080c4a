"""What a partition is going to cost, from its items and the headers of their files alone.

No pixel is decoded; see ``eo_assets.cube.foresight`` for how it is told which pixels are needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from eo_assets.cube.access import gdal_environment
from eo_assets.cube.block_index import BlockIndex, Cost, read_block_index, with_indexes
from eo_assets.cube.foresight import Foresight
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.graph.operations import Composite, CompositeMethod, ValidPixels
from eo_assets.cube.grid import blocks, region_geobox
from eo_assets.cube.scene import Scene, SourceFile
from eo_assets.errors import SourceContractError, SourceReadError
from eo_assets.pipeline import band_stack, stac_items
from eo_assets.storage.mosaic_zarr import CHUNK
from eo_assets.storage.partition import Partition

NOTHING = Cost()

HEADER_REQUESTS = 3
"""Of a remote file, measured where the same process probes and reads: its length and its header."""


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What a partition is going to cost.

    Attributes:
        key: The partition.
        empty: Why there is nothing to do; empty when there is.
        items: Items found and used.
        left_out: Items that cannot be used, with the reason.
        files: Files opened.
        expected: Cost of reading, as far as items tell what is cloud.
        most: Cost if every scene is needed everywhere.
        region_px: Pixels of the grid.
        bands: Bands of the mosaic.
        block_px: Pixels of the largest block of the mosaic.
        scenes_in_block: Most scenes that reach one block.
    """

    key: str
    empty: str = ""
    items: int = 0
    left_out: Mapping[str, str] = field(default_factory=dict)
    files: int = 0
    expected: Cost = NOTHING
    most: Cost = NOTHING
    region_px: int = 0
    bands: int = 0
    block_px: int = 0
    scenes_in_block: int = 0

    @property
    def requests(self) -> int:
        """HTTP requests when files are remote: headers when probed and when read, and ranges."""
        return HEADER_REQUESTS * self.files + self.expected.ranges

    @property
    def worker_peak_mb(self) -> float:
        """Memory of the worker that computes the largest block, MB; a model, see docs."""
        # pixels as read and as composited; of each scene a mask and what makes it
        per_px = 4 * self.bands + 4 * self.scenes_in_block + 14
        return 0.0 if self.empty else 270 + self.block_px * per_px / 1e6

    @property
    def output_mb(self) -> float:
        """Size of all products, MB; what ten bands of mountains with some cloud compress to."""
        return 0.0 if self.empty else self.region_px * (1.6 * self.bands + 1) / 1e6


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A partition's estimate, with the indexes it was made from.

    Attributes:
        estimate: The estimate.
        indexes: Index of each file by scene and band.
        hrefs: Addresses of these files.
    """

    estimate: Estimate
    indexes: Mapping[tuple[str, str], BlockIndex] = field(default_factory=dict)
    hrefs: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to plan.

    Attributes:
        search: Which items; its partition.
        composite: How several observations of a pixel become one.
        block_px: Edge of a block of the mosaic, pixels.
    """

    search: stac_items.Search
    composite: CompositeMethod
    block_px: int


def plan(order: Order) -> Planned:
    """Estimate what a partition costs; searches the catalogue and reads headers, no pixels.

    Args:
        order: What to plan.

    Returns:
        The estimate.

    Raises:
        SourceUnavailableError: The catalogue or a file's server does not answer.
        UnknownNameError: The catalogue does not have the collection.
        RegionError: The catalogue has nothing over the region.
        ConfigurationError: The catalogue denies access, or is none.
    """
    partition = order.search.partition
    snapshot = stac_items.find_items(order.search)
    if not snapshot.items:
        reason = stac_items.ALL_TOO_CLOUDY if snapshot.excluded else stac_items.NO_SCENE
        return Planned(estimate=Estimate(key=partition.key, empty=reason))
    scenes, left_out = band_stack.scenes_of(snapshot.items, partition)
    indexes: dict[tuple[str, str], BlockIndex] = {}
    usable = []
    with gdal_environment():
        for scene in scenes:
            try:
                of_scene = {band: read_block_index(file) for band, file in _files(scene).items()}
            except (SourceReadError, SourceContractError) as error:
                left_out[scene.id] = error.problem
                continue
            indexes |= {(scene.id, band): index for band, index in of_scene.items()}
            usable.append(with_indexes(scene, of_scene))
    outlines = {item["id"]: item["geometry"] for item in snapshot.items}
    cube = band_stack.describe(partition, usable, composite=order.composite)
    estimate = _estimate(partition, cube, outlines, indexes, order.block_px)
    estimate = replace(estimate, items=len(snapshot.items), left_out=left_out)
    hrefs = tuple(file.href for scene in usable for file in _files(scene).values())
    return Planned(estimate=estimate, indexes=indexes, hrefs=hrefs)


def _files(scene: Scene) -> dict[str, SourceFile]:
    return {**scene.bands, **({"quality": scene.quality} if scene.quality else {})}


def _estimate(
    partition: Partition,
    cube: VirtualCube,
    outlines: Mapping[str, dict[str, Any]],
    indexes: Mapping[tuple[str, str], BlockIndex],
    block_px: int,
) -> Estimate:
    foresight = Foresight(
        scenes=cube.scenes,
        outlines=outlines,
        indexes=indexes,
        region=partition.region.geometry,
        rule=next(node for node in cube.nodes.values() if isinstance(node, Composite)),
        valid=next((node for node in cube.nodes.values() if isinstance(node, ValidPixels)), None),
        bands=cube.bands,
    )
    geobox = region_geobox(partition.region)
    expected, most, largest, deepest = Cost(), Cost(), 0, 0
    for block in blocks(geobox, size=block_px, chunk=CHUNK):
        part = block.of(geobox)
        cost, n_scenes = foresight.cost(part)
        expected += cost
        most += foresight.cost(part, thorough=True)[0]
        largest = max(largest, int(part.shape[0]) * int(part.shape[1]))
        deepest = max(deepest, n_scenes)
    return Estimate(
        key=partition.key,
        files=len(indexes),
        expected=expected,
        most=most,
        region_px=int(geobox.shape[0]) * int(geobox.shape[1]),
        bands=len(cube.bands),
        block_px=largest,
        scenes_in_block=deepest,
    )
