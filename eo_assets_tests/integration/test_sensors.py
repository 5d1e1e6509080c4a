"""The sensors on a real STAC API, tick by tick, without Dagster's daemon."""

from __future__ import annotations

import datetime as dt
import json
import socket

import dagster as dg
import httpx
import pytest

from eo_assets.definitions import build_defs
from eo_assets.defs.sensors.new_scenes import sensor_names
from eo_assets.errors import ConfigurationError, SourceUnavailableError, UnknownNameError
from eo_assets.pipeline.scene_listing import StacListing
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.settings import load_settings
from eo_assets_tests.tiny_archive import Granule, planetary_computer_item, region

pytestmark = pytest.mark.integration

COLLECTION = "sentinel-2-l2a"


def ago(days: int) -> dt.date:
    return dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days)


def item(days_ago: int, tile: int = 0, **properties) -> dict:
    made = planetary_computer_item(Granule(tile=tile, day=str(ago(days_ago))))
    return made | {"properties": made["properties"] | properties}


@pytest.fixture
def archive(tmp_path):
    """A directory with one scene of long ago."""
    old = item(900)
    folder = tmp_path / "archive" / old["id"]
    folder.mkdir(parents=True)
    (folder / "item.json").write_text(json.dumps(old))
    return folder.parent


@pytest.fixture
def catalogue(archive):
    with EmbeddedCatalog(archive, stamp=True) as running:
        yield running


def write(catalogue, method: str, path: str = "", body: dict | None = None) -> None:
    url = f"{catalogue.url}/collections/{COLLECTION}/items{path}"
    httpx.request(method, url, json=body).raise_for_status()


def listing(url: str, **changes) -> StacListing:
    return StacListing(catalog="tests", url=url, region=region(**changes))


class Ticks:
    """Evaluates a region's sensor again and again, as the daemon does."""

    def __init__(self, catalog: str, tmp_path, **changes) -> None:
        settings = load_settings(catalog=catalog, dagster_home=tmp_path / "home", **changes)
        self.defs = build_defs(settings, regions={"seam": region()})
        self.cursor: str | None = None

    def __call__(self) -> dg.SensorResult:
        name = sensor_names(["seam"])["seam"]
        with (
            dg.DagsterInstance.ephemeral() as instance,
            dg.build_sensor_context(
                instance=instance, cursor=self.cursor, definitions=self.defs, sensor_name=name,
                resources={"source": self.defs.resources["source"]},
            ) as context,
        ):  # fmt: skip
            result = self.defs.resolve_sensor_def(name)(context)
        self.cursor = result.cursor
        return result


def test_a_listing_has_what_the_api_has_on_those_days(catalogue):
    for days in range(4):
        write(catalogue, "POST", body=item(days))
    there = listing(catalogue.url)
    assert {i["id"] for i in there.between(ago(2), ago(1))} == {item(1)["id"], item(2)["id"]}
    assert [i["id"] for i in there.by_ids([item(900)["id"], "no-such"])] == [item(900)["id"]]


def test_changes_are_searched_for_by_their_time(catalogue):
    began = dt.datetime.now(dt.UTC)
    there = listing(catalogue.url)
    assert list(there.updated_since(began)) == []
    for days in (500, 700):
        write(catalogue, "POST", body=item(days))
    assert [i["id"] for i in there.updated_since(began)] == [item(500)["id"], item(700)["id"]]
    later = began + dt.timedelta(days=1)
    assert list(there.updated_since(later)) == []


def test_the_planetary_computer_is_not_searched_by_the_time_of_change(monkeypatch):
    there = listing("planetary-computer")
    monkeypatch.setattr(
        StacListing, "_client", property(lambda _: pytest.fail("it need not be asked"))
    )
    assert there.updated_since(dt.datetime.now(dt.UTC)) is None


def test_a_catalogue_without_the_collection_is_a_mistake(catalogue):
    with pytest.raises(UnknownNameError, match="It has sentinel-2-l2a"):
        listing(catalogue.url, collection="landsat-c2-l2").between(ago(2), ago(1))


def test_a_catalogue_that_is_down_is_told_from_one_that_is_none(catalogue, tmp_path):
    url = catalogue.url
    with pytest.raises(ConfigurationError, match="is not a STAC API"):
        listing(f"{url}/_mgmt/ping").between(ago(2), ago(1))
    catalogue.close()
    with pytest.raises(SourceUnavailableError, match="no connection"):
        listing(url).between(ago(2), ago(1))


def test_the_sensor_requests_the_partition_with_its_cause(catalogue, tmp_path):
    tick = Ticks(catalogue.url, tmp_path)
    assert "0 known in the last 30 days" in tick().skip_reason.skip_message
    write(catalogue, "POST", body=item(3))
    [request] = tick().run_requests
    assert request.partition_key == f"{ago(3)}|seam"
    assert request.tags == {
        "eo_assets/region": "seam",
        "eo_assets/date": str(ago(3)),
        "eo_assets/collection": COLLECTION,
        "eo_assets/cause": "new",
        "eo_assets/items": item(3)["id"],
    }
    assert tick().skip_reason.skip_message == "seam: no new items; 1 known in the last 30 days"
    write(catalogue, "PUT", f"/{item(3)['id']}", item(3, **{"s2:processing_baseline": "05.11"}))
    [replaced] = tick().run_requests
    assert replaced.tags["eo_assets/cause"] == "replaced"
    assert replaced.run_key != request.run_key
    write(catalogue, "DELETE", f"/{item(3)['id']}")
    assert [r.tags["eo_assets/cause"] for r in tick().run_requests] == ["withdrawn"]
    write(catalogue, "POST", body=item(600))
    assert [r.partition_key for r in tick().run_requests] == [f"{ago(600)}|seam"]
    assert tick().run_requests is None or not tick().run_requests


def test_a_directory_is_watched_as_well(archive, tmp_path):
    tick = Ticks(str(archive), tmp_path)
    assert "no new items" in tick().skip_reason.skip_message
    recent = archive / "recent.json"
    recent.write_text(json.dumps(item(1)))
    assert [r.partition_key for r in tick().run_requests] == [f"{ago(1)}|seam"]


def test_neither_ticks_nor_errors_tell_a_secret(tmp_path, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/stac?token=SECRET1"
        monkeypatch.setenv("EO_ASSETS_CATALOG_HEADERS", '{"Authorization": "SECRET2"}')
        tick = Ticks(url, tmp_path)
        messages = [tick().skip_reason.skip_message for _ in range(9)]
        assert "(9 ticks)" in messages[-1]
        with pytest.raises(SourceUnavailableError) as raised:
            tick()
    assert raised.value.__cause__ is raised.value.__context__ is None
    for text in (*messages, str(raised.value), tick.cursor or ""):
        assert "SECRET" not in text
