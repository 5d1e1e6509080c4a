import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from eo_assets.clustering.sampling import hash_limit, in_hash_order, pixel_hashes


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
    assert hash_limit(1000, 1000) == 2**64 - 1


def test_the_limit_takes_nearly_the_size_and_never_more():
    hashes = pixel_hashes((0, 1000), (0, 1000), seed=0)
    taken = np.count_nonzero(hashes <= np.uint64(hash_limit(hashes.size, 20_000)))
    assert 19_000 < taken <= 20_000


def test_a_sample_is_ordered_by_hash_and_cut():
    hashes = np.array([30, 10, 20], np.uint64)
    pixels = np.array([[3], [1], [2]], np.uint16)
    assert in_hash_order(hashes, pixels, 2).tolist() == [[1], [2]]
