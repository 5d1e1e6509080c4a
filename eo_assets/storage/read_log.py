"""The read log of a mosaic: one row for each window read from a source file, as Parquet."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from eo_assets.cube.grid import Block
from eo_assets.cube.reading import Read
from eo_assets.places import Place, reading, writing

OK = "ok"
"""Outcome of a read that gave pixels; any other outcome says why it gave none."""

_TYPES = {
    "block": "int32",
    "block_row": "int32",
    "block_column": "int32",
    "scene": "string",
    "band": "string",
    "row": "int32",
    "column": "int32",
    "rows": "int32",
    "columns": "int32",
    "pixels": "int64",
    "bytes": "int64",
    "attempts": "int16",
    "seconds": "float32",
    "outcome": "string",
}


def write_reads(path: Place, reads: Iterable[tuple[Block, Read]]) -> None:
    """Store a read log.

    Columns: ``block``, ``block_row``, ``block_column`` (which block of the mosaic, and its first
    pixel), ``scene``, ``band``, ``row``, ``column``, ``rows``, ``columns`` (window in the file; 0
    where it failed), ``pixels`` (decoded), ``bytes`` (of their blocks, compressed), ``attempts``,
    ``seconds`` (waiting included), ``outcome`` (``ok``, or why nothing was read).

    Args:
        path: The file to write.
        reads: Each read, with the block of the mosaic it was for.
    """
    rows = [
        (
            *(block.index, block.rows[0], block.columns[0]),
            *(read.scene, read.band, *read.window, read.pixels, read.bytes),
            *(read.attempts, read.seconds),
            read.failure or OK,
        )
        for block, read in reads
    ]
    table = pd.DataFrame(rows, columns=list(_TYPES)).astype(_TYPES)
    table = table.sort_values(["block", "scene", "band"], kind="stable", ignore_index=True)
    with writing(path) as local:
        table.to_parquet(local, compression="zstd", index=False)


def read_reads(path: Place) -> pd.DataFrame:
    """Read a stored read log; see ``write_reads``."""
    with reading(path) as local:
        return pd.read_parquet(local)
