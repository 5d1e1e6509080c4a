import datetime as dt
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest

from eo_assets.catalog.regions import load_regions
from eo_assets.clustering.code_book import CodeBook
from eo_assets.clustering.fitting import Recipe, fit_classes
from eo_assets.storage.code_books import (
    code_book_keys,
    code_book_path,
    read_code_book,
    update_code_book,
)
from eo_assets.storage.store import Store

KEY = "minibatch_kmeans-2-0123456789ab"
DATES = [str(dt.date(2023, 1, 1) + dt.timedelta(days=day)) for day in range(12)]


def enter(root, date):
    """What a run does with a date, in a process of its own."""
    number = DATES.index(date)
    group = np.array([[100.0 + 50 * number, 0.0]])
    update_code_book(
        Store(root),
        load_regions()["bucegi"],
        KEY,
        lambda book: book.seen(date, f"mosaic {number}", groups=group, names=["new"]),
    )


@pytest.fixture
def book():
    values = np.random.default_rng(0).normal(0.2, 0.05, (2, 200))
    recipe = Recipe(method="minibatch_kmeans", n_clusters=2, features=("red", "nir"))
    bands = dict(zip(("red", "nir"), values, strict=True))
    model = fit_classes(values, bands, recipe, k_scan=pd.DataFrame())
    return CodeBook.found(model, date="2022-07-15", mosaic="m0")


def test_there_is_none_before_it_is_founded(tmp_path):
    region = load_regions()["bucegi"]
    assert read_code_book(Store(tmp_path), region, KEY) is None
    assert code_book_keys(Store(tmp_path), region) == []


def test_the_first_to_found_it_counts(tmp_path, book):
    store, region = Store(tmp_path), load_regions()["bucegi"]
    other = CodeBook.found(book.model, date="2021-01-01", mosaic="m1")
    update_code_book(store, region, KEY, lambda former: former or book)
    assert update_code_book(store, region, KEY, lambda former: former or other).reference == (
        "2022-07-15"
    )
    assert code_book_keys(store, region) == [KEY]
    assert [path.name for path in code_book_path(store, region, KEY).parent.iterdir()] == [
        f"{KEY}.json"
    ]


@pytest.mark.integration
def test_runs_at_the_same_time_lose_nothing(tmp_path, book):
    store, region = Store(tmp_path), load_regions()["bucegi"]
    update_code_book(store, region, KEY, lambda former: former or book)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(enter, [tmp_path] * len(DATES), DATES))
    found = read_code_book(store, region, KEY)
    assert set(found.dates) == {"2022-07-15", *DATES}
    ids = [found.dates[date].additions for date in DATES]
    assert sorted(ids) == [(number,) for number in range(3, 15)]


def test_a_change_that_fails_leaves_the_former_book(tmp_path, book):
    store, region = Store(tmp_path), load_regions()["bucegi"]
    update_code_book(store, region, KEY, lambda former: former or book)
    text = code_book_path(store, region, KEY).read_text()

    def fail(_former):
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        update_code_book(store, region, KEY, fail)
    assert code_book_path(store, region, KEY).read_text() == text
    assert json.loads(text)["reference"] == "2022-07-15"
