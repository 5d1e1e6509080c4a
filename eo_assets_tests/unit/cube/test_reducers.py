"""Reducing observations, judged by NumPy's median, brute force and SciPy's minimiser."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize

from eo_assets.cube.reducers import REDUCERS, reduce_observations

BANDS = ("blue", "red", "nir")


def observations(seed, times=5, pixels=30):
    """Spectra with gaps: whole observations, and single bands of few."""
    rng = np.random.default_rng(seed)
    values = rng.integers(1, 9000, (times, len(BANDS), pixels)).astype(np.uint16)
    valid = rng.random((times, pixels)) < 0.7
    values[rng.random(values.shape) < 0.05] = 0
    return values, valid


def spectra(values, valid, pixel):
    """Positions of the complete valid observations of a pixel."""
    return [t for t in range(len(values)) if valid[t, pixel] and values[t, :, pixel].all()]


@given(st.integers(0, 999), st.integers(1, 40))
def test_the_median_is_numpys(seed, times):
    values, valid = observations(seed, times)
    result = REDUCERS["median"](values, valid, BANDS)
    assert result.choice is None
    for band in range(3):
        for pixel in range(30):
            seen = [values[t, band, pixel] for t in range(times) if valid[t, pixel]]
            seen = [value for value in seen if value]
            expected = np.floor(np.median(seen) + 0.5) if seen else 0
            assert result.values[band, pixel] == expected


@given(st.integers(0, 999))
def test_the_medoid_is_found_by_trying_all(seed):
    values, valid = observations(seed)
    result = REDUCERS["medoid"](values, valid, BANDS)
    for pixel in range(30):
        usable = spectra(values, valid, pixel)
        if not usable:
            assert not result.values[:, pixel].any()
            continue
        points = values[usable, :, pixel].astype(float)
        sums = [np.linalg.norm(points - point, axis=1).sum() for point in points]
        taken = sums[usable.index(int(result.choice[pixel]))]
        assert taken == pytest.approx(min(sums))
        assert np.array_equal(result.values[:, pixel], values[result.choice[pixel], :, pixel])


@given(st.integers(0, 999))
def test_the_greenest_observation_is_taken(seed):
    values, valid = observations(seed)
    result = REDUCERS["max_ndvi"](values, valid, BANDS)
    for pixel in range(30):
        red, nir = (values[:, band, pixel].astype(float) for band in (1, 2))
        usable = [t for t in range(5) if valid[t, pixel] and red[t] and nir[t]]
        if not usable:
            assert not result.values[:, pixel].any()
            continue
        ndvi = {t: (nir[t] - red[t]) / (nir[t] + red[t]) for t in usable}
        assert result.choice[pixel] == max(usable, key=lambda t: (ndvi[t], -t))


@pytest.mark.parametrize("seed", range(3))
def test_no_point_has_a_smaller_sum_of_distances_than_the_geomedian(seed):
    values, valid = observations(seed, times=7, pixels=12)
    result = REDUCERS["geomedian"](values, valid, BANDS)
    for pixel in range(12):
        usable = spectra(values, valid, pixel)
        if not usable:
            assert not result.values[:, pixel].any()
            continue
        points = values[usable, :, pixel].astype(float)

        def total(centre, points=points):
            return np.linalg.norm(points - centre, axis=1).sum()

        options = {"xatol": 0.01, "fatol": 1e-4, "maxiter": 4000}
        best = minimize(total, points.mean(axis=0), method="Nelder-Mead", options=options)
        # rounding to whole steps costs less than one step an observation
        assert total(result.values[:, pixel].astype(float)) <= best.fun + len(usable)


@pytest.mark.parametrize("method", REDUCERS)
def test_one_observation_is_kept_and_none_gives_none(method):
    values = np.zeros((3, 3, 2), np.uint16)
    values[1, :, 0] = [100, 200, 300]
    values[2, :, 1] = [1, 2, 3]
    valid = np.array([[True, True], [True, True], [False, False]])
    result = REDUCERS[method](values, valid, BANDS)
    assert result.values.tolist() == [[100, 0], [200, 0], [300, 0]]


@pytest.mark.parametrize("method", REDUCERS)
@given(st.integers(0, 999), st.integers(1, 30))
def test_pixels_do_not_depend_on_their_neighbours(method, seed, cut):
    values, valid = observations(seed)
    whole = reduce_observations(method, values, valid, BANDS).values
    part = reduce_observations(method, values[:, :, :cut], valid[:, :cut], BANDS).values
    assert np.array_equal(whole[:, :cut], part)


def test_temperature_follows_the_observation_that_was_taken():
    bands = ("red", "nir", "lwir11")
    values = np.array([[[500], [3000], [30_000]], [[900], [1000], [29_000]]], np.uint16)
    valid = np.ones((2, 1), bool)
    assert reduce_observations("max_ndvi", values, valid, bands).values[:, 0].tolist() == [
        500, 3000, 30_000,
    ]  # fmt: skip
    middle = reduce_observations("geomedian", values, valid, bands).values[:, 0].tolist()
    assert middle == [700, 2000, 29_500]
