"""Fires of the sample world, on a uniform forest whose spectrum is known."""

import datetime as dt
from itertools import pairwise

import numpy as np
import pytest

from eo_assets.sample import fires, schedule, season
from eo_assets.sample.grid import WORLD
from eo_assets.sample.landcover import Cover
from eo_assets.sample.spectra import table
from eo_assets.sample.world import World


@pytest.fixture(scope="module")
def forest():
    zeros = np.zeros(WORLD.shape, np.float32)
    return World(
        elevation_m=zeros + np.float32(1200),
        cover=np.full(WORLD.shape, Cover.SPRUCE, np.uint8),
        parcel=zeros,
        texture=zeros,
        vigour=zeros,
    )


def nbr(forest, share):
    """The normalised burn ratio of the forest's summer spectrum with char in it."""
    green = season.greenness(forest, fires.SUMMER_DAY)[0, 0]
    name, dormant = season.season_spectra(Cover.SPRUCE, fires.SUMMER_DAY)
    nir, swir = (
        (1 - share) * (dormant[band] + green * (table()[name][band] - dormant[band]))
        + share * table()["burnt_char"][band]
        for band in ("B8A", "B12")
    )
    return (nir - swir) / (nir + swir)


def test_nothing_has_burnt_before_the_first_fire(forest):
    last = max(one.start for one in schedule.SENTINEL_2 if one.start.year == 2023).date()
    assert fires.char_share(forest, last) is None
    assert [one.start for one in fires.FIRES] == sorted(one.start for one in fires.FIRES)


def test_the_drop_of_nbr_is_that_of_the_mixture(forest):
    burnt, drop = fires.severity(forest, 2024)
    share = fires.char_share(forest, dt.date(2024, 7, 18))
    assert share is not None
    assert np.array_equal(burnt, share > 0)
    assert np.allclose(drop, nbr(forest, 0) - nbr(forest, share), atol=1e-5)
    assert 0.14 < drop[burnt].min() < drop[burnt].max() < 0.93
    for low, high in pairwise((0.1, 0.27, 0.44, 0.66, 1)):
        assert ((drop >= low) & (drop < high))[burnt].mean() > 0.1


def test_a_scar_grows_over_and_part_of_it_burns_again(forest):
    first, _ = fires.severity(forest, 2024)
    second, drop = fires.severity(forest, 2025)
    old = first & ~second
    assert (drop[old] < 0).all()
    remaining = [
        float(fires.char_share(forest, dt.date(year, 7, 18))[old].mean()) for year in (2024, 2025)
    ]
    assert 0.5 * remaining[0] < remaining[1] < remaining[0]
    assert 10 < (first & second).sum() / 100 < 60


def test_only_vegetation_burns(forest):
    rock = World(
        elevation_m=forest.elevation_m,
        cover=np.full(WORLD.shape, Cover.ROCK, np.uint8),
        parcel=forest.parcel,
        texture=forest.texture,
        vigour=forest.vigour,
    )
    assert not fires.severity(rock, 2024)[0].any()
