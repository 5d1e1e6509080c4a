"""The static catalogue, walked by pystac as any client would."""

from __future__ import annotations

import datetime as dt
import json
import os
from concurrent.futures import ThreadPoolExecutor

import pystac
import pytest

from eo_assets.errors import StorageError
from eo_assets.storage.partition import Partition, WholeRegion
from eo_assets.storage.product_catalog import product_catalog, register, register_stored
from eo_assets.storage.store import Store
from eo_assets_tests.catalogued import publish_empty, publish_item
from eo_assets_tests.tiny_archive import region
from eo_assets_tests.unit.storage.test_formats import core_schema

TERRAIN = WholeRegion(region().with_collection("cop-dem-glo-30"))


def on(day, name="seam"):
    return Partition(region(name), dt.date.fromisoformat(day))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "outputs")


def add(store, subject, item_id):
    record = publish_item(store, subject, item_id)
    return register(product_catalog(store.root), store, subject, record)


def walked(store):
    """Items by id, with the file each was read from."""
    catalog = pystac.Catalog.from_file(str(store.root / "catalog.json"))
    return {item.id: item.self_href for item in catalog.get_items(recursive=True)}


def test_every_client_finds_every_product(store):
    for day in ("2023-07-01", "2023-07-04", "2024-02-03"):
        add(store, on(day), f"seam_{day}")
    add(store, on("2023-07-01", "strip"), "strip")
    address = add(store, TERRAIN, "terrain")
    found = walked(store)
    assert set(found) == {
        "seam_2023-07-01",
        "seam_2023-07-04",
        "seam_2024-02-03",
        "strip",
        "terrain",
    }
    assert found["terrain"] == address
    item = pystac.Item.from_file(found["seam_2024-02-03"])
    assert item.get_root().id == "eo-assets-products"
    assert item.get_parent().id == "seam-sentinel-2-l2a-2024"
    assert item.get_collection().id == "seam-sentinel-2-l2a"
    assert pystac.Item.from_file(found["terrain"]).get_parent().id == "seam-cop-dem-glo-30"


def test_the_files_are_valid_stac(store):
    for day in ("2023-07-01", "2024-02-03"):
        add(store, on(day), f"seam_{day}")
    kinds = {"Catalog": 0, "Collection": 0}
    for path in store.root.rglob("*.json"):
        document = json.loads(path.read_text())
        if document.get("type") in kinds:
            kinds[document["type"]] += 1
            schema = core_schema(document["type"].lower())
            assert [error.message for error in schema.iter_errors(document)] == []
    assert kinds == {"Catalog": 3, "Collection": 1}


def test_a_collection_spans_what_is_in_it(store):
    for day in ("2023-07-04", "2024-02-03", "2023-07-01"):
        add(store, on(day), f"seam_{day}")
    path = store.root / "seam" / "sentinel-2-l2a" / "collection.json"

    def interval():
        return json.loads(path.read_text())["extent"]["temporal"]["interval"]

    assert interval() == [["2023-07-01T09:20:05Z", "2024-02-03T09:30:05Z"]]
    catalog = product_catalog(store.root)
    register(catalog, store, on("2024-02-03"), publish_empty(store, on("2024-02-03")))
    assert interval() == [["2023-07-01T09:20:05Z", "2023-07-04T09:30:05Z"]]
    assert set(walked(store)) == {"seam_2023-07-01", "seam_2023-07-04"}


def test_a_product_made_anew_is_listed_once_under_its_new_name(store):
    add(store, on("2023-07-01"), "first")
    add(store, on("2023-07-01"), "second")
    assert set(walked(store)) == {"second"}


def test_what_says_nothing_new_is_not_written(store):
    for day in ("2023-07-01", "2023-09-01", "2024-02-03"):
        add(store, on(day), f"seam_{day}")
    files = {path: path.stat().st_mtime_ns for path in store.root.rglob("*.json")}
    add(store, on("2023-08-01"), "seam_2023-08-01")
    changed = {path.name for path, at in files.items() if path.stat().st_mtime_ns != at}
    # neither the other year, nor the collection, whose extent is the same, nor the catalogue
    assert changed == {"2023.json"}


def test_an_empty_product_of_a_new_region_is_no_reason_for_a_catalogue(store):
    record = publish_empty(store, on("2023-07-01"))
    assert register(product_catalog(store.root), store, on("2023-07-01"), record) is None
    assert not (store.root / "catalog.json").exists()


def test_a_lost_catalogue_is_made_from_what_is_stored(store):
    for day in ("2023-07-01", "2024-02-03"):
        add(store, on(day), f"seam_{day}")
    add(store, TERRAIN, "terrain")
    publish_empty(store, on("2023-07-09"))
    written = {p: p.read_bytes() for p in store.root.rglob("*.json") if p.name != "record.json"}
    for path in (*store.root.glob("*.json"), *store.root.glob("*/*/*.json")):
        path.unlink()
    done = list(register_stored(product_catalog(store.root), store, region(), ["geotiff"]))
    assert [error for _, error in done if error] == []
    assert {p: p.read_bytes() for p in written} == written


def test_those_who_register_at_once_lose_nothing(store):
    days = [f"2023-07-{day:02}" for day in range(1, 25)]
    records = {day: publish_item(store, on(day), f"seam_{day}") for day in days}

    def add_one(day):
        # the lock is that of an open file: threads exclude each other as processes do
        register(product_catalog(store.root), store, on(day), records[day])

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(add_one, days))
    assert len(walked(store)) == len(days)
    assert not list(store.root.rglob(".*.json-*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written_is_named(store):
    record = publish_item(store, on("2023-07-01"), "seam")
    folder = store.root / "seam" / "sentinel-2-l2a"
    folder.chmod(0o555)
    with pytest.raises(StorageError, match="permissions"):
        register(product_catalog(store.root), store, on("2023-07-01"), record)
