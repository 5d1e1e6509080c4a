"""Values, conditions, orders and pages, without a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stac_fastapi.types.errors import InvalidQueryParameter

from eo_assets.sample.api.query import OPERATORS, compile_query
from eo_assets.sample.api.requests import SearchPost, explain, from_get, interval_us
from eo_assets.sample.api.search import Criteria, SortField, find
from eo_assets.sample.api.snapshot import Snapshot, entry_of
from eo_assets.sample.api.values import comparable, timestamp_us
from eo_assets_tests.stac_api_items import counted_items, item, scene


def snapshot_of(*documents: dict) -> Snapshot:
    return Snapshot(entry_of(document, Path("x.json")) for document in documents)


def ids(page) -> list[str]:
    return [entry.item["id"] for entry in page.entries]


@pytest.mark.parametrize(
    ("text", "expected_us"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:00.5Z", 500_000),
        ("1970-01-01T00:00:00.123456789Z", 123_456),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01t00:00:01z", 1_000_000),
        ("1969-12-31T23:59:59Z", -1_000_000),
        ("2023-08-15", None),
        ("2023-08-15T10:00:00", None),
        ("2023-02-30T10:00:00Z", None),
        ("S2A", None),
    ],
)
def test_timestamps_are_rfc_3339_or_nothing(text, expected_us):
    assert timestamp_us(text) == expected_us


def test_kinds_keep_booleans_and_numbers_apart():
    assert comparable(True) != comparable(1)
    assert comparable([1]) is None
    assert comparable(None) is None


def test_fractions_of_seconds_order_after_whole_seconds():
    # as texts, ".5Z" sorts before "Z"
    early, late = "2023-08-10T10:00:00Z", "2023-08-10T10:00:00.5Z"
    assert comparable(early) < comparable(late)


def test_unknown_operators_are_named_with_the_known_ones():
    with pytest.raises(InvalidQueryParameter, match=r"unknown operator 'like'.*startsWith"):
        compile_query({"platform": {"like": "s"}})
    assert len(OPERATORS) == 10


def test_an_item_without_the_property_meets_no_condition():
    for op, operand in [("neq", 1), ("eq", 1), ("in", [1]), ("contains", "a")]:
        assert not compile_query({"absent": {op: operand}})(scene("a"))


def test_numbers_as_texts_compare_as_numbers():
    below = compile_query({"eo:cloud_cover": {"lt": "9"}})
    assert not below(scene("a", **{"eo:cloud_cover": 10}))
    assert below(scene("a", **{"eo:cloud_cover": 8.5}))


@pytest.mark.parametrize("operand", [None, [1], {"a": 1}])
def test_operands_without_an_order_are_refused(operand):
    with pytest.raises(InvalidQueryParameter, match="needs a number"):
        compile_query({"eo:cloud_cover": {"eq": operand}})


def test_the_default_order_is_newest_first_then_id():
    same = [scene(name, when="2023-01-01T00:00:00Z") for name in ("b", "a")]
    later = scene("c", when="2023-01-01T00:00:00.001Z")
    assert ids(find(snapshot_of(*same, later), Criteria())) == ["c", "a", "b"]


order_fields = st.lists(
    st.builds(
        SortField,
        st.sampled_from(["eo:cloud_cover", "platform", "datetime", "id", "created"]),
        st.booleans(),
    ),
    max_size=2,
)
properties = st.fixed_dictionaries(
    {},
    optional={
        "eo:cloud_cover": st.sampled_from([0, 0.5, 1, 100]),
        "platform": st.sampled_from(["", "a", "b", "a-long"]),
        "created": st.sampled_from(["2023-01-01T00:00:00Z", "2023-01-01T00:00:00.5Z", "never"]),
    },
)


@settings(deadline=None, max_examples=60)
@given(st.lists(properties, max_size=12), order_fields, st.integers(1, 5))
def test_pages_joined_are_the_whole_in_any_order(found_properties, order, limit):
    snapshot = snapshot_of(*[scene(f"i{n}", **p) for n, p in enumerate(found_properties)])
    order = tuple(order)
    whole = ids(find(snapshot, Criteria(order=order, limit=100)))
    joined, token = [], None
    for _ in range(len(found_properties) + 1):
        page = find(snapshot, Criteria(order=order, limit=limit, token=token))
        joined += ids(page)
        assert page.n_matched == len(found_properties)
        token = page.next_token
        if token is None:
            break
        assert len(page.entries) == limit
    assert joined == whole
    assert sorted(joined) == sorted(f"i{n}" for n in range(len(found_properties)))


def test_a_page_goes_on_after_its_last_item_was_withdrawn():
    documents = [scene(f"i{n}") for n in range(6)]
    first = find(snapshot_of(*documents), Criteria(limit=3))
    left = [document for document in documents if document["id"] != "i2"]
    second = find(snapshot_of(*left), Criteria(limit=3, token=first.next_token))
    assert (ids(first), ids(second)) == (["i0", "i1", "i2"], ["i3", "i4", "i5"])


@pytest.mark.parametrize("token", ["", "abc", "bnVsbA", "WzEsMiwzXQ", "é"])
def test_a_damaged_token_is_refused(token):
    with pytest.raises(InvalidQueryParameter, match="token"):
        find(snapshot_of(scene("a")), Criteria(token=token))


def test_get_and_post_mean_the_same():
    body = {
        "collections": ["alps", "pacific"], "bbox": (1, 2, 3, 4), "limit": 7,
        "query": {"gsd": {"lt": 20}},
        "sortby": [{"field": "gsd", "direction": "desc"}, {"field": "id", "direction": "asc"}],
        "fields": {"include": ["id"], "exclude": ["assets"]},
        "datetime": "2023-08-01T00:00:00Z/..",
    }  # fmt: skip
    parameters = body | {
        "query": '{"gsd": {"lt": 20}}', "sortby": ["-gsd", " id"], "fields": ["id", "-assets"],
        "ids": None, "token": None, "intersects": None,
    }  # fmt: skip
    assert from_get(parameters) == SearchPost.model_validate(body)


def test_intervals():
    assert interval_us("1970-01-01T00:00:01Z") == (1_000_000, 1_000_000)
    assert interval_us("../1970-01-01T00:00:01Z") == (None, 1_000_000)
    assert interval_us("1970-01-01T00:00:01Z/") == (1_000_000, None)


def test_explanations_name_the_parameter_once():
    errors = [{"loc": ("body", "bbox"), "msg": "Value error, too short"}] * 2
    assert explain(errors) == "bbox: too short."


def test_ids_and_collections_narrow_each_other():
    snapshot = snapshot_of(*counted_items(), item("a1", "pacific"))
    assert len(find(snapshot, Criteria(ids=frozenset({"a1"}))).entries) == 2
    both = Criteria(ids=frozenset({"a1"}), collections=frozenset({"alps"}))
    assert [entry.key for entry in find(snapshot, both).entries] == [("alps", "a1")]
