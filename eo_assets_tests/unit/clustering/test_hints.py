import numpy as np
import pytest

from eo_assets.clustering.hints import describe
from eo_assets_tests.synthetic_scene import SENTINEL_2, SPECTRA


def spectrum(values):
    return dict(zip(SENTINEL_2, values, strict=True))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("water", "water-like"),
        ("rock", "bare, rock or built-up (NDVI 0.02)"),
        ("stubble", "sparse or dry vegetation (NDVI 0.34)"),
        ("conifer", "dense vegetation (NDVI 0.83)"),
        ("cropland", "dense vegetation (NDVI 0.87)"),
    ],
)
def test_typical_spectra_are_recognised(name, hint):
    assert describe(spectrum(SPECTRA[name])).startswith(hint)


def test_snow_is_told_from_cloud_by_its_short_wave_infrared():
    snow = (0.83, 0.825, 0.81, 0.80, 0.79, 0.765, 0.745, 0.73, 0.09, 0.10)
    cloud = (0.57, 0.55, 0.54, 0.56, 0.60, 0.62, 0.63, 0.63, 0.45, 0.35)
    assert describe(spectrum(snow)).startswith("snow")
    assert describe(spectrum(cloud)).startswith("very bright")


def test_char_is_told_from_water_and_soil():
    char = (0.036, 0.046, 0.058, 0.066, 0.076, 0.084, 0.092, 0.102, 0.180, 0.185)
    assert "burnt" in describe(spectrum(char))


@pytest.mark.parametrize(("ndvi", "hint"), [(0.69, "moderate"), (0.7, "dense"), (0.71, "dense")])
def test_the_edge_of_dense_vegetation(ndvi, hint):
    red = 0.05
    assert describe({"red": red, "nir": red * (1 + ndvi) / (1 - ndvi) + 1e-6}).startswith(hint)


def test_without_the_bands_of_any_rule_brightness_is_given():
    assert describe({"blue": 0.1, "swir16": 0.3}) == "brightness 0.10"
    assert describe({"swir16": np.float64(0.3)}) == "brightness nan"
