from __future__ import annotations

import copy
import datetime as dt
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eo_assets.cube.items import (
    acquisition_key,
    fingerprint,
    longitude_shift,
    newest_versions,
    search_window,
    solar_day,
    too_cloudy,
    unsigned,
)
from eo_assets_tests.tiny_archive import (
    Granule,
    earth_search_item,
    landsat_item,
    planetary_computer_item,
)

DAY = dt.date(2023, 7, 1)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("longitude", "first", "last"),
    [
        (0.0, "2023-07-01T00:00:00+00:00", "2023-07-01T23:59:59.999+00:00"),
        (14.99, "2023-07-01T00:00:00+00:00", "2023-07-01T23:59:59.999+00:00"),
        (25.5, "2023-06-30T23:00:00+00:00", "2023-07-01T22:59:59.999+00:00"),
        (-14.99, "2023-07-01T00:00:00+00:00", "2023-07-01T23:59:59.999+00:00"),
        (-122.4, "2023-07-01T08:00:00+00:00", "2023-07-02T07:59:59.999+00:00"),
        (178.0, "2023-06-30T13:00:00+00:00", "2023-07-01T12:59:59.999+00:00"),
        (-179.0, "2023-07-01T11:00:00+00:00", "2023-07-02T10:59:59.999+00:00"),
    ],
)
def test_the_window_of_a_solar_day_follows_the_sun(longitude, first, last):
    assert search_window(DAY, DAY, longitude) == (at(first), at(last))


def test_the_window_of_a_month_is_that_of_all_its_days():
    first, last = search_window(DAY, dt.date(2023, 7, 31), 25.5)
    assert first == search_window(DAY, DAY, 25.5)[0]
    assert last == at("2023-07-31T22:59:59.999+00:00")


def test_a_pass_in_the_pacific_belongs_to_the_local_day():
    # Fiji is imaged about 22:20 UTC, which is half past ten the next morning there
    assert solar_day(at("2023-06-30T22:20:00+00:00"), 178.0) == DAY
    # California about 18:45 UTC, the same day
    assert solar_day(at("2023-07-01T18:45:00+00:00"), -122.4) == DAY
    assert solar_day(at("2023-07-01T20:20:00+02:00"), 25.5) == DAY


@given(
    st.floats(-180, 180),
    st.integers(1_420_070_400_000, 1_900_000_000_000),
)
def test_every_moment_lies_in_the_window_of_its_solar_day_only(longitude, milliseconds):
    moment = dt.datetime(1970, 1, 1, tzinfo=dt.UTC) + dt.timedelta(milliseconds=milliseconds)
    day = solar_day(moment, longitude)
    for other in (-1, 0, 1):
        date = day + dt.timedelta(days=other)
        first, last = search_window(date, date, longitude)
        assert (first <= moment <= last) == (other == 0)
    assert abs(longitude_shift(longitude)) <= dt.timedelta(hours=12)


def variant(name: str, **properties):
    """The same granule under another id, with changed properties; None removes one."""
    item = planetary_computer_item(Granule(tile=0, day="2023-07-01"))
    item["id"] = name
    item["properties"] |= properties
    item["properties"] = {k: v for k, v in item["properties"].items() if v is not None}
    return item


def test_the_newest_baseline_wins():
    old = variant("old", **{"s2:processing_baseline": "02.12"})
    middle = variant("middle", **{"s2:processing_baseline": "05.09"})
    new = variant("new", **{"s2:processing_baseline": "05.10"})
    kept, losers = newest_versions([middle, new, old])
    assert kept == [new]
    assert [loser.id for loser in losers] == ["middle", "old"]
    assert all("version of new" in loser.reason for loser in losers)


def test_of_one_baseline_the_newest_generation_wins():
    first = variant("first", **{"s2:generation_time": "2023-07-01T15:00:00.000000Z"})
    second = variant("second", **{"s2:generation_time": "2023-09-01T15:00:00.000000Z"})
    assert newest_versions([second, first])[0] == [second]


def test_a_granule_that_comes_twice_is_used_once():
    item = variant("a")
    kept, losers = newest_versions(
        [item, copy.deepcopy(item), variant("b", **{"s2:mgrs_tile": "x"})]
    )
    assert [one["id"] for one in kept] == ["a", "b"]
    assert losers == []


def test_two_datastrips_of_one_tile_and_pass_are_both_used():
    strip = "S2A_OPER_MSI_L2A_DS_MSFT_20230701T150000_S{}_N05.09"
    north = variant("north", **{"s2:datastrip_id": strip.format("20230701T092031")})
    south = variant("south", **{"s2:datastrip_id": strip.format("20230701T093544")})
    kept, losers = newest_versions([south, north])
    assert [item["id"] for item in kept] == ["north", "south"]
    assert losers == []


