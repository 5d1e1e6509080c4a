"""Indices against values worked out by hand from the published formulas, in exact fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eo_assets.catalog.indices import INDICES, get_index
from eo_assets.errors import ConfigurationError, UnknownNameError

# broadleaf forest in summer
FOREST = {
    "blue": 0.026, "green": 0.047, "red": 0.026, "nir": 0.345, "nir08": 0.370,
    "swir16": 0.178, "swir22": 0.073,
}  # fmt: skip
LANDSAT = {name: value for name, value in FOREST.items() if name != "nir"}
HAND = {
    "ndvi": Fraction(345 - 26, 345 + 26),
    # 2.5 (N - R) / (N + 6 R - 7.5 B + 1) = 0.7975 / 1.306
    "evi": Fraction(7975, 13060),
    # 1.5 (N - R) / (N + R + 0.5) = 0.4785 / 0.871
    "savi": Fraction(4785, 8710),
    "ndwi": Fraction(47 - 345, 47 + 345),
    "ndmi": Fraction(370 - 178, 370 + 178),
    "nbr": Fraction(370 - 73, 370 + 73),
    "ndsi": Fraction(47 - 178, 47 + 178),
    # ((S1 + R) - (N + B)) / ((S1 + R) + (N + B))
    "bsi": Fraction(178 + 26 - 345 - 26, 178 + 26 + 345 + 26),
}
HAND_LANDSAT = HAND | {
    "ndvi": Fraction(370 - 26, 370 + 26),
    "evi": Fraction(8600, 13310),
    "savi": Fraction(5160, 8960),
    "ndwi": Fraction(47 - 370, 47 + 370),
    "bsi": Fraction(178 + 26 - 370 - 26, 178 + 26 + 370 + 26),
}


def arrays(values: dict[str, float]) -> dict[str, np.ndarray]:
    return {name: np.full((2, 3), value, np.float32) for name, value in values.items()}


def test_every_index_has_a_hand_computed_value():
    assert set(HAND) == set(INDICES)
    assert all(index.reference for index in INDICES.values())


@pytest.mark.parametrize("name", HAND)
@pytest.mark.parametrize(("bands", "expected"), [(FOREST, HAND), (LANDSAT, HAND_LANDSAT)])
def test_indices_equal_hand_computed_values(name, bands, expected):
    result = get_index(name).compute(arrays(bands))
    assert result.shape == (2, 3)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, float(expected[name]), atol=2e-6)


@pytest.mark.parametrize("name", HAND)
def test_a_missing_observation_gives_no_index(name):
    index = get_index(name)
    for missing in index.bands_in(tuple(FOREST)):
        bands = arrays(FOREST)
        bands[missing][0, 0] = np.nan
        result = index.compute(bands)
        assert np.isnan(result[0, 0])
        assert np.isfinite(result[1:]).all()


@pytest.mark.parametrize("name", ["ndvi", "ndwi", "ndmi", "nbr", "ndsi", "bsi"])
def test_division_by_zero_gives_no_index(name):
    assert np.isnan(get_index(name).compute(arrays(dict.fromkeys(FOREST, 0.0)))).all()


@pytest.mark.filterwarnings("error")
@given(st.lists(st.floats(0, 2, width=32), min_size=7, max_size=7))
def test_indices_are_in_their_range_or_absent(values):
    bands = {name: np.array([v], np.float32) for name, v in zip(FOREST, values, strict=True)}
    for name in ("ndvi", "evi", "ndwi", "ndmi", "nbr", "ndsi"):
        [value] = get_index(name).compute(bands)
        assert np.isnan(value) or -1 <= value <= 1


def test_a_missing_band_is_named():
    with pytest.raises(ConfigurationError, match=r"nir or nir08.*red"):
        get_index("ndvi").compute({"red": np.zeros(1)})
    with pytest.raises(UnknownNameError, match=r"'ndre'.*ndvi"):
        get_index("ndre")


def test_the_band_that_suits_best_is_taken():
    assert get_index("ndvi").bands_in(("nir08", "red", "nir")) == ("nir", "red")
    assert get_index("nbr").bands_in(("nir08", "swir22", "nir")) == ("nir08", "swir22")
