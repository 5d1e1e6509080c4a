"""Where the blocks of a source file lie in it: what reading a window costs, told by its header.

No pixel is decoded. Sizes are those of the compressed blocks as they are sent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import rasterio

from eo_assets.cube.access import INGESTED_BYTES, with_file
from eo_assets.cube.alignment import Window2D
from eo_assets.cube.grid import Grid
from eo_assets.cube.scene import Scene, SourceFile

Int = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cost:
    """What reading costs.

    Attributes:
        windows: Windows read.
        pixels: Pixels of these windows.
        blocks: Blocks of files decoded.
        bytes: Compressed bytes of these blocks.
        ranges: Stretches of files that these bytes lie in; HTTP requests when files are remote.
    """

    windows: int = 0
    pixels: int = 0
    blocks: int = 0
    bytes: int = 0
    ranges: int = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.windows + other.windows,
            self.pixels + other.pixels,
            self.blocks + other.blocks,
            self.bytes + other.bytes,
            self.ranges + other.ranges,
        )


@dataclass(frozen=True, eq=False)
class BlockIndex:
    """The blocks of a file.

    Attributes:
        grid: The file's grid.
        block: Rows and columns of a block, pixels.
        starts: Where each block starts in the file, bytes; 0 for a block that is all nodata and
            was left out. Dims ``(row, column)`` of blocks.
        sizes: Length of each block, bytes; dims as ``starts``.
    """

    grid: Grid
    block: tuple[int, int]
    starts: Int
    sizes: Int

    def cost(self, window: Window2D) -> Cost:
        """Tell what reading a window costs.

        Args:
            window: Rows and columns of the file.

        Returns:
            The cost. Blocks that follow one another in the file are one range.
        """
        rows, columns = _blocks_under(window, self.block)
        starts, sizes = self.starts[rows, columns].ravel(), self.sizes[rows, columns].ravel()
        order = np.argsort(starts, kind="stable")
        starts, sizes = starts[order][sizes[order] > 0], sizes[order][sizes[order] > 0]
        # what came with the header is not asked for again
        beyond = starts + sizes > INGESTED_BYTES
        starts_beyond, ends_beyond = starts[beyond], (starts + sizes)[beyond]
        gaps = starts_beyond[1:] - ends_beyond[:-1]
        return Cost(
            windows=1,
            pixels=(window[0].stop - window[0].start) * (window[1].stop - window[1].start),
            blocks=len(starts),
            bytes=int(sizes.sum()),
            ranges=int(len(starts_beyond) > 0) + int((gaps > _LEADER_BYTES).sum()),
        )


_LEADER_BYTES = 8
"""A COG's blocks have their length before and their last bytes again behind them."""


def read_block_index(file: SourceFile) -> BlockIndex:
    """Read where the blocks of a file lie.

    Args:
        file: The file.

    Returns:
        Its index.

    Raises:
        SourceReadError: The file is absent or not a GeoTIFF.
        SourceUnavailableError: Its server does not answer.
    """
    return with_file(_index, file.href)[0]


def with_indexes(scene: Scene, indexes: dict[str, BlockIndex]) -> Scene:
    """Give a scene that knows the grids of its files.

    Args:
        scene: The scene.
        indexes: Index of each band; ``quality`` of the quality band.

    Returns:
        The scene with grids.
    """
    bands = {
        name: band.model_copy(update={"grid": indexes[name].grid})
        for name, band in scene.bands.items()
    }
    quality = scene.quality and scene.quality.model_copy(update={"grid": indexes["quality"].grid})
    return scene.model_copy(update={"bands": bands, "quality": quality})


def stored_bytes(file: SourceFile, window: Window2D) -> int:
    """Tell how large the blocks under a window of a file are as they are stored.

    Only these are looked up: a whole index would take longer than reading a small window.

    Args:
        file: A file that has just been read.
        window: Rows and columns of it.

    Returns:
        Bytes; 0 for an array of a Zarr.
    """
    layer = file.layer
    if isinstance(layer, str):
        return 0

    def size(dataset: rasterio.DatasetReader) -> int:
        rows, columns = _blocks_under(window, dataset.block_shapes[layer - 1])
        return sum(
            _block_tag(dataset, "SIZE", y, x, layer)
            for y in range(rows.start, rows.stop)
            for x in range(columns.start, columns.stop)
        )

    return with_file(size, file.href)[0]


def _blocks_under(window: Window2D, block: tuple[int, int]) -> Window2D:
    rows, columns = (
        slice(span.start // size, -(-span.stop // size))
        for span, size in zip(window, block, strict=True)
    )
    return rows, columns


def _block_tag(
    dataset: rasterio.DatasetReader, what: str, row: int, column: int, layer: int
) -> int:
    """Give offset or size of a block, bytes; 0 of one that was left out."""
    return int(dataset.get_tag_item(f"BLOCK_{what}_{column}_{row}", "TIFF", bidx=layer) or 0)


def _index(dataset: rasterio.DatasetReader) -> BlockIndex:
    height, width = dataset.block_shapes[0]
    shape = -(-dataset.height // height), -(-dataset.width // width)
    starts, sizes = (
        np.array(
            [
                [_block_tag(dataset, what, y, x, 1) for x in range(shape[1])]
                for y in range(shape[0])
            ],
            np.int64,
        )
        for what in ("OFFSET", "SIZE")
    )
    return BlockIndex(grid=Grid.of_file(dataset), block=(height, width), starts=starts, sizes=sizes)
