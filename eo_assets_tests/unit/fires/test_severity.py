import math
from itertools import pairwise

import numpy as np
import pytest

from eo_assets.fires.severity import BURNT, CLASSES, dnbr, is_burnt, rbr, rdnbr, severity

# USGS: dNBR x 1000 from and to of each class, as published
PUBLISHED = {
    "regrowth_high": (-500, -251),
    "regrowth_low": (-250, -101),
    "unburnt": (-100, 99),
    "low": (100, 269),
    "moderate_low": (270, 439),
    "moderate_high": (440, 659),
    "high": (660, 1300),
}


@pytest.mark.parametrize(("key", "limits"), PUBLISHED.items())
def test_classes_begin_and_end_where_the_usgs_says(key, limits):
    [code] = [one.code for one in CLASSES if one.key == key]
    values = np.array([[limit / 1000 for limit in limits]], np.float32)
    assert severity(values, np.ones_like(values, bool)).tolist() == [[code, code]]


def test_what_was_not_seen_or_not_vegetated_has_no_severity():
    values = np.array([0.9, np.nan, 0.9], np.float32)
    codes = severity(values, np.array([True, True, False]))
    assert codes.tolist() == [7, 0, 8]
    assert is_burnt(codes).tolist() == [True, False, False]


def test_relative_indices_by_hand():
    before, after = (
        np.array([0.64, 0.0, -0.25], np.float32),
        np.array([0.1, -0.2, -0.3], np.float32),
    )
    lost = dnbr(before, after)
    assert lost == pytest.approx([0.54, 0.2, 0.05], abs=1e-6)
    assert rbr(lost, before) == pytest.approx([0.54 / 1.641, 0.2 / 1.001, 0.05 / 0.751], rel=1e-5)
    expected = [0.54 / 0.8, 0.2 / math.sqrt(0.001), 0.05 / 0.5]
    assert rdnbr(lost, before) == pytest.approx(expected, rel=1e-5)


def test_severity_is_an_order_of_lightness():
    """Whoever sees no colours sees the order: CIE luminance falls from class to class."""

    def luminance(colour):
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    unburnt = next(one for one in CLASSES if one.key == "unburnt")
    light = [luminance(one.colour) for one in (unburnt, *BURNT)]
    assert all(first > 1.2 * second for first, second in pairwise(light))
