import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eo_assets.clustering.bands import StoredBand
from eo_assets.reporting.overview import (
    LONGEST_PX,
    NDVI_BINS,
    REFLECTANCE_BINS,
    average,
    band_histogram,
    decimation,
    middle,
    ndvi_histogram,
    quantile,
)

RED = StoredBand("red", "Red", 0.665, "1", 0.0001, 0.0, 0)
NIR = StoredBand("nir", "Near infrared", 0.842, "1", 0.0001, 0.0, 0)


@pytest.mark.parametrize(("side", "factor"), [(1, 1), (900, 1), (901, 2), (1800, 2), (10_980, 13)])
def test_an_overview_is_as_fine_as_its_longest_side_allows(side, factor):
    assert decimation((side, 7)) == factor
    assert -(-side // factor) <= LONGEST_PX


def test_missing_pixels_do_not_darken_an_average():
    packed = np.array([[1000, 0, 0, 0], [3000, 0, 0, 0], [500, 700, 8, 0]], np.uint16)
    assert average(packed, RED, 2) == pytest.approx(
        np.array([[0.2, np.nan], [0.06, 0.0008]]), nan_ok=True
    )


@given(rows=st.integers(1, 23), cols=st.integers(1, 23), factor=st.integers(1, 5))
def test_averages_equal_those_of_each_block_on_its_own(rows, cols, factor):
    packed = np.random.default_rng(rows * 31 + cols).integers(0, 3, (rows, cols)).astype(np.uint16)
    found = average(packed, RED, factor)
    for row in range(found.shape[0]):
        for col in range(found.shape[1]):
            block = packed[row * factor : (row + 1) * factor, col * factor : (col + 1) * factor]
            values = block[block > 0] * 0.0001
            expected = values.mean() if values.size else np.nan
            assert found[row, col] == pytest.approx(expected, rel=1e-5, nan_ok=True)


def test_codes_are_taken_from_the_middle_and_never_averaged():
    codes = np.arange(30, dtype=np.uint16).reshape(5, 6)
    assert middle(codes, 3).tolist() == [[7, 10], [25, 28]]
    assert middle(np.array([[300]], np.uint16), 3).tolist() == [[255]]


def test_the_histogram_counts_each_valid_pixel_once():
    red = np.array([[1000, 1000, 0, 2000]], np.uint16)
    nir = np.array([[3000, 3000, 5000, 1000]], np.uint16)
    counts = ndvi_histogram({"red": red, "nir": nir}, (RED, NIR))
    assert counts.sum() == 3
    assert counts[np.searchsorted(NDVI_BINS, 0.5, side="right") - 1] == 2
    assert counts[: len(counts) // 2].sum() == 1


def test_reflectance_is_counted_once_a_valid_pixel_and_what_lies_beyond_in_the_outer_bins():
    packed = np.array([[0, 1000, 1010], [1034, 1036, 40_000]], np.uint16)
    shifted = StoredBand("red", "Red", 0.665, "1", 0.0001, -0.1, 0)
    counts = band_histogram(packed, shifted)
    assert counts.sum() == 5
    assert counts[np.searchsorted(REFLECTANCE_BINS, 0.001) - 1] == 2
    assert counts[np.searchsorted(REFLECTANCE_BINS, 0.0035) - 1] == 2
    assert counts[-1] == 1


def test_the_median_reflectance_of_counts_is_that_of_the_pixels():
    packed = np.random.default_rng(5).integers(200, 4000, (300, 300)).astype(np.uint16)
    found = quantile(band_histogram(packed, RED), REFLECTANCE_BINS, 0.5)
    assert found == pytest.approx(np.median(packed) * 0.0001, abs=0.0025)


def test_without_near_infrared_there_is_no_histogram():
    assert ndvi_histogram({"red": np.ones((2, 2), np.uint16)}, (RED,)).sum() == 0
