"""Products in a real pgstac behind its STAC API, read back with pystac-client."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import urllib.request

import httpx
import psycopg
import pystac_client
import pytest

from eo_assets.errors import CatalogUnavailableError, RegistrationError
from eo_assets.storage.catalog_service import CatalogService
from eo_assets.storage.partition import Partition
from eo_assets.storage.product_catalog import register
from eo_assets.storage.store import Store
from eo_assets_tests.catalogued import publish_empty, publish_item
from eo_assets_tests.integration.test_sensor_runs import free_port
from eo_assets_tests.servers.pgstac import EO_ASSETS, database, migrate, product_api
from eo_assets_tests.tiny_archive import region

pytestmark = pytest.mark.integration

TOKEN = "s3cret-token"
FILES = "http://files.invalid/outputs"
COLLECTION = "seam-sentinel-2-l2a"


def partition(day="2023-07-01"):
    return Partition(region(), dt.date.fromisoformat(day))


@pytest.fixture(scope="module")
def named():
    with database() as named:
        yield named


@pytest.fixture(scope="module")
def api(named):
    with product_api(named, token=TOKEN) as url:
        yield url


@pytest.fixture(autouse=True)
def _nothing_registered(named):
    yield
    with psycopg.connect(**where(named)) as pg:
        pg.execute("DELETE FROM pgstac.items")
        pg.execute("DELETE FROM pgstac.collections")


def where(named):
    keys = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
    return {key: named[name] for key, name in keys.items()}


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "outputs")


def catalog(api, token=TOKEN, **more):
    return CatalogService(api, products_url=FILES, token=token, **more)


def found(api, **question):
    client = pystac_client.Client.open(api)
    return {item.id: item for item in client.search(**question).items()}


def test_a_product_is_registered_found_replaced_and_withdrawn(api, store):
    into = catalog(api)
    record = publish_item(store, partition(), "seam_a")
    address = register(into, store, partition(), record)
    assert address == f"{api}/collections/{COLLECTION}/items/seam_a"
    [item] = found(api, collections=[COLLECTION]).values()
    folder = f"{FILES}/seam/sentinel-2-l2a/2023-07-01/geotiff"
    assert item.assets["data"].href == f"{folder}/seam_a.tif"
    assert item.get_single_link("canonical").href == f"{folder}/seam_a.json"
    sources = {link.href for link in item.links if link.rel == "derived_from"}
    assert sources == {"https://example.com/items/a"}

    # materialised again: the same item, with what is new
    record = publish_item(store, partition(), "seam_a", cloud=42.0)
    register(into, store, partition(), record)
    [item] = found(api, collections=[COLLECTION]).values()
    assert item.properties["eo:cloud_cover"] == 42.0

    # on another grid: by another id, and the former one is gone
    record = publish_item(store, partition(), "seam_b")
    register(into, store, partition(), record)
    assert set(found(api, collections=[COLLECTION])) == {"seam_b"}

    # another day is another product, and stays when the first becomes empty
    other = partition("2023-07-04")
    register(into, store, other, publish_item(store, other, "seam_other"))
    for _ in range(2):
        assert register(into, store, partition(), publish_empty(store, partition())) is None
        assert set(found(api, collections=[COLLECTION])) == {"seam_other"}


def test_a_collection_is_made_once_and_spans_its_items(api, store):
    into = catalog(api)
    for day in ("2023-07-01", "2024-02-03"):
        register(into, store, partition(day), publish_item(store, partition(day), f"seam_{day}"))
    [collection] = pystac_client.Client.open(api).get_collections()
    assert collection.id == COLLECTION
    [[first, last]] = collection.extent.temporal.intervals
    assert (str(first.date()), str(last.date())) == ("2023-07-01", "2024-02-03")


def test_products_are_found_by_place_time_and_cloud(api, store):
    into = catalog(api)
    for day, cloud in (("2023-07-01", 5.0), ("2023-07-02", 50.0)):
        record = publish_item(store, partition(day), f"seam_{day}", cloud=cloud)
        register(into, store, partition(day), record)
    clear = {"op": "<", "args": [{"property": "eo:cloud_cover"}, 10]}
    assert set(found(api, filter=clear)) == {"seam_2023-07-01"}
    assert set(found(api, datetime="2023-07-02")) == {"seam_2023-07-02"}
    assert set(found(api, bbox=region().bbox_4326)) == {"seam_2023-07-01", "seam_2023-07-02"}
    assert not found(api, bbox=[0, 0, 1, 1])


def test_two_who_register_at_once_leave_one_item(api, store):
    # what the second one asked was answered before the first one wrote
    record = publish_item(store, partition(), "seam_a")
    register(catalog(api), store, partition(), record)
    late = catalog(api)
    late._known = lambda *_: set()
    register(late, store, partition(), publish_item(store, partition(), "seam_a", cloud=7.0))
    [item] = found(api, collections=[COLLECTION]).values()
    assert item.properties["eo:cloud_cover"] == 7.0


def test_writing_needs_the_token_and_reading_does_not(api, store):
    record = publish_item(store, partition(), "seam_a")
    for token in ("", "wrong"):
        with pytest.raises(RegistrationError, match=r"denies.*EO_ASSETS_PRODUCT_CATALOG_TOKEN"):
            register(catalog(api, token), store, partition(), record)
    assert httpx.post(f"{api}/collections", json={}).status_code == 401
    bulk = {"items": {}, "method": "upsert"}
    answer = httpx.post(f"{api}/collections/{COLLECTION}/bulk_items", json=bulk)
    assert answer.status_code == 401
    assert httpx.delete(f"{api}/collections/{COLLECTION}").status_code == 401
    assert httpx.post(f"{api}/search", json={}).status_code == 200


def test_on_a_network_nobody_writes_without_a_token(named):
    # 0.0.0.0 is every network this machine is on; only this machine is asked
    with product_api(named, "--host", "0.0.0.0") as everywhere:
        url = everywhere.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{url}/collections").status_code == 200
        item = {"type": "Feature"}
        assert httpx.post(f"{url}/collections/x/items", json=item).status_code == 405


def test_what_an_outage_left_out_is_registered_later(named, store):
    port = free_port()
    into = catalog(f"http://127.0.0.1:{port}", retries=0)
    record = publish_item(store, partition(), "seam_a")
    with pytest.raises(CatalogUnavailableError, match="catalog register") as caught:
        register(into, store, partition(), record)
    assert TOKEN not in str(caught.value)
    publish_empty(store, partition("2023-07-04"))
    (store.root.parent / "regions").mkdir()
    feature = {
        "type": "Feature", "id": "seam", "geometry": region().geometry,
        "properties": {"title": "Seam", "collection": "sentinel-2-l2a"},
    }  # fmt: skip
    (store.root.parent / "regions" / "seam.geojson").write_text(json.dumps(feature))
    with product_api(named, port=port, token=TOKEN) as url:
        done = subprocess.run(
            [EO_ASSETS, "catalog", "register"],
            env=os.environ  # noqa: TID251
            | {
                "EO_ASSETS_OUTPUTS": str(store.root),
                "EO_ASSETS_REGIONS": str(store.root.parent / "regions"),
                "EO_ASSETS_PRODUCT_CATALOG": url,
                "EO_ASSETS_PRODUCT_CATALOG_TOKEN": TOKEN,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "1 registered, 1 empty" in done.stdout
        [item] = found(url, collections=[COLLECTION]).values()
    # nobody serves the products here: files are named by where they are
    assert item.assets["data"].href.startswith(store.root.as_uri())
    with urllib.request.urlopen(item.get_single_link("canonical").href) as stored:
        assert json.load(stored)["id"] == "seam_a"


def test_an_api_that_is_no_stac_api_is_told_from_one_that_is_away(api, store):
    record = publish_item(store, partition(), "seam_a")
    with pytest.raises(RegistrationError, match="has to be a STAC API") as caught:
        register(catalog(f"{api}/nowhere"), store, partition(), record)
    assert not isinstance(caught.value, CatalogUnavailableError)


def test_migrating_again_changes_nothing_and_keeps_items(named, api, store):
    register(catalog(api), store, partition(), publish_item(store, partition(), "seam_a"))
    assert "pgstac 0." in migrate(named)
    assert set(found(api, collections=[COLLECTION])) == {"seam_a"}
    with psycopg.connect(**where(named)) as pg:
        # other clients of pgstac's tables do not name the schema
        assert pg.execute("SELECT count(*) FROM items").fetchone() == (1,)
        assert pg.execute("SHOW server_encoding").fetchone() == ("UTF8",)
