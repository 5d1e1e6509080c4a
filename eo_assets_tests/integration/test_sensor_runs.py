"""From a scene's publication to the report, by Dagster's own web server and daemon.

On SQLite, the default, and on PostgreSQL, as in docker-compose.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from eo_assets.commands.dev import _start_dagster, _wait_until_ready
from eo_assets.defs.instance import DAGSTER_YAML, SQLITE_YAML
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.settings import Settings, load_settings
from eo_assets_tests.servers.postgres import running_postgres
from eo_assets_tests.tiny_archive import (
    CLEAR,
    CLOUD,
    Granule,
    planetary_computer_item,
    region,
    write_granule,
)

pytestmark = pytest.mark.integration

COLLECTION = "sentinel-2-l2a"
SENSOR = "new_scenes_seam"
DEADLINE_S = 900


def ago(days: int) -> str:
    return str(dt.datetime.now(dt.UTC).date() - dt.timedelta(days=days))


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Scenes:
    """A writable STAC API over an archive; some scenes' files are there before their items."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = free_port()
        write_granule(root, Granule(tile=0, day=ago(300)))
        # one of them all cloud: its products are empty and soon made
        self._items = {3: self._unpublished(3, CLEAR), 6: self._unpublished(6, CLOUD)}
        self._api: EmbeddedCatalog | None = None

    def _unpublished(self, days: int, scl: int) -> dict[str, Any]:
        granule = Granule(tile=0, day=ago(days), scl=scl)
        path = write_granule(self.root, granule)
        path.unlink()
        item = planetary_computer_item(granule)
        for key, stac_asset in item["assets"].items():
            stac_asset["href"] = str(path.with_name(f"{key}.tif"))
        return item

    def item(self, days: int, **properties: Any) -> dict[str, Any]:
        item = self._items[days]
        return item | {"properties": item["properties"] | properties}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._api = EmbeddedCatalog(self.root, stamp=True, port=self.port)
        self._api.start()

    def stop(self) -> None:
        if self._api:
            self._api.close()

    def write(self, method: str, path: str = "", body: dict[str, Any] | None = None) -> None:
        url = f"{self.url}/collections/{COLLECTION}/items{path}"
        httpx.request(method, url, json=body).raise_for_status()


