"""Slope, aspect and shade against surfaces whose answer is known, and against gdaldem."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Geod

from eo_assets.errors import GridMismatchError
from eo_assets.terrain.ground import ground_pixel_m
from eo_assets.terrain.surface import (
    aspect_deg,
    hillshade,
    multidirectional_hillshade,
    slope_deg,
)

SIZE = {"dx_m": 30.0, "dy_m": 20.0}


def plane(towards_deg: float, rise: float, shape=(7, 9)) -> np.ndarray:
    """A plane that falls ``rise`` metres a metre in a compass direction, in pixels of SIZE."""
    rows, columns = np.indices(shape, dtype=np.float64)
    east, north = columns * SIZE["dx_m"], -rows * SIZE["dy_m"]
    towards = np.radians(towards_deg)
    return (500 - rise * (east * np.sin(towards) + north * np.cos(towards))).astype(np.float32)


def bumps(shape=(120, 150), seed=3) -> np.ndarray:
    """A smooth landscape of hills, metres."""
    rows, columns = np.indices(shape, dtype=np.float64)
    rng = np.random.default_rng(seed)
    z = np.full(shape, 700.0)
    for _ in range(12):
        r, c, width = rng.uniform(0, shape[0]), rng.uniform(0, shape[1]), rng.uniform(8, 30)
        z += rng.uniform(-150, 250) * np.exp(-((rows - r) ** 2 + (columns - c) ** 2) / width**2)
    return z.astype(np.float32)


@pytest.mark.parametrize("towards", [0, 45, 90, 137.5, 180, 270, 315, 359])
def test_a_plane_has_its_slope_and_falls_where_it_falls(towards):
    z = plane(towards, 0.5)
    np.testing.assert_allclose(slope_deg(z, **SIZE), np.degrees(np.arctan(0.5)), atol=1e-3)
    turn = (aspect_deg(z, **SIZE) - towards + 180) % 360 - 180
    np.testing.assert_allclose(turn, 0, atol=2e-3)


@pytest.mark.parametrize(
    ("towards", "shade"), [(90, 104.86), (180, 104.86), (0, 218.45), (270, 218.45)]
)
def test_the_shade_of_a_plane_is_the_cosine_of_its_angle_to_the_light(towards, shade):
    # cos 45° cos s ± sin 45° sin s sin 45° of 254 steps above 1, with tan s = 1/2
    np.testing.assert_allclose(hillshade(plane(towards, 0.5), **SIZE), shade, atol=0.02)


def test_flat_ground_has_slope_and_shade_and_no_aspect():
    z = np.full((5, 6), 12.5, np.float32)
    assert (slope_deg(z, **SIZE) == 0).all()
    assert np.isnan(aspect_deg(z, **SIZE)).all()
    np.testing.assert_allclose(hillshade(z, **SIZE), 1 + 254 * np.sin(np.pi / 4), rtol=1e-6)
    np.testing.assert_allclose(
        multidirectional_hillshade(z, **SIZE), 1 + 254 * np.sin(np.pi / 4), rtol=1e-6
    )


def test_a_cone_falls_outwards_everywhere():
    rows, columns = np.indices((101, 101), dtype=np.float64) - 50
    z = (3000 - 10 * 0.3 * np.hypot(rows, columns)).astype(np.float32)
    size = {"dx_m": 10.0, "dy_m": 10.0}
    far = np.hypot(rows, columns)[1:-1, 1:-1] > 10
    np.testing.assert_allclose(slope_deg(z, **size)[far], np.degrees(np.arctan(0.3)), atol=0.15)
    outwards = np.degrees(np.arctan2(columns, -rows))[1:-1, 1:-1] % 360
    turn = (aspect_deg(z, **size) - outwards + 180) % 360 - 180
    assert np.abs(turn[far]).max() < 0.3


def test_aspect_stays_below_the_whole_circle():
    z = plane(0, 0.3) + np.float32(1e-4) * np.indices((7, 9))[1].astype(np.float32)
    found = aspect_deg(z, **SIZE)
    assert ((found >= 0) & (found < 360)).all()


@pytest.mark.parametrize("function", [slope_deg, aspect_deg, hillshade, multidirectional_hillshade])
def test_tiles_give_the_bytes_of_the_whole(function):
    z = bumps()
    dx = np.linspace(28, 31, 118)[:, np.newaxis]
    whole = function(z, dx_m=dx, dy_m=30.0)
    for rows in (slice(0, 40), slice(40, 97), slice(97, 118)):
        for columns in (slice(0, 71), slice(71, 148)):
            around = z[rows.start : rows.stop + 2, columns.start : columns.stop + 2]
            part = function(around, dx_m=dx[rows], dy_m=30.0)
            np.testing.assert_array_equal(part, whole[rows, columns])


@pytest.mark.parametrize("function", [slope_deg, aspect_deg, hillshade, multidirectional_hillshade])
def test_an_unknown_height_makes_its_neighbours_unknown_and_no_others(function):
    z = bumps((12, 12))
    z[5, 6] = np.nan
    unknown = np.isnan(function(z, **SIZE))
    expected = np.zeros((10, 10), bool)
    expected[3:6, 4:7] = True
    np.testing.assert_array_equal(unknown, expected)


JUDGED = {
    "slope": (slope_deg, [], 1e-3),
    "aspect": (aspect_deg, [], 2e-2),
    "hillshade": (hillshade, [], 0.6),
    "multidirectional": (multidirectional_hillshade, ["-multidirectional"], 0.6),
}


@pytest.mark.parametrize("what", JUDGED)
def test_gdaldem_agrees(what, tmp_path):
    if shutil.which("gdaldem") is None:
        pytest.skip("GDALDEM ABSENT: install gdal-bin to judge by it")
    function, options, tolerance = JUDGED[what]
    z = bumps()
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "crs": "EPSG:32635"}
    source, target = tmp_path / "z.tif", tmp_path / "out.tif"
    with rasterio.open(
        source, "w", height=z.shape[0], width=z.shape[1],
        transform=Affine(30, 0, 400000, 0, -30, 5000000), **profile,
    ) as file:  # fmt: skip
        file.write(z, 1)
    mode = "hillshade" if what == "multidirectional" else what
    subprocess.run(
        ["gdaldem", mode, str(source), str(target), "-q", *options], check=True, timeout=60
    )
    with rasterio.open(target) as file:
        theirs = file.read(1)[1:-1, 1:-1].astype(np.float64)
    ours = function(z, dx_m=30.0, dy_m=30.0)
    apart = np.abs(ours - theirs)
    if what == "aspect":
        apart = np.minimum(apart, 360 - apart)
        apart = apart[slope_deg(z, dx_m=30.0, dy_m=30.0) > 0.5]
    assert apart.max() <= tolerance


def test_a_web_mercator_pixel_is_as_large_as_the_ellipsoid_says():
    geobox = GeoBox((3, 4), Affine(38, 0, 2_840_000, 0, -38, 5_700_000.0), "EPSG:3857")
    dx, dy = ground_pixel_m(geobox)
    # an independent judge: geodesics across the middle of the middle row's first pixel
    geod, radius = Geod(ellps="WGS84"), 6378137.0

    def lonlat(column, row):
        x, y = geobox.transform * (column, row)
        return np.degrees(x / radius), np.degrees(2 * np.arctan(np.exp(y / radius)) - np.pi / 2)

    east = geod.inv(*lonlat(0, 1.5), *lonlat(1, 1.5))[2]
    south = geod.inv(*lonlat(0.5, 1), *lonlat(0.5, 2))[2]
    assert dx[1, 0] == pytest.approx(east, rel=1e-6)
    assert dy[1, 0] == pytest.approx(south, rel=1e-6)
    assert dx[1, 0] == pytest.approx(38 * np.cos(np.radians(lonlat(0, 1.5)[1])), rel=4e-3)


def test_a_degree_is_as_long_as_the_ellipsoid_says():
    geobox = GeoBox((2, 2), Affine(1 / 3600, 0, 25.0, 0, -1 / 3600, 46.0), "EPSG:4326")
    dx, dy = ground_pixel_m(geobox)
    geod = Geod(ellps="WGS84")
    middle = 46 - 0.5 / 3600
    assert dx[0, 0] == pytest.approx(geod.inv(25, middle, 25 + 1 / 3600, middle)[2], rel=1e-6)
    assert dy[0, 0] == pytest.approx(geod.inv(25, 46, 25, 46 - 1 / 3600)[2], rel=1e-6)


def test_utm_is_taken_as_it_is_and_a_rotated_grid_is_refused():
    geobox = GeoBox((2, 2), Affine(30, 0, 400000, 0, -30, 5000000), "EPSG:32635")
    dx, dy = ground_pixel_m(geobox)
    assert (dx == 30).all()
    assert (dy == 30).all()
    turned = GeoBox((2, 2), Affine.rotation(10) * Affine.scale(30, -30), "EPSG:32635")
    with pytest.raises(GridMismatchError):
        ground_pixel_m(turned)


def test_the_same_slope_on_a_utm_and_a_web_mercator_grid():
    # one tilted plane over the ground, sampled on a grid of 30 m and on one of web maps
    utm = slope_deg(plane(90, 0.4), **SIZE)
    geobox = GeoBox((5, 7), Affine(38.2, 0, 2_840_000, 0, -38.2, 5_700_000), "EPSG:3857")
    dx, dy = ground_pixel_m(geobox)
    columns = np.arange(9) * float(dx[2, 0])
    z = np.broadcast_to(500 - 0.4 * columns, (7, 9)).astype(np.float32)
    np.testing.assert_allclose(slope_deg(z, dx_m=dx, dy_m=dy), utm[:5, :7], atol=2e-3)
