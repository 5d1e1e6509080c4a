"""Choosing pixels by a hash of where they lie, so that a sample depends on nothing else.

Blocks, chunks and workers cannot change it: a pixel is in or out on its own account. The ground is
cut into square cells and each offers one pixel, so that every part of a region has its share.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from eo_assets.clustering.bands import Packed

Hashes = npt.NDArray[np.uint64]

_END = 2**64


def pixel_hashes(rows: tuple[int, int], cols: tuple[int, int], *, seed: int) -> Hashes:
    """Give every pixel of a window a number that looks random.

    Args:
        rows: First row and the row after the last, counted on a grid that does not move with the
            region; may be negative.
        cols: The same for columns.
        seed: Another seed gives other numbers.

    Returns:
        ``(row, col)``, uniform over all 64-bit integers.

    References:
        The finaliser of SplitMix64: Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195.
    """
    return hashes_at(np.arange(*rows)[:, None], np.arange(*cols)[None, :], seed=seed)


def hashes_at(
    rows: npt.NDArray[np.integer[Any]], cols: npt.NDArray[np.integer[Any]], *, seed: int
) -> Hashes:
    """The numbers ``pixel_hashes`` gives to pixels of these rows and columns, broadcast."""
    y = rows.astype(np.int64).astype(np.uint64)
    x = cols.astype(np.int64).astype(np.uint64) & np.uint64(0xFFFFFFFF)
    z = (y << np.uint64(32)) | x
    z += np.uint64((seed * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) % _END)
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


def cell_width(n_valid: int, size: int) -> float:
    """Side of cells, pixels, of which ``n_valid`` pixels fill about ``size``; at least 1.

    A little above the fair width: more than ``size`` pixels would have to be cut.
    """
    if n_valid <= size:
        return 1.0
    return math.sqrt(n_valid / size) * (1 + 1 / size**0.5)


def one_a_cell(
    rows: tuple[int, int], cols: tuple[int, int], *, width: float, seed: int
) -> npt.NDArray[np.bool_]:
    """Choose one pixel of each square cell of the ground: a stratified sample.

    Args:
        rows: First row and the row after the last, counted on a grid that does not move with the
            region; may be negative.
        cols: The same for columns.
        width: Side of a cell, pixels, not necessarily whole; 1 or less takes every pixel.
        seed: Another seed chooses other pixels.

    Returns:
        Which pixels of the window are chosen, ``(row, col)``; the same whatever the window. A cell
        on the edge of the window may have its pixel outside it.

    References:
        Jittered sampling: Cook 1986, doi:10.1145/7529.8927.
    """
    shape = rows[1] - rows[0], cols[1] - cols[0]
    if width <= 1:
        return np.ones(shape, bool)
    # one cell more on each side than can reach in, whatever rounding does
    cells = [
        (math.floor(first / width) - 1, math.floor(last / width) + 2)
        for first, last in (rows, cols)
    ]
    hashes = pixel_hashes(*cells, seed=seed)
    # two numbers in [0, 1) a cell, from the upper and the lower half of its hash
    down = (hashes >> np.uint64(32)) / 2.0**32
    right = (hashes & np.uint64(0xFFFFFFFF)) / 2.0**32
    y = np.floor((np.arange(*cells[0])[:, None] + down) * width).astype(np.int64) - rows[0]
    x = np.floor((np.arange(*cells[1])[None, :] + right) * width).astype(np.int64) - cols[0]
    inside = (y >= 0) & (y < shape[0]) & (x >= 0) & (x < shape[1])
    chosen = np.zeros(shape, bool)
    chosen[y[inside], x[inside]] = True
    return chosen


def in_hash_order(hashes: Hashes, pixels: Packed, size: int) -> Packed:
    """Put sampled pixels ``(pixel, band)`` in the order of their hashes and keep ``size``."""
    ordered: Packed = pixels[np.argsort(hashes, kind="stable")[:size]]
    return ordered
