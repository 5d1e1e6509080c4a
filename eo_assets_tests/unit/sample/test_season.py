import numpy as np
import pytest

from eo_assets.sample import season
from eo_assets.sample.grid import WORLD
from eo_assets.sample.landcover import Cover
from eo_assets.sample.spectra import BANDS, table
from eo_assets.sample.world import World


def uniform_world(cover, elevation_m):
    zeros = np.zeros(WORLD.shape, np.float32)
    return World(
        elevation_m=zeros + np.float32(elevation_m),
        cover=np.full(WORLD.shape, cover, np.uint8),
        parcel=zeros,
        texture=zeros,
        vigour=zeros,
    )


def ndvi(cover, elevation_m, day):
    share = season.greenness(uniform_world(cover, elevation_m), day)[0, 0]
    green, dormant = season.season_spectra(cover, day)
    red, nir = (dormant[b] + share * (table()[green][b] - dormant[b]) for b in ("B04", "B08"))
    return (nir - red) / (nir + red)


@pytest.mark.parametrize(
    ("cover", "elevation_m", "day", "low", "high"),
    [
        (Cover.BEECH, 900, 196, 0.82, 0.90),
        (Cover.BEECH, 900, 85, 0.38, 0.52),
        (Cover.BEECH, 900, 320, 0.38, 0.55),
        (Cover.SPRUCE, 1500, 196, 0.79, 0.87),
        (Cover.CEREAL, 700, 145, 0.80, 0.90),
        (Cover.CEREAL, 700, 200, 0.25, 0.40),
        (Cover.SUMMER_CROP, 700, 205, 0.82, 0.90),
        (Cover.WATER, 1400, 196, -0.30, -0.20),
    ],
)
def test_ndvi_follows_the_class_s_season(cover, elevation_m, day, low, high):
    assert low < ndvi(cover, elevation_m, day) < high


def test_spring_comes_later_higher_up():
    day = 121
    assert ndvi(Cover.BEECH, 700, day) > ndvi(Cover.BEECH, 1200, day) + 0.1


def test_beech_reddens_in_autumn():
    _, dormant = season.season_spectra(Cover.BEECH, 288)
    _, bare = season.season_spectra(Cover.BEECH, 350)
    assert dormant["B04"] > bare["B04"] + 0.02


@pytest.mark.parametrize(
    ("day", "elevation_m", "snowy"),
    [(111, 2300, True), (111, 900, False), (196, 2300, False), (286, 1500, False)],
)
def test_snow_lies_where_the_season_puts_it(day, elevation_m, snowy):
    share = season.snow(uniform_world(Cover.ALPINE_GRASSLAND, elevation_m), day)
    assert (share.mean() > 0.9) if snowy else (share.mean() < 0.1)


def test_every_surface_has_a_reflectance_in_every_band():
    for surface, row in table().items():
        assert all(0 < row[band] < 1 for band in BANDS), surface
    named = {season.season_spectra(cover, 196)[0] for cover in Cover}
    assert named <= set(table())
