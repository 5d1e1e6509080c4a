"""Curves and dates of seasons against the sample world's own seasons, whose dates are known."""

from __future__ import annotations

import numpy as np
import pytest

from eo_assets.parcels.season import (
    double_logistic,
    fit_double_logistic,
    phenology,
    whittaker,
)
from eo_assets.sample.landcover import Cover
from eo_assets.sample.season import SEASONS

SAMPLE_DAYS = np.array([111, 146, 196, 206, 218, 266, 286], float)
"""Sample archive's usable dates of 2023."""

YEAR = np.arange(1, 366.0)
DENSE = np.arange(80, 321, 5.0)


def known(cover: Cover) -> np.ndarray:
    """Parameters of a class's season at its reference altitude."""
    s = SEASONS[cover]
    return np.array([s.winter, s.summer, s.start, s.rise, s.end, s.fall])


def daily(days):
    return np.arange(days[0], days[-1] + 1)


def test_whittaker_is_the_solution_of_its_equations():
    rng = np.random.default_rng(1)
    days = np.array([3, 4, 9, 20, 31.0])
    values, weights = rng.uniform(0, 1, 5), rng.uniform(0.2, 1, 5)
    n = 29
    difference = np.diff(np.eye(n), 2, axis=0)
    w, y = np.zeros(n), np.zeros(n)
    w[(days - 3).astype(int)], y[(days - 3).astype(int)] = weights, values
    expected = np.linalg.solve(np.diag(w) + 50 * difference.T @ difference, w * y)
    np.testing.assert_allclose(whittaker(days, values, weights, smoothness=50), expected, atol=1e-9)


def test_whittaker_passes_by_what_was_hardly_seen():
    days, values = np.array([100, 120, 140, 160, 180.0]), np.array([0.2, 0.4, 0.0, 0.6, 0.6])
    trusting = whittaker(days, values, np.ones(5), smoothness=100)
    doubting = whittaker(days, values, np.array([1, 1, 0.01, 1, 1]), smoothness=100)
    assert trusting[40] < 0.1
    assert 0.4 < doubting[40] < 0.65


@pytest.mark.parametrize("cover", [Cover.SUMMER_CROP, Cover.MEADOW, Cover.BEECH])
@pytest.mark.parametrize("method", ["whittaker", "double_logistic"])
def test_dense_dates_give_the_known_dates_within_three_days(cover, method):
    truth = double_logistic(DENSE, known(cover))
    noisy = truth + np.random.default_rng(2).normal(0, 0.01, len(DENSE))
    at = daily(DENSE)
    if method == "whittaker":
        curve = whittaker(DENSE, noisy, np.ones(len(DENSE)), smoothness=300)
    else:
        curve = double_logistic(at, fit_double_logistic(DENSE, noisy, np.ones(len(DENSE))))
    assert np.abs(curve - double_logistic(at, known(cover))).max() < 0.03
    found = phenology(at, curve)
    assert found.start == pytest.approx(SEASONS[cover].start, abs=3)
    assert found.end == pytest.approx(SEASONS[cover].end, abs=3)


@pytest.mark.parametrize("cover", [Cover.SUMMER_CROP, Cover.MEADOW])
def test_seven_dates_give_the_known_dates_within_a_week(cover):
    values = double_logistic(SAMPLE_DAYS, known(cover))
    parameters = fit_double_logistic(SAMPLE_DAYS, values, np.ones(7))
    found = phenology(YEAR, double_logistic(YEAR, parameters), seen=(111, 286))
    assert found.start == pytest.approx(SEASONS[cover].start, abs=7)
    assert found.end == pytest.approx(SEASONS[cover].end, abs=7)


def test_another_threshold_moves_the_dates_as_the_logistic_says():
    at = np.arange(60, 350.0)
    curve = double_logistic(at, known(Cover.SUMMER_CROP))
    s = SEASONS[Cover.SUMMER_CROP]
    early = phenology(at, curve, threshold=0.2)
    assert early.start == pytest.approx(s.start - np.log(4) / s.rise, abs=0.5)
    assert early.end == pytest.approx(s.end + np.log(4) / s.fall, abs=0.5)


def test_a_start_before_the_first_date_is_not_invented():
    truth = known(Cover.CEREAL)
    end = SEASONS[Cover.CEREAL].end
    window = daily(SAMPLE_DAYS)
    # by either way: the curve of the dates alone, and that of the whole year
    for days, seen in ((window, (-np.inf, np.inf)), (YEAR, (111, 286))):
        found = phenology(days, double_logistic(days, truth), seen=seen)
        assert np.isnan(found.start)
        assert found.end == pytest.approx(end, abs=2)


def test_no_season_without_amplitude_and_no_fit_with_few_dates():
    flat = phenology(np.arange(100, 200.0), np.full(100, 0.7))
    assert np.isnan([flat.start, flat.peak, flat.end]).all()
    assert fit_double_logistic(SAMPLE_DAYS[:4], np.ones(4) / 2, np.ones(4)) is None
