"""Reading and changing a directory, and the application over it in this process."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from stac_fastapi.types.errors import ConflictError

from eo_assets.errors import ConfigurationError, StorageError
from eo_assets.sample.api import files
from eo_assets.sample.api.app import create_app
from eo_assets.sample.api.archive import Archive
from eo_assets.sample.api.server import serve
from eo_assets.sample.api.snapshot import entry_of
from eo_assets_tests.stac_api_items import collection, scene, write, write_counted_archive

ITEMS = "/collections/alps/items"


class Asker:
    """Asks an application in this process, without a socket."""

    def __init__(self, app):
        self.transport = httpx.ASGITransport(app=app)

    def __call__(self, method: str, path: str, **request) -> httpx.Response:
        async def answer() -> httpx.Response:
            async with httpx.AsyncClient(
                transport=self.transport, base_url="http://testserver"
            ) as client:
                return await client.request(method, path, **request)

        return asyncio.run(answer())


@pytest.fixture
def root(tmp_path):
    return write_counted_archive(tmp_path)


def test_what_cannot_be_read_is_listed_and_the_rest_is_served(root, caplog):
    (root / "alps" / "broken.json").write_text("{")
    (root / "alps" / "binary.json").write_bytes(b"\xff\xfe\x00")
    write(root / "alps" / "list.json", [1])
    write(root / "alps" / "region.json", {"type": "Feature", "geometry": None})
    write(root / "alps" / "twice.json", scene("a1"))
    write(root / "alps" / "undated.json", scene("undated", when=None))
    write(root / "alps" / ".unfinished.json", scene("unfinished"))
    write(root / "z" / "collection.json", collection("alps"))
    homeless = scene("homeless")
    del homeless["collection"]
    write(root / "homeless.json", homeless)
    archive = Archive(root)
    assert len(archive.snapshot.entries) == 8
    assert [problem.split(": ")[0] for problem in archive.problems] == [
        "alps/binary.json", "alps/broken.json", "z/collection.json", "homeless.json",
        "alps/undated.json", "alps/a1/a1.json",
    ]  # fmt: skip
    assert archive.problems[-1].endswith("was already read from alps/twice.json.")
    assert caplog.messages == archive.problems


def test_an_item_without_a_collection_belongs_to_the_one_above(root):
    orphan = scene("orphan")
    del orphan["collection"]
    write(root / "alps" / "deep" / "er" / "orphan.json", orphan)
    assert Archive(root).entry("alps", "orphan").item["collection"] == "alps"


@pytest.mark.parametrize("make", [lambda _: None, lambda p: p.mkdir(), lambda p: p.write_text("")])
def test_a_directory_without_stac_is_refused(tmp_path, make):
    directory = tmp_path / "archive"
    make(directory)
    with pytest.raises(ConfigurationError, match=r"archive.*make a sample archive"):
        Archive(directory)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = write(tmp_path / "a.json", {"old": True})

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full_disk)
    with pytest.raises(StorageError, match=r"a\.json cannot be written: No space left"):
        files.write_json(path, {"new": True})
    assert json.loads(path.read_text()) == {"old": True}
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_a_507_and_the_item_is_not_served(root, monkeypatch):
    ask = Asker(create_app(root))

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full_disk)
    answer = ask("POST", ITEMS, json=scene("s"))
    assert answer.status_code == 507
    assert "No space left" in answer.json()["description"]
    assert ask("GET", f"{ITEMS}/s").status_code == 404


@pytest.mark.parametrize("value", ["NaN", "1e999", '"\\ud800"'])
def test_what_only_pythons_json_knows_is_refused_and_listed(root, value):
    text = json.dumps(scene("s", odd="?")).replace('"?"', value)
    app = create_app(root)
    answer = Asker(app)("POST", ITEMS, content=text, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert "not JSON" in answer.json()["description"]
    (root / "s.json").write_text(text)
    archive = Archive(root)
    assert len(archive.snapshot.entries) == 8
    assert archive.problems[0].startswith("s.json: ")


def test_a_collection_without_document_outlives_its_items(root):
    ask = Asker(create_app(root))
    for name in ("p1", "p2", "p3"):
        assert ask("DELETE", f"/collections/pacific/items/{name}").status_code == 204
    extent = ask("GET", "/collections/pacific").json()["extent"]
    assert extent["temporal"]["interval"] == [[None, None]]


def test_an_item_twice_in_one_request_is_a_conflict_and_writes_nothing(root):
    twice = {"type": "FeatureCollection", "features": [scene("s"), scene("s")]}
    assert Asker(create_app(root))("POST", ITEMS, json=twice).status_code == 409
    assert not (root / "alps" / "s").exists()


def test_a_file_that_could_not_be_read_is_not_written_over(root):
    broken = root / "alps" / "s" / "s.json"
    broken.parent.mkdir()
    broken.write_text("{ precious")
    assert Asker(create_app(root))("POST", ITEMS, json=scene("s")).status_code == 409
    assert broken.read_text() == "{ precious"


def test_of_writers_of_one_item_at_the_same_time_one_succeeds(root, monkeypatch):
    archive = Archive(root)
    slow_write = files.write_json

    def write_json(path, document):
        time.sleep(0.02)
        slow_write(path, document)

    monkeypatch.setattr("eo_assets.sample.api.archive.write_json", write_json)
    entry = entry_of(scene("s"), archive.path_for("alps", "s"))
    with ThreadPoolExecutor(8) as pool:
        outcomes = [pool.submit(archive.add, [entry]) for _ in range(8)]
    conflicts = [outcome.exception() for outcome in outcomes if outcome.exception()]
    assert len(conflicts) == 7
    assert {type(conflict) for conflict in conflicts} == {ConflictError}


def test_the_directory_itself_outlives_its_last_item(tmp_path):
    write(tmp_path / "only.json", scene("only"))
    ask = Asker(create_app(tmp_path))
    assert ask("DELETE", f"{ITEMS}/only").status_code == 204
    assert list(tmp_path.iterdir()) == []
    assert ask("POST", ITEMS, json=scene("next")).status_code == 201


def test_a_new_item_of_a_flat_archive_stands_beside_the_collection(tmp_path):
    write(tmp_path / "collection.json", collection())
    answer = Asker(create_app(tmp_path))("POST", ITEMS, json=scene("s"))
    assert answer.status_code == 201
    assert (tmp_path / "s" / "s.json").is_file()


def test_an_item_on_disk_with_a_hostile_collection_leads_nowhere(root):
    write(root / "evil.json", scene("e") | {"collection": "../out"})
    ask = Asker(create_app(root))
    answer = ask("POST", "/collections/..%2Fout/items", json=scene("f") | {"collection": "../out"})
    assert answer.status_code in {400, 404}
    assert not (root.parent / "out").exists()


def test_stamp_sets_created_once_and_updated_always(root):
    ask = Asker(create_app(root, stamp=True))
    first = ask("POST", ITEMS, json=scene("s")).json()["properties"]
    time.sleep(0.01)
    second = ask("PUT", f"{ITEMS}/s", json=scene("s")).json()["properties"]
    assert first["created"] == first["updated"] == second["created"] < second["updated"]


def test_a_read_only_application_has_no_writing(root):
    ask = Asker(create_app(root, writable=False))
    assert ask("POST", ITEMS, json=scene("s")).status_code == 405
    assert ask("DELETE", f"{ITEMS}/a1").status_code == 405
    assert not [name for name in ask("GET", "/conformance").json()["conformsTo"] if "trans" in name]


def test_a_token_is_needed_for_writing_and_not_for_reading(root):
    ask = Asker(create_app(root, token="s3cret"))
    assert ask("GET", "/search").status_code == 200
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic s3cret"}):
        answer = ask("POST", ITEMS, json=scene("s"), headers=headers)
        assert answer.status_code == 401
        assert "Bearer" in answer.json()["description"]
        assert ask("DELETE", f"{ITEMS}/a1", headers=headers).status_code == 401
    right = {"Authorization": "Bearer s3cret"}
    assert ask("POST", ITEMS, json=scene("s"), headers=right).status_code == 201


def test_a_page_of_another_origin_may_read_and_not_write(root):
    ask = Asker(create_app(root))
    foreign = {"Origin": "https://example.com"}
    assert ask("GET", "/search", headers=foreign).headers["access-control-allow-origin"] == "*"
    assert ask("POST", ITEMS, json=scene("s"), headers=foreign).status_code == 403
    own = {"Origin": "http://testserver"}
    assert ask("POST", ITEMS, json=scene("s"), headers=own).status_code == 201


def test_file_mode_gives_paths_and_serves_no_files(tmp_path):
    assets = {"red": {"href": "red.tif"}, "far": {"href": "s3://bucket/far.tif"}}
    write(tmp_path / "s" / "s.json", scene("s", stac_assets=assets))
    (tmp_path / "s" / "red.tif").write_bytes(b"II*")
    ask = Asker(create_app(tmp_path, hrefs="file"))
    (found,) = ask("GET", "/search").json()["features"]
    hrefs = {key: asset["href"] for key, asset in found["assets"].items()}
    assert hrefs == {"red": str(tmp_path / "s" / "red.tif"), "far": "s3://bucket/far.tif"}
    assert ask("GET", "/assets/s/red.tif").status_code == 404


def test_every_advertised_route_is_in_the_openapi_document(root):
    paths = Asker(create_app(root))("GET", "/api").json()["paths"]
    assert set(paths["/collections/{collection_id}/items/{item_id}"]) == {
        "get", "put", "patch", "delete"
    }  # fmt: skip
    assert set(paths["/collections/{collection_id}/items"]) == {"get", "post"}
    assert set(paths["/search"]) == {"get", "post"}


def test_the_network_may_not_write_without_a_token(root):
    with pytest.raises(ConfigurationError, match=r"0\.0\.0\.0.*Give a token"):
        serve(root, host="0.0.0.0", port=0)


def test_a_taken_port_is_said_to_be_taken(root):
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(ConfigurationError, match=r"Cannot listen on 127.0.0.1:\d+.*another port"),
    ):
        serve(root, port=taken.getsockname()[1])
