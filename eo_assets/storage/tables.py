"""Tables as Parquet, and arrays as NumPy's own files, wherever products lie."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from eo_assets.places import Place, reading, writing


def write_table(
    path: Place, table: pd.DataFrame, *, compression: Literal["snappy", "zstd"] = "snappy"
) -> None:
    """Write a table as Parquet; one with a geometry as GeoParquet.

    Args:
        path: The file to write.
        table: The table; its index is left out.
        compression: Of the columns.
    """
    with writing(path) as local:
        table.to_parquet(local, compression=compression, index=False)


def read_table(path: Place, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Read a table from Parquet; without its geometry.

    Args:
        path: The file.
        columns: Those to read; all when not given.

    Returns:
        The table.

    Raises:
        FileNotFoundError: There is none.
    """
    with reading(path) as local:
        return pd.read_parquet(local, columns=None if columns is None else list(columns))


def write_array(path: Place, values: npt.NDArray[Any]) -> None:
    """Write an array as ``.npy``."""
    with writing(path) as local:
        np.save(local, values)


@contextlib.contextmanager
def mapped_array(path: Place) -> Iterator[npt.NDArray[Any]]:
    """Give an array of an ``.npy`` file, of which only what is used is read into memory.

    Args:
        path: The file.

    Yields:
        The array; to be used while the block lasts.
    """
    with reading(path) as local:
        yield np.load(local, mmap_mode="r")
