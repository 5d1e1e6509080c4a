"""Seeded random fields: the only source of chance in the sample world.

A field is named; its name is its seed. What one field looks like therefore depends neither on
which fields were drawn before it nor on which process draws it.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 20230715

_SPLINE_STD = 151 / 315
"""Standard deviation of unit white noise after cubic B-spline interpolation in two dimensions."""


def generator(name: str) -> np.random.Generator:
    """The random generator that belongs to a name."""
    return np.random.default_rng([SEED, zlib.crc32(name.encode())])


def white(name: str, shape: tuple[int, int]) -> NDArray[np.float32]:
    """White Gaussian noise of mean 0 and standard deviation 1, float32, dims ``(y, x)``."""
    return generator(name).standard_normal(shape, dtype=np.float32)


def _spline_weights(size: int, cell: float) -> sparse.csr_array:
    """Cubic B-spline weights from a lattice of spacing ``cell`` pixels to ``size`` pixels."""
    position = (np.arange(size) + 0.5) / cell
    knot = np.floor(position).astype(int)
    t = position - knot
    weights = np.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    )
    columns = knot + np.arange(4)[:, None]
    rows = np.broadcast_to(np.arange(size), columns.shape)
    return sparse.csr_array(
        ((weights / 6).ravel().astype(np.float32), (rows.ravel(), columns.ravel())),
        shape=(size, int(knot[-1]) + 4),
    )


def spline(lattice_name: str, shape: tuple[int, int], cell: float) -> NDArray[np.float32]:
    """Smooth Gaussian noise: a cubic B-spline surface through random knots.

    Args:
        lattice_name: Name, hence seed, of the field.
        shape: Rows and columns.
        cell: Distance of the knots in pixels: the size of the field's features.

    Returns:
        Field of mean 0 and standard deviation about 1, float32, dims ``(y, x)``.
    """
    down, across = (_spline_weights(size, cell) for size in shape)
    knots = white(lattice_name, (down.shape[1], across.shape[1]))
    rows = np.ascontiguousarray((across @ knots.T).T)
    field: NDArray[np.float32] = down @ rows
    field *= np.float32(1 / _SPLINE_STD)
    return field


def fractal(
    name: str, shape: tuple[int, int], cell: float, *, octaves: int, gain: float = 0.5
) -> NDArray[np.float32]:
    """Sum of smooth noise at halving feature sizes (fractional Brownian motion).

    Args:
        name: Name, hence seed, of the field.
        shape: Rows and columns.
        cell: Feature size of the first octave, pixels.
        octaves: Number of octaves.
        gain: Amplitude of an octave relative to the one before.

    Returns:
        Field of mean 0 and standard deviation about 1, float32, dims ``(y, x)``.
    """
    total = np.zeros(shape, np.float32)
    for octave in range(octaves):
        total += gain**octave * spline(f"{name}/{octave}", shape, cell / 2**octave)
    total /= np.float32(np.sqrt(sum(gain ** (2 * octave) for octave in range(octaves))))
    return total


def ridged(
    name: str, shape: tuple[int, int], cell: float, *, octaves: int, gain: float = 0.5
) -> NDArray[np.float32]:
    """Ridged noise: sharp crests, round valleys; each octave is strongest on the last one's crests.

    Arguments as for :func:`fractal`.

    Returns:
        Field of mean about 0 in about -1…1, float32, dims ``(y, x)``.

    References:
        Musgrave, in Ebert et al., Texturing and Modeling (1994): the ridged multifractal.
    """
    total = np.zeros(shape, np.float32)
    weight = np.ones(shape, np.float32)
    for octave in range(octaves):
        crest = 1 - np.abs(spline(f"{name}/{octave}", shape, cell / 2**octave))
        total += gain**octave * weight * crest
        weight = np.clip(0.5 + 0.5 * crest, 0, 1)
    return total - np.float32(total.mean())
