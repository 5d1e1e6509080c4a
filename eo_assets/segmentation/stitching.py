"""Joining what the edges of tiles cut: which pieces on either side are one segment.

Both windows saw a margin beyond the edge. A piece that its own window continues beyond the edge
joins the piece there that covers most of it; where the windows drew the same segment that is the
other half. So no segment ends at an edge because a tile does. The rule looks at the labels of the
two windows alone, and they depend on the pixels alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from eo_assets.segmentation.method import Labels

Links = npt.NDArray[np.int64]
"""Pairs of pieces that are one segment, ``(pair, 2)``."""

_Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EdgeSide:
    """What one tile knows of an edge.

    Attributes:
        pieces: The tile's pieces along the edge, ``(along,)``; 0 where there is none.
        zone: Its window's labels around the edge, ``(along, 2 × margin)``.
        sizes: Pixels of each piece within the tile, by its number.
    """

    pieces: Labels
    zone: Labels
    sizes: _Counts


def links_across(first: EdgeSide, second: EdgeSide, *, smallest_px: int) -> Links:
    """Find the pieces on either side of an edge that belong together.

    Args:
        first: The tile in the north or west.
        second: The tile in the south or east.
        smallest_px: Smaller pieces join a neighbour even if their window ended them at the edge.

    Returns:
        Pairs: a piece of the first tile and one of the second.
    """
    middle = first.zone.shape[1] // 2
    shared = _overlaps(first.zone, second.zone, middle)
    touching = (first.pieces > 0) & (second.pieces > 0)
    links = []
    for own, other, turned in ((first, second, False), (second, first, True)):
        continues = own.zone[:, middle - 1] == own.zone[:, middle]
        continues |= own.sizes[own.pieces] < smallest_px
        rows = np.flatnonzero(touching & continues)
        mine, theirs = own.pieces[rows], other.pieces[rows]
        # by piece, then the largest overlap, then the smallest number
        order = np.lexsort((theirs, -shared[rows], mine))
        _, best = np.unique(mine[order], return_index=True)
        pair = (mine[order][best], theirs[order][best])
        links.append(np.stack(pair[::-1] if turned else pair, axis=1))
    return np.concatenate(links).astype(np.int64)


def _overlaps(first: Labels, second: Labels, middle: int) -> _Counts:
    """For each place along the edge, pixels the two segments that meet there share in the zone."""
    width = np.int64(max(int(second.max()), 0) + 1)
    keys = first.astype(np.int64) * width + second
    pairs, counts = np.unique(keys, return_counts=True)
    meeting = first[:, middle - 1].astype(np.int64) * width + second[:, middle]
    places = np.minimum(np.searchsorted(pairs, meeting), len(pairs) - 1)
    return np.where(pairs[places] == meeting, counts[places], 0)


def number_segments(n_pieces: int, links: Sequence[Links]) -> Labels:
    """Number the segments: pieces that are linked share a number.

    Args:
        n_pieces: Number of pieces of all tiles.
        links: Pairs of pieces, numbered from 1 over all tiles.

    Returns:
        The segment of each piece, int32 ``(1 + n_pieces,)``; that of piece 0, which is none, is 0.
        Segments count from 1 in the order of their first piece.
    """
    pairs = np.concatenate([*links, np.zeros((0, 2), np.int64)])
    graph = coo_array(
        (np.ones(len(pairs), bool), (pairs[:, 0], pairs[:, 1])), shape=(n_pieces + 1,) * 2
    )
    _, components = connected_components(graph, directed=False)
    # components are numbered as they are met, which no document of SciPy's promises
    _, firsts, inverse = np.unique(components, return_index=True, return_inverse=True)
    numbers = np.empty(len(firsts), np.int32)
    numbers[np.argsort(firsts)] = np.arange(len(firsts), dtype=np.int32)
    return numbers[inverse]
