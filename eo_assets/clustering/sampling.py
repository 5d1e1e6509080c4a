"""Choosing pixels by a hash of where they lie, so that a sample depends on nothing else.

Blocks, chunks and workers cannot change it: a pixel is in or out on its own account. The same
pixel draws the same number whenever its grid is the same, so dates share their sample positions.
"""

from __future__ import annotations

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
    y = np.arange(*rows, dtype=np.int64).astype(np.uint64)
    x = np.arange(*cols, dtype=np.int64).astype(np.uint64) & np.uint64(0xFFFFFFFF)
    z = (y << np.uint64(32))[:, None] | x[None, :]
    z += np.uint64((seed * 0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15) % _END)
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


def hash_limit(n_valid: int, size: int) -> int:
    """The hash up to which pixels are taken, so that about ``size`` of ``n_valid`` are.

    A little below the fair share: the number taken scatters by its square root, and more than
    ``size`` would have to be cut.
    """
    if n_valid <= size:
        return _END - 1
    share = size / n_valid * (1 - 3 / size**0.5)
    return int(max(share, 0.0) * _END)


def in_hash_order(hashes: Hashes, pixels: Packed, size: int) -> Packed:
    """Put sampled pixels ``(pixel, band)`` in the order of their hashes and keep ``size``."""
    ordered: Packed = pixels[np.argsort(hashes, kind="stable")[:size]]
    return ordered
