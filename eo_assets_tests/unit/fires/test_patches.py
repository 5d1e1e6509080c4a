"""Patches drawn by hand; a pixel is 20 m, so 0.04 ha."""

import numpy as np
import pytest
from affine import Affine

from eo_assets.fires.patches import keep_large, least_pixels, patch_table

#  . unburnt  1 low  2 moderate-low  3 moderate-high  4 high  - not seen
DRAWN = """
11......
.2....3.
..4..33.
.....3..
-4......
4.....1.
"""
CODES = {".": 3, "1": 4, "2": 5, "3": 6, "4": 7, "-": 0}


@pytest.fixture
def codes():
    return np.array([[CODES[one] for one in line] for line in DRAWN.split()], np.uint8)


@pytest.mark.parametrize(
    ("least_ha", "pixels"), [(0.0, 1), (0.04, 1), (0.041, 2), (0.16, 4), (1.0, 25)]
)
def test_the_mapping_unit_is_the_least_area(least_ha, pixels):
    assert least_pixels(least_ha, 0.04) == pixels


@pytest.mark.parametrize(
    ("least_px", "kept", "dropped"),
    # by hand: patches of 4 (upper left), 4 (right), 2 (lower left, joined by a corner), 1
    [(1, 11, 0), (2, 10, 1), (3, 8, 3), (4, 8, 3), (5, 0, 11)],
)
def test_small_patches_become_unburnt(codes, least_px, kept, dropped):
    patches = keep_large(codes, least_px)
    burnt = np.isin(patches.codes, (4, 5, 6, 7))
    assert (int(burnt.sum()), patches.dropped_px) == (kept, dropped)
    assert np.array_equal(burnt, patches.labels > 0)
    assert (patches.codes[(codes != patches.codes)] == 3).all()
    assert patches.codes[4, 0] == 0


def test_patches_as_polygons(codes):
    transform = Affine(20, 0, 600_000, 0, -20, 5_000_000)
    table = patch_table(keep_large(codes, 2), transform, "EPSG:32635")
    assert table["patch"].tolist() == [1, 2, 3]
    assert table["burnt_ha"].tolist() == [0.16, 0.16, 0.08]
    assert table.geometry.area.tolist() == [1600, 1600, 800]
    assert table.geometry.is_valid.all()
    by_bounds = {tuple(row.geometry.bounds): row for row in table.itertuples()}
    upper_left = by_bounds[600_000, 4_999_940, 600_060, 5_000_000]
    assert (upper_left.low_ha, upper_left.moderate_low_ha, upper_left.high_ha) == (0.08, 0.04, 0.04)


def test_no_patch_is_an_empty_table():
    table = patch_table(keep_large(np.full((3, 3), 3, np.uint8), 1), Affine(20, 0, 0, 0, -20, 0),
                        "EPSG:32635")  # fmt: skip
    assert len(table) == 0
    assert table.crs.to_epsg() == 32635
