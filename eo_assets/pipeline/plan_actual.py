"""What a partition did cost, from its read log; and how fast earlier ones were."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eo_assets.cube.block_index import BlockIndex, Cost
from eo_assets.errors import ArtifactError
from eo_assets.pipeline import mosaic
from eo_assets.places import Place
from eo_assets.storage.partition import Partition
from eo_assets.storage.read_log import OK, read_reads
from eo_assets.storage.store import Store

READ_MPX_PER_S = 6.0
"""Of one reading thread, local disk, DEFLATE with predictor; measured on two shared cores."""

LATER_S_PER_MPX = 1.6
"""From mosaic to report, a worker's seconds for a million pixels of ten bands; measured there."""

FIXED_S = 4.0
"""Of a partition with scenes: six steps, figures, page."""

EMPTY_S = 0.5
"""Of a partition without scenes."""

LOGS = 50
"""Read logs looked at; more tell little more."""


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """How fast files are read.

    Attributes:
        mpx_per_s: Million source pixels a second, of one reading thread.
        origin: Where the number comes from.
    """

    mpx_per_s: float
    origin: str

    def seconds(self, *, empty: bool, source_px: int, region_px: int, readers: int) -> float:
        """Estimate how long a partition takes.

        Args:
            empty: It has no scenes.
            source_px: Pixels to read.
            region_px: Pixels of the grid.
            readers: Reading threads of all workers.

        Returns:
            Seconds.
        """
        if empty:
            return EMPTY_S
        reading = source_px / 1e6 / self.mpx_per_s / readers
        return FIXED_S + reading + LATER_S_PER_MPX * region_px / 1e6


def calibrate(store: Store) -> Calibration:
    """Measure reading from the read logs of earlier partitions, if there are any.

    Args:
        store: Where products are.

    Returns:
        The calibration; it says where it is from.
    """
    folders = (store.place_of(product) for product in store.products(mosaic.STEP)[-LOGS:])
    logs = [folder / mosaic.READS for folder in folders if (folder / mosaic.READS).is_file()]
    pixels, seconds = (sum(figures) for figures in zip((0, 0.0), *map(_speed, logs), strict=True))
    if not seconds:
        return Calibration(
            mpx_per_s=READ_MPX_PER_S, origin="constants measured with the sample archive"
        )
    return Calibration(
        mpx_per_s=pixels / 1e6 / seconds, origin=f"read logs of {len(logs)} earlier partitions"
    )


def _speed(log: Place) -> tuple[int, float]:
    reads = read_reads(log)
    return int(reads.pixels.sum()), float(reads.seconds.sum())


def actual_cost(
    store: Store, partition: Partition, indexes: Mapping[tuple[str, str], BlockIndex]
) -> Cost | None:
    """Tell what was read for a stored mosaic.

    Args:
        store: Where products are.
        partition: The partition.
        indexes: Index of each file by scene and band.

    Returns:
        The cost of the windows in its read log; None when it has none.
    """
    try:
        record = store.read_record(partition, mosaic.STEP)
    except ArtifactError:
        return None
    if "reads" not in record.files:
        return Cost()
    reads = read_reads(store.folder(partition, mosaic.STEP) / record.files["reads"])
    done = reads[reads.outcome == OK]
    windows = done[["row", "rows", "column", "columns"]].to_numpy(dtype=int).tolist()
    total = Cost()
    for scene, band, (row, rows, column, columns) in zip(
        done.scene, done.band, windows, strict=True
    ):
        window = slice(row, row + rows), slice(column, column + columns)
        total += indexes[str(scene), str(band)].cost(window)
    return total
