import numpy as np

from eo_assets.segmentation.stitching import EdgeSide, links_across, number_segments


def side(zone, pieces):
    pieces = np.array(pieces, np.int32)
    return EdgeSide(pieces, np.array(zone, np.int32), 100 * np.ones(pieces.max() + 1, int))


def pairs(links):
    return sorted(set(map(tuple, links.tolist())))


def test_one_segment_that_both_windows_see_is_joined_once():
    zone = [[5, 5, 5, 5], [5, 5, 5, 5], [9, 9, 9, 9]]
    first, second = side(zone, [1, 1, 2]), side(zone, [1, 1, 2])
    assert pairs(links_across(first, second, smallest_px=5)) == [(1, 1), (2, 2)]


def test_a_border_both_windows_see_at_the_edge_stays():
    zone = [[5, 5, 6, 6]] * 3
    assert pairs(links_across(side(zone, [1] * 3), side(zone, [1] * 3), smallest_px=5)) == []


def test_windows_that_differ_by_one_row_do_not_melt_two_segments():
    first = side([[5, 5, 5, 5]] * 3 + [[6, 6, 6, 6]] * 5, [1] * 3 + [2] * 5)
    second = side([[7, 7, 7, 7]] * 4 + [[8, 8, 8, 8]] * 4, [1] * 4 + [2] * 4)
    assert pairs(links_across(first, second, smallest_px=5)) == [(1, 1), (2, 2)]


def test_what_one_window_continues_never_ends_at_the_edge():
    first = side([[5, 5, 5, 5]] * 6, [1] * 6)
    second = side([[7, 7, 7, 7]] * 2 + [[8, 8, 8, 8]] * 4, [1] * 2 + [2] * 4)
    assert pairs(links_across(first, second, smallest_px=5)) == [(1, 1), (1, 2)]


def test_nothing_joins_across_what_was_not_observed():
    zone = [[5, 5, 0, 0]] * 3
    second = EdgeSide(np.zeros(3, np.int32), np.zeros((3, 4), np.int32), np.zeros(1, int))
    assert pairs(links_across(side(zone, [1] * 3), second, smallest_px=5)) == []


def test_segments_are_numbered_by_their_first_piece():
    links = [np.array([[4, 2], [5, 4]])]
    assert number_segments(6, links).tolist() == [0, 1, 2, 3, 2, 2, 4]
    assert number_segments(2, []).tolist() == [0, 1, 2]
