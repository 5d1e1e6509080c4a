"""The STAC API over a directory, as a real process, asked by the clients people use."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pystac
import pytest
import rasterio
from affine import Affine
from pystac_client import Client

from eo_assets.errors import ConfigurationError, SourceUnavailableError
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets_tests.stac_api_items import collection, item, scene, write, write_counted_archive

pytestmark = pytest.mark.integration

DEFAULT_ORDER = ["a5", "a4", "a3", "a2", "a1", "p1", "p2", "p3"]
CLOUD = "eo:cloud_cover"


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    """The archive counted by hand, never written to."""
    root = write_counted_archive(tmp_path_factory.mktemp("counted"))
    (root / "alps" / "broken.json").write_text('{"type": "Feature", ')
    with EmbeddedCatalog(root) as catalog:
        yield catalog


@pytest.fixture(scope="module")
def client(counted):
    return Client.open(counted.url)


@pytest.fixture(scope="module")
def writable(tmp_path_factory):
    """An archive with files, that every test may write to under ids of its own."""
    root = tmp_path_factory.mktemp("writable")
    write(root / "alps" / "collection.json", collection())
    write_cog(root / "alps" / "first" / "B 04.tif")
    first = scene("first", stac_assets={"red": {"href": "./B 04.tif"}})
    write(root / "alps" / "first" / "first.json", first)
    with EmbeddedCatalog(root, hrefs="http") as catalog:
        yield catalog


@pytest.fixture(scope="module")
def ask(counted):
    with httpx.Client(base_url=counted.url) as http_client:
        yield http_client


@pytest.fixture(scope="module")
def tell(writable):
    with httpx.Client(
        base_url=writable.url, limits=httpx.Limits(max_connections=16)
    ) as http_client:
        yield http_client


def write_cog(path: Path) -> np.ndarray:
    pixels = np.random.default_rng(4).integers(1, 10_000, (1024, 1024), dtype=np.uint16)
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "COG", "dtype": "uint16", "count": 1, "height": 1024, "width": 1024}
    with rasterio.open(
        path, "w", **profile, crs="EPSG:32633", transform=Affine(10, 0, 5e5, 0, -10, 5.1e6)
    ) as target:
        target.write(pixels, 1)
    return pixels


def found(catalog_client: Client, **parameters) -> list[str]:
    return [item["id"] for item in catalog_client.search(**parameters).items_as_dicts()]


SEARCHES = {
    "nothing asked": ({}, DEFAULT_ORDER),
    "one collection": ({"collections": ["pacific"]}, ["p1", "p2", "p3"]),
    "two collections": ({"collections": ["pacific", "alps"]}, DEFAULT_ORDER),
    "unknown collection": ({"collections": ["atlantis"]}, []),
    "ids": ({"ids": ["a1", "p3", "a9"]}, ["a1", "p3"]),
    "ids in a collection": ({"ids": ["a1", "p3"], "collections": ["alps"]}, ["a1"]),
    "bbox": ({"bbox": [10.2, 45.2, 10.4, 45.4]}, ["a3", "a1"]),
    "bbox that touches an edge": ({"bbox": [9, 45, 10, 46]}, ["a3", "a1"]),
    "bbox just beside": ({"bbox": [9, 45, 9.999, 46]}, []),
    "bbox of no size": ({"bbox": [11.2, 45.5, 11.2, 45.5]}, ["a4", "a2"]),
    "bbox with heights": ({"bbox": [10.2, 45.2, 0, 10.4, 45.4, 9]}, ["a3", "a1"]),
    "bbox inside a bbox, outside its triangle": ({"bbox": [21.5, 41.5, 21.9, 41.9]}, []),
    "bbox inside the triangle": ({"bbox": [20.1, 40.1, 20.2, 40.2]}, ["a5"]),
    "bbox across the antimeridian": ({"bbox": [178, -20, -178, 20]}, ["p1", "p2"]),
    "bbox across it, south": ({"bbox": [178, -20, -178, 5]}, ["p1"]),
    "bbox west of it": ({"bbox": [179.2, 0, 179.5, 0.5]}, ["p1"]),
    "bbox east of it": ({"bbox": [-179.5, 0, -179.2, 0.5]}, ["p1"]),
    "bbox the long way round": ({"bbox": [-178, -20, 178, 20]}, []),
    "intersects a polygon": (
        {
            "intersects": {
                "type": "Polygon",
                "coordinates": [[[11.6, 45.5], [13, 45.5], [13, 47], [11.6, 45.5]]],
            }
        },
        ["a2"],
    ),
    "intersects a collection of points": (
        {"intersects": {"type": "GeometryCollection", "geometries": [
            {"type": "Point", "coordinates": [11.2, 45.5]},
            {"type": "Point", "coordinates": [20.1, 40.1]}]}},
        ["a5", "a4", "a2"]),
    "intersects a point": ({"intersects": {"type": "Point", "coordinates": [11.2, 45.5]}},
                           ["a4", "a2"]),
    "an instant, and an interval around it": ({"datetime": "2023-08-10T10:00:00Z"}, ["a1", "p1"]),
    "an instant written in another offset": (
        {"datetime": "2023-08-18T12:00:00+02:00"}, ["a4", "p1"]),
    "a closed interval, both ends included": (
        {"datetime": "2023-08-10T10:00:00Z/2023-08-10T10:00:00.5Z"}, ["a2", "a1", "p1"]),
    "an open end": ({"datetime": "2023-08-18T10:00:00Z/.."}, ["a5", "a4", "p1"]),
    "an open begin": ({"datetime": "../2023-07-01T00:00:00Z"}, ["p2", "p3"]),
    "a month, as pystac-client writes it": ({"datetime": "2023-07"}, ["p2"]),
    "eq": ({"query": {CLOUD: {"eq": 20}}}, ["a3"]),
    "neq, without those that lack it": (
        {"query": {CLOUD: {"neq": 20}}}, ["a5", "a2", "a1", "p1", "p2", "p3"]),
    "lt": ({"query": {CLOUD: {"lt": 20}}}, ["a1", "p1", "p2"]),
    "lte": ({"query": {CLOUD: {"lte": 20}}}, ["a3", "a1", "p1", "p2"]),
    "gt": ({"query": {CLOUD: {"gt": 50}}}, ["a5", "p3"]),
    "gte": ({"query": {CLOUD: {"gte": 50}}}, ["a5", "a2", "p3"]),
    "between": ({"query": {CLOUD: {"gt": 5, "lt": 50}}}, ["a3", "p2"]),
    "in": ({"query": {CLOUD: {"in": [5, 90]}}}, ["a5", "a1"]),
    "startsWith": ({"query": {"platform": {"startsWith": "sentinel-2"}}}, DEFAULT_ORDER[:5]),
    "endsWith": ({"query": {"platform": {"endsWith": "b"}}}, ["a4", "a2"]),
    "contains a text": ({"query": {"platform": {"contains": "el-2a"}}}, ["a5", "a3", "a1"]),
    "contains in a list": ({"query": {"instruments": {"contains": "msi"}}}, ["a1"]),
    "a time": ({"query": {"datetime": {"lt": "2023-08-10T10:00:00.2Z"}}}, ["a1", "p2", "p3"]),
    "pystac-client's short form": ({"query": ["eo:cloud_cover<20", "platform=sentinel-2a"]},
                                   ["a1"]),
    "sortby ascending, the missing last": (
        {"sortby": [f"+properties.{CLOUD}"]}, ["p1", "a1", "p2", "a3", "a2", "a5", "p3", "a4"]),
    "sortby descending, the missing last": (
        {"sortby": [f"-{CLOUD}"]}, ["p3", "a5", "a2", "a3", "p2", "a1", "p1", "a4"]),
    "sortby two": (
        {"sortby": ["platform", f"-{CLOUD}"]}, ["p3", "p2", "p1", "a5", "a3", "a1", "a2", "a4"]),
    "sortby a text downwards, ties in default order": (
        {"sortby": ["-platform"]}, ["a4", "a2", "a5", "a3", "a1", "p1", "p2", "p3"]),
    "sortby time": ({"sortby": ["+datetime"], "collections": ["alps"]},
                    ["a1", "a2", "a3", "a4", "a5"]),
    "sortby id": ({"sortby": ["-id"], "bbox": [10, 45, 12, 46]}, ["a4", "a3", "a2", "a1"]),
    "everything at once": (
        {"collections": ["alps"], "bbox": [10, 45, 12, 46], "query": {CLOUD: {"lte": 50}},
         "datetime": "2023-08-10/2023-08-15", "sortby": [f"-{CLOUD}"]},
        ["a2", "a3", "a1"]),
}  # fmt: skip


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("name", SEARCHES)
def test_search_finds_what_a_hand_count_finds(client, name, method):
    parameters, expected = SEARCHES[name]
    search = client.search(**parameters, method=method)
    assert [found["id"] for found in search.items_as_dicts()] == expected
    assert search.matched() == len(expected)
    # the same, in pages of two
    assert found(client, **parameters, method=method, limit=2) == expected


def test_what_is_advertised_is_what_works_and_no_more(client):
    for name in (
        "ITEM_SEARCH",
        "COLLECTIONS",
        "FEATURES",
        "QUERY",
        "SORT",
        "FIELDS",
        "TRANSACTION",
    ):
        assert client.conforms_to(name), name
    for name in ("FILTER", "COLLECTION_SEARCH", "CONTEXT"):
        assert not client.conforms_to(name), name


def test_collections_are_valid_with_and_without_a_document(client):
    by_id = {found.id: found for found in client.get_collections()}
    assert set(by_id) == {"alps", "pacific"}
    for found_collection in by_id.values():
        found_collection.validate()
    assert by_id["alps"].description == "Scenes to count by hand."
    assert by_id["alps"].get_single_link("license").href == "https://example.com/license"
    # p1 and p2 reach both sides of the antimeridian, from 1 degree south to 11 north
    assert by_id["pacific"].extent.spatial.bboxes == [[-180, -1, 180, 11]]
    begin, end = by_id["pacific"].extent.temporal.intervals[0]
    assert (begin.isoformat(), end.isoformat()) == (
        "2023-06-01T00:00:00+00:00", "2023-08-31T00:00:00+00:00")  # fmt: skip
    assert {child.id for child in client.get_children()} == {"alps", "pacific"}


def test_items_are_valid_and_linked(client, counted, ask):
    for found_item in client.search(collections=["alps"]).items():
        found_item.validate()
        assert found_item.get_self_href() == f"{counted.url}/collections/alps/items/{found_item.id}"
    alps = client.get_collection("alps")
    assert [found.id for found in alps.get_items()] == ["a5", "a4", "a3", "a2", "a1"]
    assert alps.get_item("a3").properties[CLOUD] == 20
    listed = ask.get(
        "/collections/alps/items",
        params={"bbox": "10,45,12,46", "datetime": "2023-08-11T00:00:00Z/..", "limit": 1},
    ).json()
    assert (listed["numberMatched"], listed["numberReturned"]) == (2, 1)
    (after,) = [link["href"] for link in listed["links"] if link["rel"] == "next"]
    assert [feature["id"] for feature in ask.get(after).json()["features"]] == ["a3"]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_fields_reduce_items(client, method):
    def one(fields):
        search = client.search(ids=["a1"], fields=fields, method=method)
        return next(search.items_as_dicts())

    kept = one(["id", f"properties.{CLOUD}"])
    assert kept == {
        "id": "a1", "type": "Feature", "collection": "alps", "properties": {CLOUD: 5}
    }  # fmt: skip
    without = one(["-geometry", "-properties.platform"])
    assert "geometry" not in without
    assert set(without["properties"]) == {"datetime", CLOUD, "instruments"}


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("/search?bbox=1,2,3", "BBox '1,2,3' must have 4 or 6"),
        ("/search?bbox=1,2,x,4", "invalid bbox"),
        ("/search?bbox=1,50,2,40", "latitude"),
        ("/search?bbox=nan,40,2,50", "bbox"),
        ("/search?bbox=-190,40,2,50", "-180"),
        ("/search?datetime=yesterday", "RFC3339"),
        ("/search?datetime=2023-13-01T00:00:00Z", "month"),
        ("/search?datetime=../..", "open-ended"),
        ("/search?datetime=2023-08-02T00:00:00Z/2023-08-01T00:00:00Z", "before"),
        ("/search?limit=0", "limit"),
        ("/search?limit=many", "limit"),
        ("/search?filter=id='a1'", "filter: unknown parameter"),
        ("/search?ids=", "ids"),
        ("/search?fields=", "fields"),
        ("/search?limit=1&limit=2", "once"),
        ("/search?query={", "query: not valid JSON"),
        ('/search?query={"eo:cloud_cover":{"like":3}}', "unknown operator 'like'"),
        ('/search?query={"eo:cloud_cover":{"lt":"low"}}', "cannot be compared with 'low'"),
        ('/search?query={"eo:cloud_cover":{"in":[]}}', "not empty"),
        ('/search?query={"platform":{"startsWith":3}}', "needs a text"),
        ("/search?sortby=instruments", "it has no order"),
        ("/search?token=abc", "token"),
        ('/search?intersects={"type":"Feature"}', "intersects"),
        ('/search?bbox=1,2,3,4&intersects={"type":"Point","coordinates":[1,2]}', "exclusive"),
        ("/collections/alps/items?ids=a1", "unknown parameter"),
        ("/collections/alps/items?collections=pacific", "'alps' alone"),
        ("/collections?bbox=1,2,3,4", "unknown parameter"),
    ],
)
def test_bad_get_is_a_400_that_says_why(ask, path, named):
    answer = ask.get(path)
    assert answer.status_code == 400, answer.text
    assert named in answer.json()["description"]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"filter": {"op": "=", "args": []}}, "filter"),
        ({"bbox": [1, 2, 3]}, "bbox"),
        ({"ids": []}, "ids"),
        ({"collections": "alps"}, "collections"),
        ({"sortby": [{"field": "id", "direction": "up"}]}, "direction"),
        ({"fields": {"only": ["id"]}}, "only"),
        ({"datetime": "2023-08-15"}, "datetime"),
        ({"intersects": {"type": "Polygon",
                         "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}}, "Self-inter"),
        ({"intersects": {"type": "Point", "coordinates": [190, 5]}}, "within"),
        ([1], "JSON object"),
    ],
)  # fmt: skip
def test_bad_post_is_a_400_that_says_why(ask, body, named):
    answer = ask.post("/search", json=body)
    assert answer.status_code == 400, answer.text
    assert named in answer.json()["description"]


def test_a_token_of_another_search_is_refused(ask):
    page = ask.post("/search", json={"limit": 2}).json()
    (token,) = [link["body"]["token"] for link in page["links"] if link["rel"] == "next"]
    other = ask.post("/search", json={"limit": 2, "ids": ["a1"], "token": token})
    assert other.status_code == 400
    assert "another search" in other.json()["description"]


def test_service_pages_answer(ask):
    answers = {
        path: ask.get(path)
        for path in ("/", "/conformance", "/api", "/api.html", "/_mgmt/ping", "/queryables")
    }
    assert {answer.status_code for answer in answers.values()} == {200}
    assert answers["/"].json()["conformsTo"] == answers["/conformance"].json()["conformsTo"]
    assert answers["/queryables"].json()["properties"][CLOUD] == {"type": "number"}
    health = ask.get("/_mgmt/health").json()
    assert (health["n_items"], health["n_collections"]) == (8, 2)
    (problem,) = health["problems"]
    assert problem.startswith("alps/broken.json: cannot be read as JSON")


def test_paging_neither_repeats_nor_loses_while_items_come_and_go(tmp_path):
    def numbered(number: int, prefix: str = "i") -> dict:
        return scene(f"{prefix}{number:04d}", when=f"2023-08-{number % 28 + 1:02d}T10:00:00Z")

    write(tmp_path / "collection.json", collection())
    for number in range(1000):
        write(tmp_path / "items" / f"{number}.json", numbered(number))
    with EmbeddedCatalog(tmp_path) as catalog, httpx.Client(base_url=catalog.url) as http_client:
        items_url = "/collections/alps/items"
        http_client.post(items_url, json=numbered(5000))
        stop = threading.Event()
        written = []

        def keep_writing() -> None:
            for number in range(5000):
                if stop.is_set():
                    return
                answer = http_client.post(items_url, json=numbered(number, "new"))
                written.append(answer.status_code)
                http_client.delete(f"{items_url}/new{number - 3:04d}")

        writer = threading.Thread(target=keep_writing)
        writer.start()
        try:
            for sortby in (None, ["-datetime"], ["id"]):
                search = Client.open(catalog.url).search(limit=37, sortby=sortby)
                ids = [found["id"] for found in search.items_as_dicts()]
                old = [name for name in ids if name.startswith("i")]
                assert len(ids) == len(set(ids)), sortby
                assert len(old) == 1001, sortby
        finally:
            stop.set()
            writer.join()
    assert len(written) > 20
    assert set(written) == {201}


def test_changes_are_on_disk_and_seen_after_a_restart(tmp_path):
    write(tmp_path / "alps" / "collection.json", collection())
    write(tmp_path / "alps" / "old" / "old.json", scene("old"))
    (tmp_path / "alps" / "old" / "red.tif").write_bytes(b"stays")
    items_url = "/collections/alps/items"
    with EmbeddedCatalog(tmp_path) as catalog, httpx.Client(base_url=catalog.url) as http_client:
        created = http_client.post(items_url, json=scene("new", **{CLOUD: 10}))
        assert created.status_code == 201
        assert created.headers["location"] == f"{catalog.url}{items_url}/new"
        assert "updated" not in created.json()["properties"]
        assert http_client.post(items_url, json=scene("new")).status_code == 409
        replaced = http_client.put(f"{items_url}/new", json=scene("new", **{CLOUD: 30}))
        assert replaced.json()["properties"][CLOUD] == 30
        patch = {"properties": {"note": "seen", CLOUD: None}}
        assert http_client.patch(f"{items_url}/new", json=patch).status_code == 200
        assert http_client.delete(f"{items_url}/old").status_code == 204
        assert http_client.delete(f"{items_url}/old").status_code == 404
        assert http_client.put(f"{items_url}/old", json=scene("old")).status_code == 404
        assert http_client.post("/collections", json=collection("karst")).status_code == 201
        assert http_client.post("/collections", json=collection("karst")).status_code == 409
        several = {
            "type": "FeatureCollection",
            "features": [item("k1", "karst"), item("k2", "karst")],
        }
        assert http_client.post("/collections/karst/items", json=several).status_code == 201
        before = found(Client.open(catalog.url))
    assert before == ["k1", "k2", "new"]
    assert (tmp_path / "alps" / "old" / "red.tif").read_bytes() == b"stays"
    assert not (tmp_path / "alps" / "old" / "old.json").exists()
    assert (tmp_path / "karst" / "k1" / "k1.json").is_file()
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]
    with EmbeddedCatalog(tmp_path) as catalog:
        restarted = Client.open(catalog.url)
        assert found(restarted) == before
        assert restarted.get_collection("alps").get_item("new").properties == {
            "datetime": "2023-08-10T10:00:00Z", "note": "seen"
        }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"id": "../../escape"}, "cannot name a folder"),
        ({"id": ".hidden"}, "cannot name a folder"),
        ({"id": "x" * 300}, "cannot name a folder"),
        ({"collection": "pacific"}, "the path 'alps'"),
        ({"properties": {}}, "datetime"),
        ({"properties": {"datetime": "soon"}}, "datetime"),
        ({"geometry": {"type": "Polygon", "coordinates": []}}, "geometry"),
        ({"assets": []}, "assets"),
    ],
)
def test_a_bad_item_is_refused_and_leaves_nothing(writable, tell, change, named):
    before = sorted(writable.directory.rglob("*"))
    answer = tell.post("/collections/alps/items", json=scene("bad") | change)
    assert answer.status_code == 400, answer.text
    assert named in answer.json()["description"]
    assert sorted(writable.directory.rglob("*")) == before


def test_a_feature_collection_is_written_whole_or_not_at_all(writable, tell):
    features = [scene("whole1"), scene("first")]
    answer = tell.post(
        "/collections/alps/items",
        json={"type": "FeatureCollection", "features": features},
    )
    assert answer.status_code == 409
    assert not (writable.directory / "alps" / "whole1").exists()


def test_an_item_of_an_unknown_collection_is_a_404(tell):
    answer = tell.post("/collections/none/items", json=scene("x"))
    assert answer.status_code == 404


def test_what_was_got_can_be_put_back_unchanged(writable, tell):
    path = writable.directory / "alps" / "first" / "first.json"
    before = json.loads(path.read_text())
    url = "/collections/alps/items/first"
    got = tell.get(url).json()
    assert got["assets"]["red"]["href"] == f"{writable.url}/assets/alps/first/B%2004.tif"
    assert tell.put(url, json=got).status_code == 200
    assert json.loads(path.read_text()) == before


def test_of_many_posts_of_one_item_one_succeeds(writable, tell):
    url = "/collections/alps/items"
    with ThreadPoolExecutor(16) as pool:
        same = list(pool.map(lambda _: tell.post(url, json=scene("race")).status_code, range(16)))
        names = [f"parallel{number}" for number in range(32)]
        each = list(pool.map(lambda n: tell.post(url, json=scene(n)).status_code, names))
    assert sorted(same) == [201] + [409] * 15
    assert set(each) == {201}
    served = found(Client.open(writable.url), ids=names)
    assert sorted(served) == sorted(names)
    for name in names:
        stored = writable.directory / "alps" / name / f"{name}.json"
        assert pystac.Item.from_file(str(stored)).id == name


def test_gdal_reads_files_by_range(writable, tell):
    (found_item,) = Client.open(writable.url).search(ids=["first"]).items()
    href = found_item.assets["red"].href
    path = writable.directory / "alps" / "first" / "B 04.tif"
    with rasterio.open(path) as local, rasterio.open(f"/vsicurl/{href}") as remote:
        window = rasterio.windows.Window(500, 500, 100, 100)
        assert np.array_equal(remote.read(1, window=window), local.read(1, window=window))
    part = tell.get(href, headers={"Range": "bytes=10-19"})
    assert part.status_code == 206
    assert part.content == path.read_bytes()[10:20]
    assert part.headers["content-range"] == f"bytes 10-19/{path.stat().st_size}"
    assert tell.get(href, headers={"Range": "bytes=99999999-"}).status_code == 416


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../secret.txt", "/assets/..%2fsecret.txt", "/assets/%2e%2e/secret.txt",
        "/assets/alps/../../secret.txt", "/assets//etc/passwd", "/assets/%2fetc%2fpasswd",
        "/assets/link.txt", "/assets/.hidden", "/assets/a%00b", "/assets/..\\secret.txt",
        "/assets/alps", "/assets/",
    ],
)  # fmt: skip
def test_hostile_paths_find_nothing(writable, path):
    secret = writable.directory.parent / "secret.txt"
    secret.write_text("secret")
    (writable.directory / ".hidden").write_text("secret")
    if not (writable.directory / "link.txt").is_symlink():
        (writable.directory / "link.txt").symlink_to(secret)
    # httpx would tidy the path up before sending it
    connection = http.client.HTTPConnection("127.0.0.1", int(writable.url.rsplit(":", 1)[1]))
    try:
        connection.putrequest("GET", path, skip_host=False)
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 404
        assert b"secret" not in answer.read().replace(b"secret.txt", b"")
    finally:
        connection.close()


def test_a_directory_without_stac_is_a_configuration_error(tmp_path):
    (tmp_path / "region.json").write_text('{"type": "Feature", "properties": {}}')
    with pytest.raises(ConfigurationError, match="no readable STAC item or collection below"):
        EmbeddedCatalog(tmp_path).start()


def test_a_process_that_dies_shows_the_end_of_its_log(tmp_path, monkeypatch):
    dying = tmp_path / "python"
    dying.write_text("#!/bin/sh\necho 'out of luck' >&2\nexit 3\n")
    dying.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(dying))
    with pytest.raises(SourceUnavailableError, match=r"(?s)ended with code 3.*out of luck"):
        EmbeddedCatalog(tmp_path).start()


def test_a_process_that_is_silent_is_ended(tmp_path):
    write_counted_archive(tmp_path)
    catalog = EmbeddedCatalog(tmp_path, start_timeout_s=0.01)
    with pytest.raises(SourceUnavailableError, match="did not answer within"):
        catalog.start()
    assert catalog.pid is None


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_the_process_ends_with_the_block_and_with_a_killed_parent(tmp_path):
    write_counted_archive(tmp_path)
    with EmbeddedCatalog(tmp_path) as catalog:
        pid = catalog.pid
        assert is_running(pid)
    assert not is_running(pid)

    script = (
        "import sys, time; from pathlib import Path\n"
        "from eo_assets.sample.api.embedded import EmbeddedCatalog\n"
        "catalog = EmbeddedCatalog(Path(sys.argv[1])); catalog.start()\n"
        "print(catalog.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        orphan = int(parent.stdout.readline())
        assert is_running(orphan)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 10
    while is_running(orphan) and time.monotonic() < deadline:
        time.sleep(0.05)
    survived = is_running(orphan)
    if survived:
        os.kill(orphan, signal.SIGKILL)
    assert not survived


def real_archive() -> Path:
    given = os.environ.get("EO_ASSETS_REAL_DATA")  # noqa: TID251
    shared = Path(given) if given else Path(__file__).resolve().parents[3] / "shared" / "data"
    if not (shared / "sentinel-2-l2a-120m").is_dir():
        pytest.skip(f"no real Sentinel-2 scenes in {shared}; set EO_ASSETS_REAL_DATA")
    return shared / "sentinel-2-l2a-120m"


@pytest.mark.real_data
def test_real_sentinel_2_scenes(tmp_path):
    root = shutil.copytree(real_archive(), tmp_path / "real", copy_function=os.symlink)
    # symlinks spare the copy of the pixels; what is written goes here, not into the original
    with EmbeddedCatalog(root) as catalog:
        client = Client.open(catalog.url)
        tile = {"query": {"grid:code": {"eq": "MGRS-33TWL"}}}
        assert found(client, **tile) == [
            "S2A_33TWL_20230818_0_L2A", "S2A_33TWL_20230815_0_L2A", "S2B_33TWL_20230810_0_L2A"
        ]  # fmt: skip
        assert found(client, datetime="2023-08-15", sortby=["+grid:code"]) == [
            "S2A_33TWL_20230815_0_L2A", "S2A_33TWM_20230815_0_L2A"
        ]  # fmt: skip
        clear = client.search(query={CLOUD: {"lt": 1}}, bbox=[15, 46.5, 15.5, 46.8])
        (found_item,) = clear.items()
        assert found_item.id == "S2A_33TWM_20230815_0_L2A"
        with rasterio.open(found_item.assets["red"].href) as source:
            assert (source.width, source.height, str(source.crs)) == (915, 915, "EPSG:32633")
        assert client.get_collection("sentinel-2-l2a").description.startswith("Global Sentinel-2")
