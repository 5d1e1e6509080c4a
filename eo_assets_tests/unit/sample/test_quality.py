import numpy as np
import pytest

from eo_assets.sample.quality import qa_pixel, scene_classification
from eo_assets.sample.spectra import table

# values that occur in the USGS's own products
CLEAR_LAND, CLEAR_WATER, CLOUD, SHADOW, SNOW = 21824, 21952, 22280, 23888, 30048


def scene(surface):
    shape = (30, 30)
    rho = {band: np.full(shape, value, np.float32) for band, value in table()[surface].items()}
    zero = np.zeros(shape, np.float32)
    return rho, {"cloud": zero.copy(), "cirrus": zero.copy(), "shadow": zero.copy()}


@pytest.mark.parametrize(
    ("surface", "sky", "expected"),
    [
        ("conifer_forest", {}, CLEAR_LAND),
        ("clear_lake_water", {}, CLEAR_WATER),
        ("conifer_forest", {"cloud": 0.9}, CLOUD),
        ("conifer_forest", {"shadow": 0.9}, SHADOW),
        ("snow", {}, SNOW),
    ],
)
def test_qa_pixel_packs_the_values_landsat_has(surface, sky, expected):
    rho, opacity = scene(surface)
    for kind, value in sky.items():
        opacity[kind][:] = value
    assert (qa_pixel(rho, **opacity) == expected).all()


def test_pixels_around_a_cloud_are_dilated_and_not_clear():
    rho, opacity = scene("conifer_forest")
    opacity["cloud"][15, 15] = 1
    bits = qa_pixel(rho, **opacity)
    assert bits[15, 17] >> 1 & 1
    assert not bits[15, 17] >> 6 & 1
    assert bits[15, 20] == CLEAR_LAND


@pytest.mark.parametrize(
    ("surface", "sky", "expected"),
    [
        ("broadleaf_forest_summer", {}, 4),
        ("conifer_forest", {}, 4),
        ("rock_light", {}, 5),
        ("bare_soil", {}, 5),
        ("clear_lake_water", {}, 6),
        ("snow", {}, 11),
        ("conifer_forest", {"cloud": 0.9}, 9),
        ("conifer_forest", {"cloud": 0.3}, 8),
        ("conifer_forest", {"cirrus": 0.1}, 10),
        ("conifer_forest", {"shadow": 0.5}, 3),
    ],
)
def test_scl_names_surfaces_and_clouds(surface, sky, expected):
    rho, opacity = scene(surface)
    for kind, value in sky.items():
        opacity[kind][:] = value
    inside = np.ones((30, 30), bool)
    inside[0] = False
    scl = scene_classification(rho, **opacity, inside=inside)
    assert (scl[0] == 0).all()
    assert (scl[1:] == expected).all()
