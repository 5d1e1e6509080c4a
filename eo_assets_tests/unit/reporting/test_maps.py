import io

import numpy as np
import pytest
from PIL import Image

from eo_assets.catalog.views import index_view
from eo_assets.reporting.index_figures import sketch_values
from eo_assets.reporting.maps import bar_length_m, draw_codes, draw_ndvi, draw_picture, stretch
from eo_assets.reporting.style import NO_DATA, to_png

GREY = tuple(int(NO_DATA[i : i + 2], 16) for i in (1, 3, 5))


def pixels_of(figure):
    with Image.open(io.BytesIO(to_png(figure))) as image:
        return np.asarray(image.convert("RGB"))


def share_of(colour, picture):
    return np.all(np.abs(picture.astype(int) - colour) <= 2, axis=-1).mean()


@pytest.mark.parametrize(
    ("width_m", "length_m"), [(20_040, 5000), (3_999, 500), (4_000, 1000), (8_000, 2000), (90, 20)]
)
def test_a_scale_bar_has_a_round_length_of_at_most_a_quarter(width_m, length_m):
    assert bar_length_m(width_m) == length_m


def test_the_scale_bar_is_as_long_as_it_says():
    rgb = np.full((400, 400, 3), 60, np.uint8)
    picture = pixels_of(draw_picture(rgb, pixel_m=10.0))
    ground = (picture == 60).all(axis=-1)
    rows, cols = (np.flatnonzero(ground.any(axis=axis)) for axis in (1, 0))
    # only the map: the page around it is white as well
    white = (picture[rows[0] : rows[-1], cols[0] : cols[-1]] > 250).all(axis=-1)
    pixel = (cols[-1] - cols[0] + 1) / 400
    # 4 km are 4000 m / 10 m: a quarter is 1 km, 100 pixels
    assert max(longest_run(row) for row in white) == pytest.approx(100 * pixel, rel=0.03)


def longest_run(row):
    edges = np.flatnonzero(np.diff(np.concatenate([[0], row.astype(int), [0]])))
    return max((edges[1::2] - edges[::2]), default=0)


def test_a_stretch_shows_missing_pixels_in_grey_and_keeps_the_order_of_brightness():
    ramp = np.linspace(0.02, 0.3, 10_000, dtype=np.float32).reshape(100, 100)
    holes = ramp.copy()
    holes[:10] = np.nan
    shown = stretch([holes, ramp, ramp], together=True)
    assert (shown[:10] == GREY).all()
    assert (np.diff(shown[10:, :, 1].astype(int).ravel()) >= 0).all()
    assert shown[-1, -1].tolist() == [255, 255, 255]


def test_together_grey_ground_of_a_scene_stays_grey():
    rng = np.random.default_rng(0)
    grey = rng.uniform(0.02, 0.3, (50, 50)).astype(np.float32)
    shown = stretch([grey, grey, grey], together=True)
    assert (shown[..., 0] == shown[..., 2]).all()


def test_a_scene_without_a_valid_pixel_is_all_grey():
    nothing = np.full((4, 5), np.nan, np.float32)
    assert (stretch([nothing] * 3, together=True) == GREY).all()


def test_a_map_of_codes_shows_each_code_in_its_colour():
    codes = np.zeros((60, 80), np.uint8)
    codes[:, 40:] = 3
    picture = pixels_of(draw_codes(codes, {3: ("three", "#112233")}, pixel_m=30.0))
    both = share_of((0x11, 0x22, 0x33), picture), share_of(GREY, picture)
    assert both[0] == pytest.approx(both[1], rel=0.12)
    assert both[0] > 0.3


def test_an_ndvi_map_is_greener_where_ndvi_is_higher():
    ndvi = np.full((60, 60), 0.85, np.float32)
    ndvi[:, :30] = 0.15
    ndvi[:6] = np.nan
    picture = pixels_of(draw_ndvi(ndvi, pixel_m=10.0)).astype(int)
    middle_row = picture[picture.shape[0] // 3]
    left, right = middle_row[picture.shape[1] // 4], middle_row[picture.shape[1] * 3 // 4]
    assert right[1] > right[0] + 40
    assert abs(left[1] - left[0]) < 40
    assert share_of(GREY, picture) > 0.03


def test_open_water_is_blue_and_land_is_not():
    ndwi = np.full((60, 60), 0.02, np.float32)
    ndwi[:, :30] = -0.02
    sketch = sketch_values(index_view("ndwi"), ndwi, pixel_m=10.0)
    picture = pixels_of(sketch.draw(**sketch.arguments)).astype(int)
    middle_row = picture[picture.shape[0] // 3]
    left, right = middle_row[picture.shape[1] // 4], middle_row[picture.shape[1] * 3 // 4]
    assert right[2] > right[0] + 40
    assert left[0] > left[2] + 40


@pytest.mark.parametrize("name", ["ndmi", "nbr", "bsi"])
def test_diverging_colours_turn_at_zero(name):
    values = np.linspace(-0.4, 0.7, 3600, dtype=np.float32).reshape(60, 60)
    low, high = sketch_values(index_view(name), values, pixel_m=10.0).arguments["limits"]
    assert low == -high
    assert high >= 0.5