def test_neighbouring_tiles_days_and_satellites_are_different_acquisitions():
    items = [
        planetary_computer_item(Granule(tile=tile, day=day))
        for tile in (0, 1)
        for day in ("2023-07-01", "2023-07-06")
    ]
    twin = variant("twin", platform="Sentinel-2B")
    assert len({acquisition_key(item) for item in [*items, twin]}) == 5


def test_both_providers_name_an_acquisition_alike():
    granule = Granule(tile=0, day="2023-07-01")
    assert acquisition_key(planetary_computer_item(granule)) == acquisition_key(
        earth_search_item(granule)
    )


def test_landsat_tier_1_wins_over_tier_2():
    one, two = landsat_item("2023-07-01"), landsat_item("2023-07-01")
    two["id"], two["properties"]["landsat:collection_category"] = "z", "T2"
    kept, _ = newest_versions([two, one])
    assert kept == [one]


VERSIONS = st.lists(
    st.builds(
        lambda name, baseline, time, tile: variant(
            name,
            **{
                "s2:processing_baseline": baseline,
                "s2:generation_time": time,
                "s2:mgrs_tile": tile,
            },
        ),
        st.sampled_from("abcde"),
        st.sampled_from(["02.12", "04.00", "05.09", "05.10", None]),
        st.sampled_from(["2023-07-01T15:00:00Z", "2023-08-01T15:00:00Z", None]),
        st.sampled_from(["35TLK", "35TMK"]),
    ),
    max_size=6,
)


@given(VERSIONS, st.randoms(use_true_random=False))
def test_no_choice_depends_on_the_order_of_items(items, rng: random.Random):
    shuffled = items.copy()
    rng.shuffle(shuffled)
    assert newest_versions(items) == newest_versions(shuffled)


def test_the_fingerprint_is_of_the_content_and_not_of_its_form():
    item = variant("a")
    mixed = {key: item[key] for key in reversed(item)}
    mixed["properties"] = dict(reversed(item["properties"].items()))
    assert fingerprint(mixed) == fingerprint(item)
    signed = copy.deepcopy(item)
    for stac_asset in signed["assets"].values():
        stac_asset["href"] += "?se=2023&sig=abc"
    assert fingerprint(signed) == fingerprint(item)
    assert len(fingerprint(item)) == 16


@pytest.mark.parametrize(
    "change",
    [
        {"s2:processing_baseline": "05.10"},
        {"s2:generation_time": "2024-01-01T00:00:00Z"},
        {"s2:mgrs_tile": "35TLL"},
        {"platform": "Sentinel-2B"},
        {"updated": "2024-01-01T00:00:00Z"},
    ],
)
def test_the_fingerprint_changes_with_what_an_item_shows(change):
    assert fingerprint(variant("a", **change)) != fingerprint(variant("a"))
    assert fingerprint(variant("b")) != fingerprint(variant("a"))


def test_the_fingerprint_changes_with_the_checksum_of_a_file():
    item = variant("a")
    corrected = copy.deepcopy(item)
    next(iter(corrected["assets"].values()))["file:checksum"] = "1220" + "ab" * 32
    assert fingerprint(corrected) != fingerprint(item)


@pytest.mark.parametrize(
    ("href", "stored"),
    [
        ("https://x.blob.core.windows.net/c/B04.tif?st=1&se=2&sp=rl&sv=3&sr=c&sig=abc%3D",
         "https://x.blob.core.windows.net/c/B04.tif"),
        ("https://bucket.s3.amazonaws.com/B04.tif?X-Amz-Signature=abc&X-Amz-Expires=60",
         "https://bucket.s3.amazonaws.com/B04.tif"),
        ("https://api.example.com/preview.png?collection=s2&item=a&assets=B04",
         "https://api.example.com/preview.png?collection=s2&item=a&assets=B04"),
        ("s3://bucket/B04.tif", "s3://bucket/B04.tif"),
        ("/data/B04.tif", "/data/B04.tif"),
        ("./B04.tif", "./B04.tif"),
    ],
)  # fmt: skip
def test_hrefs_lose_their_tokens_and_nothing_else(href, stored):
    item = variant("a") | {"assets": {"B04": {"href": href, "title": "Red"}}}
    before = copy.deepcopy(item)
    assert unsigned(item)["assets"] == {"B04": {"href": stored, "title": "Red"}}
    assert item == before


def test_of_the_links_only_the_one_to_itself_is_kept():
    links = [{"rel": rel, "href": f"https://example.com/{rel}"} for rel in ("root", "self")]
    item = variant("a") | {"links": links}
    assert unsigned(item)["links"] == [links[1]]
    assert unsigned(item, keep_links=False)["links"] == []


def test_only_what_is_stated_to_be_too_cloudy_is_left_out():
    items = [variant(name, **{"eo:cloud_cover": cover}) for name, cover in
             [("a", 29.9), ("b", 30), ("c", 30.1), ("d", None), ("e", 0)]]  # fmt: skip
    assert [excluded.id for excluded in too_cloudy(items, 30)] == ["c"]
    assert too_cloudy(items, 100) == []