class System:
    """Dagster as people see it: through its web server."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, query: str, **variables: object) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=120) as answer:
            found = json.load(answer)
        assert "errors" not in found, found
        return found["data"]

    @property
    def selector(self) -> dict[str, str]:
        return {
            "repositoryLocationName": "eo_assets",
            "repositoryName": "__repository__",
            "sensorName": SENSOR,
        }

    def switch_on(self) -> None:
        query = """mutation($s: SensorSelector!) {startSensor(sensorSelector: $s) {
          __typename ... on Sensor {sensorState {status}}}}"""
        assert self.ask(query, s=self.selector)["startSensor"]["sensorState"]["status"] == "RUNNING"

    def sensor(self) -> dict[str, Any]:
        query = """query($s: SensorSelector!) {sensorOrError(sensorSelector: $s) {... on Sensor {
          sensorState {status ticks(limit: 100) {status skipReason error {message} runKeys}}}}}"""
        return self.ask(query, s=self.selector)["sensorOrError"]["sensorState"]

    def runs(self) -> list[dict[str, Any]]:
        """All runs, the oldest first, their tags as a mapping."""
        query = """{runsOrError {... on Runs {results {
          runId status creationTime jobName tags {key value}}}}}"""
        runs = self.ask(query)["runsOrError"]["results"]
        for run in runs:
            run["tags"] = {tag["key"]: tag["value"] for tag in run["tags"]}
        return sorted(runs, key=lambda run: run["creationTime"])

    def wait(self, what: str, condition: Callable[[], Any]) -> Any:
        deadline = time.monotonic() + DEADLINE_S
        while not (found := condition()):
            assert time.monotonic() < deadline, (what, self.sensor(), self.runs())
            time.sleep(0.3)
        return found

    def wait_for_run(self, number: int) -> dict[str, str]:
        """Wait until a run, counted from 1, has succeeded; its tags."""

        def ended() -> dict[str, Any] | None:
            runs = self.runs()
            assert len(runs) <= number, [run["tags"] for run in runs]
            last = runs[-1] if len(runs) == number else {"status": None}
            assert last["status"] not in {"FAILURE", "CANCELED"}, self.failures(last["runId"])
            return last if last["status"] == "SUCCESS" else None

        return self.wait(f"run {number}", ended)["tags"]

    def failures(self, run_id: str) -> list[str]:
        query = """query($id: ID!) {logsForRun(runId: $id) {... on EventConnection {events {
          ... on ExecutionStepFailureEvent {stepKey error {message}}}}}}"""
        events = self.ask(query, id=run_id)["logsForRun"]["events"]
        return [event["error"]["message"] for event in events if event.get("error")]

    def wait_for_tick(self, words: str) -> None:
        """Wait for a tick that says something."""
        self.wait(
            words,
            lambda: any(words in (tick["skipReason"] or "") for tick in self.sensor()["ticks"]),
        )

    def wait_for_ticks_more(self, number: int) -> None:
        before = len(self.sensor()["ticks"])
        self.wait(f"{number} ticks", lambda: len(self.sensor()["ticks"]) >= before + number)


@pytest.fixture
def storage(request) -> Iterator[str]:
    """What ``dagster.yaml`` says of where records are kept."""
    if request.param == "sqlite":
        yield SQLITE_YAML
    else:
        with running_postgres() as url:
            yield f"storage:\n  postgres:\n    postgres_url: {url}\n"


@pytest.fixture
def scenes(tmp_path) -> Iterator[Scenes]:
    scenes = Scenes(tmp_path / "archive")
    scenes.start()
    yield scenes
    scenes.stop()


@pytest.fixture
def settings(tmp_path, scenes, storage, scheduler) -> Settings:
    seam = region(clusters=3)
    properties = {"id": seam.id, "title": seam.title, "bands": list(seam.bands), "clusters": 3}
    feature = {"type": "Feature", "geometry": seam.geometry, "properties": properties}
    folder = tmp_path / "regions"
    folder.mkdir()
    (folder / "seam.geojson").write_text(json.dumps(feature))
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text(DAGSTER_YAML + storage)
    return load_settings(
        catalog=scenes.url,
        outputs=tmp_path / "outputs",
        dagster_home=home,
        regions=folder,
        dask_address=scheduler,
        sensor_interval_s=1,
        max_retries=0,
    )


@pytest.fixture
def system(settings) -> Iterator[System]:
    port = free_port()
    with contextlib.ExitStack() as stack:
        process = _start_dagster(settings, port, stack)
        _wait_until_ready(process, f"http://127.0.0.1:{port}/server_info")
        yield System(f"http://127.0.0.1:{port}")


def empty(product: Path) -> str | None:
    """Why a product is empty; None when it is not."""
    return json.loads((product / "record.json").read_text())["empty"]


@pytest.mark.parametrize("storage", ["sqlite", "postgresql"], indirect=True)
def test_scenes_that_come_change_and_go_start_one_run_each(system, scenes, settings):
    assert system.sensor()["status"] == "STOPPED"
    system.switch_on()
    system.wait_for_tick("seam: no new items; 0 known in the last 30 days")

    item = scenes.item(3)
    scenes.write("POST", body=item)
    tags = system.wait_for_run(1)
    assert tags["dagster/partition"] == f"{ago(3)}|seam"
    assert tags["dagster/sensor_name"] == SENSOR
    assert {name: tags[f"eo_assets/{name}"] for name in ("region", "date", "cause", "items")} == {
        "region": "seam", "date": ago(3), "cause": "new", "items": item["id"],
    }  # fmt: skip
    product = settings.outputs / "seam" / COLLECTION / ago(3)
    assert empty(product / "reports") is None

    newer = {"s2:processing_baseline": "05.10", "s2:generation_time": f"{ago(0)}T00:00:00Z"}
    cloudy = {"assets": scenes.item(6)["assets"]}
    scenes.write("PUT", f"/{item['id']}", scenes.item(3, **newer) | cloudy)
    tags = system.wait_for_run(2)
    assert (tags["eo_assets/date"], tags["eo_assets/cause"]) == (ago(3), "replaced")
    assert empty(product / "reports") == "all_cloud"

    scenes.write("DELETE", f"/{item['id']}")
    tags = system.wait_for_run(3)
    assert (tags["eo_assets/date"], tags["eo_assets/cause"]) == (ago(3), "withdrawn")
    assert empty(product / "reports") == "no_scene"

    scenes.stop()
    system.wait_for_tick("(3 ticks)")
    late = scenes.item(6)
    (scenes.root / "late.json").write_text(json.dumps(late))
    scenes.start()
    tags = system.wait_for_run(4)
    assert (tags["eo_assets/date"], tags["eo_assets/cause"]) == (ago(6), "new")
    system.wait_for_ticks_more(1)
    assert len(system.runs()) == 4
    assert [tick for tick in system.sensor()["ticks"] if tick["status"] == "FAILURE"] == []
