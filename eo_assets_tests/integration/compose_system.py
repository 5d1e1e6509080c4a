"""A project of Docker Compose's, started from this checkout, and Dagster's GraphQL in it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.request
import uuid
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
UP_S, RUN_S = 1800, 1200
PORTS = (
    "WEBSERVER", "PRODUCTS", "DASK_DASHBOARD", "STAC_API", "PRODUCT_CATALOG", "TILES", "JUPYTER",
)  # fmt: skip
SECRETS = {
    # with what has to be quoted in an address
    "POSTGRES_PASSWORD": f"s3cret@:/%#-{uuid.uuid4().hex}",
    "DAGSTER_POSTGRES_PASSWORD": f"dag'ster@:/%#-{uuid.uuid4().hex}",
    "CATALOG_POSTGRES_PASSWORD": f"cat'alog@:/%#-{uuid.uuid4().hex}",
    "JUPYTER_TOKEN": f"jupyter-{uuid.uuid4().hex}",
    "EO_ASSETS_CATALOG_TOKEN": f"scenes-{uuid.uuid4().hex}",
    "EO_ASSETS_PRODUCT_CATALOG_TOKEN": f"products-{uuid.uuid4().hex}",
}

LOCATION = """{ repositoriesOrError { ... on RepositoryConnection {
  nodes { name location { name } } } } }"""
LAUNCH = """mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"""
START_SENSOR = """mutation($sensor: SensorSelector!) { startSensor(sensorSelector: $sensor) {
  __typename ... on Sensor { sensorState { status } } } }"""
RUN_OF = """query($filter: RunsFilter!) { runsOrError(filter: $filter) { ... on Runs {
  results { runId } } } }"""
STATUS = "query($id: ID!) { runOrError(runId: $id) { ... on Run { status } } }"
ERRORS = """query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection {
  events { ... on ExecutionStepFailureEvent { stepKey error { message } } } } } }"""


def docker(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of Docker's, whatever comes of it."""
    return subprocess.run(
        ["docker", *arguments], cwd=CHECKOUT, capture_output=True, text=True, check=False, **options
    )


def _free_ports(count: int) -> list[int]:
    probes = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


class System:
    """A project of Compose's, by a name of its own so that it meets no other."""

    def __init__(self) -> None:
        self.name = f"eo-assets-test-{uuid.uuid4().hex[:8]}"
        self._ports = dict(zip(PORTS, _free_ports(len(PORTS)), strict=True))
        self._environment = {
            **os.environ,  # noqa: TID251
            **SECRETS,
            **{f"{name}_PORT": str(port) for name, port in self._ports.items()},
            "EO_ASSETS_SENSOR_INTERVAL_S": "10",
        }

    def give_archive(self, archive: Path) -> None:
        """Put a sample archive where the system would make one: minutes on a small machine."""
        volume = f"{self.name}_sample"
        labels = {"project": self.name, "volume": "sample"}
        marked = [f"--label=com.docker.compose.{key}={value}" for key, value in labels.items()]
        copy = "cp -r /from /to/archive && chown -R 1000:1000 /to && chmod 1777 /to"
        for command in (
            ("volume", "create", *marked, volume),
            (
                *("run", "--rm", "--user", "0", "-v", f"{archive}:/from:ro", "-v", f"{volume}:/to"),
                *("eo-assets", "sh", "-c", copy),
            ),
        ):
            done = docker(*command)
            assert done.returncode == 0, done.stderr

    def url(self, service: str) -> str:
        """Address of a service on this machine, by the name of its port."""
        return f"http://localhost:{self._ports[service]}"

    def try_compose(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # what a .env file of this checkout says is not what is tested
        own = ("--env-file", os.devnull, "--project-name", self.name)
        return docker("compose", *own, *arguments, env=self._environment)

    def compose(self, *arguments: str) -> str:
        """What a command of Compose's prints; it has to succeed."""
        done = self.try_compose(*arguments)
        assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]}\n{done.stderr[-6000:]}"
        return done.stdout

    def python(self, service: str, code: str) -> str:
        """What a piece of Python prints in a service."""
        return self.compose("exec", "-T", service, "python", "-c", code).strip()

    def containers(self) -> list[dict[str, Any]]:
        """All containers, as Docker describes them."""
        ids = self.compose("ps", "--all", "--quiet").split()
        return json.loads(docker("inspect", *ids).stdout)

    def graphql(self, query: str, **variables: Any) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url('WEBSERVER')}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            answer = json.load(response)
        assert not answer.get("errors"), answer["errors"]
        return answer["data"]

    def launch(self, job: str, *, date: str, region: str) -> str:
        """Start a run of a job for one partition; its id."""
        (location,) = self.graphql(LOCATION)["repositoriesOrError"]["nodes"]
        tags = {
            "dagster/partition": f"{date}|{region}",
            "dagster/partition/date": date,
            "dagster/partition/region": region,
        }
        launched = self.graphql(
            LAUNCH,
            params={
                "selector": {
                    "repositoryName": location["name"],
                    "repositoryLocationName": location["location"]["name"],
                    "pipelineName": job,
                },
                "executionMetadata": {"tags": [{"key": k, "value": v} for k, v in tags.items()]},
            },
        )["launchRun"]
        assert launched["__typename"] == "LaunchRunSuccess", launched
        return launched["run"]["runId"]

    def start_sensor(self, name: str) -> str:
        """Switch a sensor on; its status."""
        (location,) = self.graphql(LOCATION)["repositoriesOrError"]["nodes"]
        sensor = {
            "repositoryName": location["name"],
            "repositoryLocationName": location["location"]["name"],
            "sensorName": name,
        }
        return self.graphql(START_SENSOR, sensor=sensor)["startSensor"]["sensorState"]["status"]

    def wait_for_run_of(self, partition: str) -> str:
        """Wait until somebody has started a run of a partition; its id."""
        tags = [{"key": "dagster/partition", "value": partition}]
        deadline = time.monotonic() + RUN_S
        while not (found := self.graphql(RUN_OF, filter={"tags": tags})["runsOrError"]["results"]):
            assert time.monotonic() < deadline, f"nothing started a run of {partition}"
            time.sleep(2)
        return found[0]["runId"]

    def status(self, run_id: str) -> str:
        return self.graphql(STATUS, id=run_id)["runOrError"]["status"]

    def failures(self, run_id: str) -> list[dict[str, Any]]:
        """The steps of a run that failed, with what they say."""
        return [event for event in self.graphql(ERRORS, id=run_id)["logsForRun"]["events"] if event]

    def wait_for(self, run_id: str) -> str:
        """The status that a run ends with."""
        deadline = time.monotonic() + RUN_S
        while (status := self.status(run_id)) not in {"SUCCESS", "FAILURE", "CANCELED"}:
            assert time.monotonic() < deadline, f"the run is still {status} after {RUN_S} s"
            time.sleep(2)
        return status
