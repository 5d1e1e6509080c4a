import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eo_assets.clustering.sampling import cell_width, in_hash_order, one_a_cell, pixel_hashes


@given(row=st.integers(-(2**30), 2**30), col=st.integers(-(2**30), 2**30), seed=st.integers(0, 99))
def test_a_pixel_has_the_same_hash_in_every_window_that_holds_it(row, col, seed):
    alone = pixel_hashes((row, row + 1), (col, col + 1), seed=seed)
    among = pixel_hashes((row - 2, row + 3), (col - 1, col + 4), seed=seed)
    assert among[2, 1] == alone[0, 0]


def test_neighbouring_pixels_draw_different_and_uniform_numbers():
    hashes = pixel_hashes((-100, 100), (-150, 150), seed=3)
    assert len(np.unique(hashes)) == hashes.size
    counts, _ = np.histogram(hashes / 2.0**64, bins=20, range=(0, 1))
    expected = hashes.size / 20
    # chi-square with 19 degrees of freedom: 43.8 is exceeded once in a thousand
    assert ((counts - expected) ** 2 / expected).sum() < 43.8


def test_seeds_choose_different_pixels():
    assert not np.array_equal(
        pixel_hashes((0, 9), (0, 9), seed=0), pixel_hashes((0, 9), (0, 9), seed=1)
    )


def test_few_pixels_are_all_taken():
    width = cell_width(1000, 1000)
    assert one_a_cell((3, 23), (-9, 41), width=width, seed=0).all()


@pytest.mark.parametrize("size", [400, 20_000, 300_000])
def test_a_sample_is_nearly_as_large_as_asked_for(size):
    taken = one_a_cell((-300, 700), (100, 1100), width=cell_width(10**6, size), seed=0)
    # wide cells hold a pixel each; narrow ones may choose the same
    assert (0.75 if size > 100_000 else 0.9) * size < np.count_nonzero(taken) <= 1.03 * size


@given(
    row=st.integers(-(10**6), 10**6),
    col=st.integers(-(10**6), 10**6),
    width=st.floats(1.01, 40),
    seed=st.integers(0, 99),
)
def test_a_pixel_is_chosen_whatever_the_window(row, col, width, seed):
    whole = one_a_cell((row, row + 30), (col, col + 20), width=width, seed=seed)
    part = one_a_cell((row + 7, row + 19), (col + 3, col + 20), width=width, seed=seed)
    assert np.array_equal(whole[7:19, 3:], part)


def test_every_part_of_the_ground_has_its_share():
    taken = one_a_cell((0, 1000), (0, 1000), width=10, seed=1)
    # exactly one in each cell, where choosing freely would leave a third of them empty
    assert (taken.reshape(100, 10, 100, 10).sum(axis=(1, 3)) == 1).all()
    inside = np.argwhere(taken) % 10
    counts = np.bincount(inside[:, 0] * 10 + inside[:, 1], minlength=100)
    # chi-square with 99 degrees of freedom: 148 is exceeded once in a thousand
    assert ((counts - 100) ** 2 / 100).sum() < 148


def test_a_sample_is_ordered_by_hash_and_cut():
    hashes = np.array([30, 10, 20], np.uint64)
    pixels = np.array([[3], [1], [2]], np.uint16)
    assert in_hash_order(hashes, pixels, 2).tolist() == [[1], [2]]
