from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from eo_assets.catalog.quality import QA_PIXEL, SCL
from eo_assets.cube.graph import ValidPixels
from eo_assets.cube.masking import usability


def rule_of(quality, *, keep_snow=True, **changes):
    plain = {
        "data": "scenes",
        "kind": quality.kind,
        "fill": quality.fill,
        "invalid": quality.invalid if keep_snow else (*quality.invalid, *quality.snow),
        "cloud": quality.cloud,
        "opening_m": quality.opening_m,
        "dilation_m": quality.dilation_m,
    }
    return ValidPixels(**(plain | changes))


def disk(radius):
    span = range(-radius, radius + 1)
    return np.array([[x * x + y * y <= radius * radius for x in span] for y in span])


def grown_by_scipy(cloud, opening, dilation):
    if opening:
        # beyond the picture cloud is neither eaten away nor let in
        cloud = ndimage.binary_erosion(cloud, disk(opening), border_value=1)
        cloud = ndimage.binary_dilation(cloud, disk(opening))
    return ndimage.binary_dilation(cloud, disk(dilation)) if dilation else cloud


def sky(seed, shape=(90, 110)):
    """Blobs of cloud and cloud shadow, single bright pixels, fill in a corner."""
    rng = np.random.default_rng(seed)
    scl = rng.choice([2, 4, 5, 6, 7, 11], shape).astype(np.uint8)
    field = ndimage.gaussian_filter(rng.normal(size=shape), 5)
    scl[field > np.quantile(field, 0.9)] = 9
    scl[field < np.quantile(field, 0.03)] = 3
    scl[rng.random(shape) < 0.01] = 8
    scl[rng.random(shape) < 0.005] = 1
    scl[:20, :15] = 0
    return scl


@pytest.mark.parametrize("pixel_m", [10, 20, 60, 120])
@pytest.mark.parametrize("seed", [1, 2])
def test_clouds_grow_as_scipy_grows_them(seed, pixel_m):
    scl = sky(seed)
    opening, dilation = {10: (4, 10), 20: (2, 5), 60: (1, 2), 120: (0, 1)}[pixel_m]
    cloud = grown_by_scipy(np.isin(scl, SCL.cloud), opening, dilation)
    result = usability(scl, rule_of(SCL), pixel_m=pixel_m)
    assert np.array_equal(result.observed, scl != 0)
    assert np.array_equal(result.valid, (scl != 0) & (scl != 1) & ~cloud)
    assert 0.2 < result.valid.mean() < 0.9


def test_single_bright_pixels_are_no_cloud_but_clouds_keep_a_distance():
    scl = np.full((60, 60), 4, np.uint8)
    scl[10, 10] = 9
    assert usability(scl, rule_of(SCL), pixel_m=20).valid.all()
    scl[30:37, 30:37] = 9
    valid = usability(scl, rule_of(SCL), pixel_m=20).valid
    assert valid[10, 10]
    # from the middle of the upper edge 5 pixels of 20 m are lost, the sixth is not
    assert not valid[25:30, 33].any()
    assert valid[24, 33]


@pytest.mark.parametrize("value", range(12))
def test_each_scene_class_alone(value):
    rule = rule_of(SCL, opening_m=0, dilation_m=0)
    result = usability(np.full((2, 2), value, np.uint8), rule, pixel_m=20)
    assert result.observed.all() == (value != 0)
    assert result.valid.all() == (value in {2, 4, 5, 6, 7, 11})
    strict = rule_of(SCL, keep_snow=False, opening_m=0, dilation_m=0)
    snow = usability(np.full((2, 2), value, np.uint8), strict, pixel_m=20)
    assert snow.valid.all() == (value in {2, 4, 5, 6, 7})


@pytest.mark.parametrize(
    ("qa", "observed", "valid", "valid_without_snow"),
    [
        (1, False, False, False),  # fill
        (21824, True, True, True),  # clear land
        (21952, True, True, True),  # clear water
        (22280, True, False, False),  # cloud, high confidence
        (23888, True, False, False),  # cloud shadow, "clear" set too
        (30048, True, True, False),  # snow, "clear" set too
        (21824 | 2, True, False, False),  # dilated cloud
        (21824 | 4, True, False, False),  # cirrus
    ],
)
def test_values_of_landsats_quality_band(qa, observed, valid, valid_without_snow):
    pixels = np.full((3, 3), qa, np.uint16)
    result = usability(pixels, rule_of(QA_PIXEL), pixel_m=30)
    assert (result.observed.all(), result.valid.all()) == (observed, valid)
    strict = usability(pixels, rule_of(QA_PIXEL, keep_snow=False), pixel_m=30)
    assert strict.valid.all() == valid_without_snow


def test_landsats_cloud_grows_by_two_pixels_and_fill_does_not():
    qa = np.full((30, 30), 21824, np.uint16)
    qa[15, 15], qa[:, 0] = 22280, 1
    lost = ~usability(qa, rule_of(QA_PIXEL), pixel_m=30).valid
    expected = np.zeros((30, 30), bool)
    expected[15, 15] = True
    expected = ndimage.binary_dilation(expected, disk(2))
    expected[:, 0] = True
    assert np.array_equal(lost, expected)


@given(
    st.integers(0, 99),
    st.integers(0, 60),
    st.integers(0, 80),
    st.integers(1, 30),
    st.integers(1, 30),
    st.sampled_from([10, 20, 60, 120]),
)
def test_a_window_read_with_its_halo_says_the_same_as_the_whole(
    seed, top, left, height, width, pixel_m
):
    scl, rule = sky(seed), rule_of(SCL)
    halo = rule.halo_px(pixel_m)
    whole = usability(scl, rule, pixel_m=pixel_m).valid
    rows = slice(max(top - halo, 0), top + height + halo)
    columns = slice(max(left - halo, 0), left + width + halo)
    part = usability(scl[rows, columns], rule, pixel_m=pixel_m).valid
    inner = part[top - rows.start :, left - columns.start :][:height, :width]
    assert np.array_equal(inner, whole[top : top + height, left : left + width])


def test_a_small_distance_still_grows_by_a_pixel():
    rule = rule_of(SCL)
    assert (rule.opening_px(20), rule.dilation_px(20), rule.halo_px(20)) == (2, 5, 9)
    assert (rule.opening_px(120), rule.dilation_px(120)) == (0, 1)
    assert (rule.opening_px(1000), rule.dilation_px(1000)) == (0, 1)
    assert rule_of(SCL, dilation_m=0).dilation_px(20) == 0
