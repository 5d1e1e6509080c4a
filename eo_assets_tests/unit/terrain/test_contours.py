"""Contours of a cone are circles; blocks give the contours of the whole."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from affine import Affine
from shapely.geometry import box

from eo_assets.terrain.contours import contour_lines, join_blocks

PIXEL = Affine(10, 0, 400_000, 0, -10, 5_001_000)
CENTRE = 400_505.0, 5_000_495.0


def cone(shape=(101, 101), slope=0.5) -> np.ndarray:
    rows, columns = np.indices(shape, dtype=np.float64) - 50
    return (1000 - slope * 10 * np.hypot(rows, columns)).astype(np.float32)


def joined(blocks, within=None):
    outline = within or box(400_000, 4_999_000, 402_000, 5_001_000)
    return list(join_blocks(blocks, within=outline))


def test_a_cones_contours_are_circles_of_the_radius_their_height_has():
    lines = joined([contour_lines(cone(), PIXEL, interval_m=50)])
    closed = [(level, line) for level, line in lines if level >= 800]
    assert [level for level, _ in closed] == [800, 850, 900, 950]
    for level, line in closed:
        assert line.is_closed
        radius = np.hypot(*(shapely.get_coordinates(line) - CENTRE).T)
        np.testing.assert_allclose(radius, (1000 - level) / 0.5, atol=0.6)


def test_blocks_that_share_a_row_of_pixels_give_the_contours_of_the_whole():
    z = cone()
    whole = joined([contour_lines(z, PIXEL, interval_m=50)])
    parts = []
    for rows in (slice(0, 38), slice(37, 101)):
        for columns in (slice(0, 61), slice(60, 101)):
            place = PIXEL * Affine.translation(columns.start, rows.start)
            parts.append(contour_lines(z[rows, columns], place, interval_m=50))
    together = joined(parts)
    assert [level for level, _ in together] == [level for level, _ in whole]
    for (_, one), (_, other) in zip(together, whole, strict=True):
        assert shapely.hausdorff_distance(one, other) < 0.01
        assert one.length == pytest.approx(other.length, abs=0.05)
        assert one.is_closed == other.is_closed


def test_contours_end_at_unknown_heights_and_at_the_outline():
    z = cone()
    z[:, :20] = np.nan
    outline = box(400_000, 5_000_300, 400_700, 5_000_900)
    for _, line in joined([contour_lines(z, PIXEL, interval_m=50)], outline):
        assert outline.buffer(0.01).covers(line)
        assert line.bounds[0] >= 400_000 + 205 - 0.01


def test_flat_and_unknown_blocks_have_no_contour():
    assert contour_lines(np.full((5, 5), np.nan, np.float32), PIXEL, interval_m=10) == {}
    assert contour_lines(np.full((5, 5), 101.0, np.float32), PIXEL, interval_m=10) == {}
    assert contour_lines(np.full((1, 5), 100.0, np.float32), PIXEL, interval_m=10) == {}
