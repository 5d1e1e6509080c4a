from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from eo_assets.cube.radiometry import PACKED_MAX, packed_values
from eo_assets_tests.tiny_archive import band_at

ALL = np.arange(65_536, dtype=np.uint16)
SHIFTED = {"offset": -0.1}
LANDSAT = {"scale": 2.75e-5, "offset": -0.2, "valid_min": 7273, "valid_max": 43636}
KELVIN = {
    "scale": 0.00341802,
    "offset": 149.0,
    "valid_min": 293,
    "valid_max": 65535,
    "value_scale": 0.01,
}


def packed(dn, **radiometry):
    return packed_values(np.asarray(dn, np.uint16), band_at(Path("x.tif"), **radiometry))


@pytest.mark.parametrize("radiometry", [{}, SHIFTED, LANDSAT, KELVIN])
def test_the_table_is_the_formula_to_half_a_step(radiometry):
    band = band_at(Path("x.tif"), **radiometry)
    result = packed(ALL, **radiometry)
    scale, offset, step = (
        Fraction(str(number)) for number in (band.scale, band.offset, band.value_scale)
    )
    for dn in range(0, 65_536, 7):
        if dn == band.nodata or not band.valid_min <= dn <= band.valid_max:
            assert result[dn] == 0
        else:
            exact = (dn * scale + offset) / step
            inside = min(max(exact, 1), PACKED_MAX)
            assert abs(int(result[dn]) - inside) <= Fraction(1, 2) + Fraction(1, 10**6)


def test_unshifted_and_shifted_numbers_of_sentinel_2():
    assert packed([0, 1, 319, 10_000, 65_534, 65_535]).tolist() == [0, 1, 319, 10_000, 65_534, 0]
    # dark water below zero stays an observation, the darkest there is
    assert packed([0, 1, 900, 1000, 1001, 1319, 11_000], **SHIFTED).tolist() == [
        0, 1, 1, 1, 1, 319, 10_000,
    ]  # fmt: skip


def test_the_valid_range_of_landsat():
    dn = [0, 1, 7272, 7273, 18_639, 43_636, 43_637, 65_535]
    assert packed(dn, **LANDSAT).tolist() == [0, 0, 0, 1, 3126, 10_000, 0, 0]


def test_temperature_is_packed_in_hundredths_of_a_kelvin():
    # USGS's example: 44947 is 302.6 K
    assert packed([0, 292, 293, 44_947], **KELVIN).tolist() == [0, 0, 15_000, 30_263]


def test_another_fill_value_is_no_observation():
    assert packed([0, 9999, 500], nodata=9999, valid_min=0).tolist() == [1, 0, 500]


def test_the_shape_is_kept():
    assert packed(ALL.reshape(128, 512)).shape == (128, 512)
    assert packed(ALL).dtype == np.uint16
