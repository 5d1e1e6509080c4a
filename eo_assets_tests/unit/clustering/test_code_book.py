import numpy as np
import pandas as pd
import pytest

from eo_assets.clustering.code_book import CodeBook
from eo_assets.clustering.fitting import Recipe, fit_classes
from eo_assets.clustering.identity import find_new_groups, match, recognise
from eo_assets.clustering.model import ClusterModel
from eo_assets.errors import StaleArtifactError

CENTRES = np.array([[0.05, 0.40], [0.20, 0.25], [0.10, 0.15]])
NEW = np.array([[0.60, 0.55], [0.02, 0.75]])


def pixels_at(centres, counts, seed=0):
    rng = np.random.default_rng(seed)
    places = np.repeat(np.asarray(centres), counts, axis=0)
    return (places + rng.normal(0, 0.01, places.shape)).T


@pytest.fixture(scope="module")
def model() -> ClusterModel:
    values = pixels_at(CENTRES, [1000, 1000, 1000])
    recipe = Recipe(method="minibatch_kmeans", n_clusters=3, features=("red", "nir"))
    bands = dict(zip(("red", "nir"), values, strict=True))
    return fit_classes(values, bands, recipe, k_scan=pd.DataFrame(), date="2023-07-15")


@pytest.fixture
def book(model):
    return CodeBook.found(model, date="2023-07-15", mosaic="m0")


def look(book, date, mosaic, centres, counts):
    """Enter a date into the book, as the pipeline does."""
    coordinates = book.model.space.apply(pixels_at(centres, counts, seed=hash_of(date)))
    groups = find_new_groups(book.model, coordinates)
    return book.seen(date, mosaic, groups=groups, names=[f"group {n}" for n in range(len(groups))])


def hash_of(date):
    return int(date.replace("-", ""))


def test_the_reference_has_nothing_new_and_no_drift(model):
    coordinates = model.space.apply(pixels_at(CENTRES, [1000, 1000, 1000]))
    found = recognise(model, coordinates)
    assert found.mean_drift < 0.02
    assert found.unlike.mean() < 0.02
    assert not len(find_new_groups(model, coordinates))


def test_drift_is_how_far_a_class_has_moved(model):
    moved = CENTRES.copy()
    moved[1, 1] += 0.01
    found = recognise(model, model.space.apply(pixels_at(moved, [1000, 1000, 1000])))
    class_of_second = int(np.argmax(found.drift))
    assert found.drift[class_of_second] == pytest.approx(0.01 / model.space.spread[1], rel=0.05)
    assert found.mean_drift == pytest.approx((found.drift * found.share).sum())


def test_what_is_unlike_every_class_becomes_one_and_is_recognised_later(book):
    first = look(book, "2023-10-13", "m1", [*CENTRES, NEW[0]], [900, 900, 900, 300])
    [added] = first.additions.identities
    assert (added.class_id, added.since) == (4, "2023-10-13")
    assert first.model_for("2023-10-13").class_ids == (1, 2, 3, 4)
    assert first.model_for("2023-07-15").class_ids == (1, 2, 3)
    later = look(first, "2023-11-02", "m2", [*CENTRES, *NEW], [900, 900, 900, 200, 400])
    assert [c.class_id for c in later.additions.identities] == [4, 5]
    assert later.dates["2023-11-02"].additions == (4, 5)
    # the new colours are nobody else's
    assert len({c.colour for c in later.classes}) == 5


def test_a_few_strange_pixels_found_no_class(book):
    seen = look(book, "2023-10-13", "m1", [*CENTRES, NEW[0]], [1000, 1000, 1000, 20])
    assert not seen.additions.identities


def test_looking_again_changes_nothing(book):
    once = look(book, "2023-10-13", "m1", [*CENTRES, NEW[0]], [900, 900, 900, 300])
    other = look(once, "2023-11-02", "m2", [*CENTRES, NEW[1]], [900, 900, 900, 300])
    again = look(other, "2023-10-13", "m1", [*CENTRES, NEW[0]], [900, 900, 900, 300])
    assert again.to_json() == other.to_json()
    # a new mosaic of the date recognises what the former one founded
    remade = look(other, "2023-10-13", "m9", [*CENTRES, NEW[0]], [800, 900, 900, 320])
    assert remade.dates["2023-10-13"].additions == once.dates["2023-10-13"].additions


def test_known_classes_do_not_depend_on_the_order_of_dates(book):
    autumn = ("2023-10-13", "m1", [*CENTRES, NEW[0]], [900, 900, 900, 300])
    winter = ("2023-12-01", "m2", [*CENTRES, NEW[1]], [900, 900, 900, 300])
    one = look(look(book, *autumn), *winter)
    other = look(look(book, *winter), *autumn)
    assert one.model.to_json() == other.model.to_json()
    for date in ("2023-10-13", "2023-12-01"):
        a, b = one.model_for(date), other.model_for(date)
        # only the numbers of added classes follow the order
        assert np.array_equal(a.centroids, b.centroids)
        coordinates = a.space.apply(pixels_at([*CENTRES, *NEW], [50] * 5))
        assert np.array_equal(recognise(a, coordinates).rows, recognise(b, coordinates).rows)


def test_the_same_land_has_the_same_classes_on_all_dates_together():
    """Noise, haze and sun differ from date to date, and snow comes and goes."""
    covers = np.array(
        [[0.02, 0.02], [0.03, 0.30], [0.06, 0.42], [0.09, 0.25], [0.18, 0.22], [0.25, 0.33]]
    )
    snow = np.array([0.60, 0.55])
    rng = np.random.default_rng(1)
    land = rng.integers(0, len(covers), 6_000)
    below_snow_line = rng.random(len(land)) < 0.8

    def seen(snowed=False):
        spectra = covers[land]
        if snowed:
            spectra = np.where(below_snow_line[:, None], spectra, snow)
        gain, haze = 1 + rng.normal(0, 0.02), rng.normal(0, 0.004)
        return (spectra * gain + haze + rng.normal(0, 0.008, spectra.shape)).T

    dates = {f"2023-{month:02}-15": seen(snowed=month in {1, 12}) for month in (7, 8, 9, 10, 12, 1)}
    first, *others = dates
    recipe = Recipe(method="minibatch_kmeans", n_clusters=len(covers), features=("red", "nir"))
    bands = dict(zip(("red", "nir"), dates[first], strict=True))
    model = fit_classes(dates[first], bands, recipe, k_scan=pd.DataFrame(), date=first)
    book = CodeBook.found(model, date=first, mosaic=first)
    for date in others:
        groups = find_new_groups(book.model, book.model.space.apply(dates[date]))
        book = book.seen(date, date, groups=groups, names=["snow"] * len(groups))

    def ids_on(date):
        model = book.model_for(date)
        return np.array(model.class_ids)[recognise(model, model.space.apply(dates[date])).rows]

    ids = np.stack([ids_on(date) for date in dates])
    same_land = ids[:, below_snow_line]
    assert (same_land == same_land[0]).all(axis=0).mean() > 0.95
    # each cover has a class of its own, and snow one that no cover has, the same on both dates
    of_covers = {int(np.bincount(ids[0, land == cover]).argmax()) for cover in range(len(covers))}
    assert of_covers == set(range(1, len(covers) + 1))
    [of_snow] = np.unique(ids[-2:, ~below_snow_line])
    assert of_snow > len(covers)


def test_a_code_book_survives_json_to_the_last_digit(book):
    full = look(book, "2023-10-13", "m1", [*CENTRES, NEW[0]], [900, 900, 900, 300])
    restored = CodeBook.from_json(full.to_json())
    assert restored.to_json() == full.to_json()
    assert np.array_equal(
        restored.model_for("2023-10-13").centroids, full.model_for("2023-10-13").centroids
    )
    with pytest.raises(StaleArtifactError, match="Remove it"):
        CodeBook.from_json(full.to_json().replace('"schema": 1', '"schema": 0', 1))


def test_matching_takes_the_smallest_distances_together():
    # each alone would take the first
    assert match(np.array([[0.0], [0.9]]), np.array([[0.5], [-0.6]]), gate=1.0) == [1, 0]


def test_a_pair_beyond_the_gate_does_not_keep_another_from_matching():
    groups, known = np.array([[0.0], [50.0]]), np.array([[0.4], [0.0]])
    assert match(groups, known, gate=1.0) == [1, None]
    assert match(groups, known[:0], gate=1.0) == [None, None]
    assert match(groups[:0], known, gate=1.0) == []
