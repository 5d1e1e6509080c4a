"""The system of ``docker-compose.yml`` as it stands, on a Docker engine: ``.ci/containers``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import rasterio
import yaml
from rio_cogeo.cogeo import cog_validate

from eo_assets.definitions import STEPS
from eo_assets.settings import Settings
from eo_assets_tests.integration.compose_system import CHECKOUT, PASSWORD, UP_S, System, docker

pytestmark = pytest.mark.integration

DAY, REGION = "2023-07-15", "bucegi"
PARTITION = f"{REGION}/sentinel-2-l2a/{DAY}"
NEEDS_DATABASE = {"postgres", "code-location", "webserver", "daemon"}
# folders and sizes are the containers' own
OWN = {
    "outputs", "sample_dir", "dagster_home", "dask_workers", "dask_memory_limit", "sensor_ledger",
    "archive_runs",
}  # fmt: skip
# of a catalogue that can be written, of the tile service, and of folders with a user's polygons:
# the services here have none of these
NOT_HERE = {"catalog_token", "dagster_url", "parcels", "training"} | {
    name for name in Settings.model_fields if name.startswith("tiles_")
}


def _service(container: dict[str, Any]) -> str:
    return container["Config"]["Labels"]["com.docker.compose.service"]


@pytest.fixture(scope="module")
def system():
    """All services, up and healthy."""
    if docker("info").returncode or docker("compose", "version").returncode:
        pytest.skip("CONTAINERS NOT TESTED: no Docker engine with Compose answers")
    system = System()
    try:
        started = time.monotonic()
        up = system.try_compose("up", "--build", "--wait", "--wait-timeout", str(UP_S))
        if up.returncode:
            logs = system.try_compose("logs", "--no-color", "--tail", "60").stdout
            pytest.fail(f"docker compose up failed:\n{up.stderr[-4000:]}\n{logs}")
        print(f"\nup and healthy after {time.monotonic() - started:.0f} s")
        yield system
    finally:
        # a system that stays would be in the way of the next
        system.compose("down", "--volumes", "--timeout", "60")


@pytest.fixture(scope="module")
def run_id(system):
    """A partition, materialised by the services."""
    run_id = system.launch("scenes_to_reports", date=DAY, region=REGION)
    started = time.monotonic()
    assert system.wait_for(run_id) == "SUCCESS", system.failures(run_id)
    print(f"\n{PARTITION} materialised after {time.monotonic() - started:.0f} s")
    return run_id


@pytest.fixture(scope="module")
def products(system, run_id, tmp_path_factory):
    """The products as they are in the volume."""
    folder = tmp_path_factory.mktemp("volume")
    system.compose("cp", f"products:/data/outputs/{PARTITION}", str(folder))
    return folder / DAY


def test_the_file_is_as_compose_specifies():
    check = Path(sys.executable).with_name("check-jsonschema")
    command = [check, "--builtin-schema", "vendor.compose-spec", CHECKOUT / "docker-compose.yml"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_no_setting_is_forgotten():
    services = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8"))
    wanted = {f"EO_ASSETS_{name.upper()}" for name in Settings.model_fields.keys() - OWN - NOT_HERE}
    for service in ("code-location", "dask-worker"):
        given = services["services"][service]["environment"]
        assert {name for name in given if name.startswith("EO_ASSETS_")} == wanted


def test_all_services_are_healthy_and_the_sample_is_made(system):
    states = [(_service(one), one["State"]) for one in system.containers()]
    assert sorted(name for name, state in states if state["Running"]) == [
        "code-location", "daemon", "dask-scheduler", "dask-worker", "dask-worker",
        "postgres", "products", "stac-api", "webserver",
    ]  # fmt: skip
    running = [state for _, state in states if state["Running"]]
    assert {state["Health"]["Status"] for state in running} == {"healthy"}
    assert [state["ExitCode"] for name, state in states if name == "sample"] == [0]


def test_services_have_few_rights(system):
    for container in system.containers():
        host = container["HostConfig"]
        assert container["Config"]["User"] not in {"", "0", "root"}, _service(container)
        assert host["CapDrop"] == ["ALL"]
        assert host["ReadonlyRootfs"]
        assert "no-new-privileges:true" in host["SecurityOpt"]
        assert 0 < host["Memory"] <= 4 * 2**30
        published = [place for ports in host["PortBindings"].values() for place in ports or []]
        assert {place["HostIp"] for place in published} <= {"127.0.0.1"}


def test_the_password_is_where_it_is_needed_only(system):
    told = {_service(one) for one in system.containers() if PASSWORD in json.dumps(one)}
    assert told == NEEDS_DATABASE
    history = docker("image", "history", "--no-trunc", "eo-assets-postgres").stdout
    assert history
    assert PASSWORD not in history


def test_only_dagster_reaches_the_database(system):
    reach = "import socket; socket.create_connection(('postgres', 5432), 5); print('reached')"
    assert system.python("daemon", reach) == "reached"
    refused = system.try_compose("exec", "-T", "dask-worker", "python", "-c", reach)
    assert refused.returncode
    assert "gaierror" in refused.stderr


def test_the_catalogue_cannot_be_written(system):
    code = (
        "import urllib.request as r, urllib.error as e\n"
        "post = r.Request('http://stac-api:8081/collections/sentinel-2-l2a/items',"
        " data=b'{}', headers={'Content-Type': 'application/geo+json'})\n"
        "try: print(r.urlopen(post).status)\n"
        "except e.HTTPError as error: print(error.code)"
    )
    assert system.python("dask-worker", code) in {"403", "404", "405"}


def test_a_run_leaves_all_products_in_the_volume(products):
    for step in STEPS:
        record = json.loads((products / step / "record.json").read_text(encoding="utf-8"))
        assert (record["step"], record["region"], record["date"]) == (step, REGION, DAY)
        assert record["empty"] is None
        assert all((products / step / file).exists() for file in record["files"].values())


def test_the_geotiff_in_the_volume_is_a_valid_cog(products):
    (path,) = (products / "geotiff").glob("*.tif")
    valid, errors, warnings = cog_validate(str(path), strict=True, quiet=True)
    assert (valid, errors, warnings) == (True, [], [])
    with rasterio.open(path) as file:
        assert {"blue", "green", "red", "nir"} <= set(file.descriptions)
        assert (file.read(1) != file.nodata).mean() > 0.5


def test_reports_are_served_to_browsers(system, products):
    url = f"http://127.0.0.1:{system.products}/{PARTITION}/reports/report.html"
    with urllib.request.urlopen(url, timeout=30) as response:
        assert response.read() == (products / "reports" / "report.html").read_bytes()


def test_both_workers_worked(system, run_id):
    code = (
        "import json; from distributed import Client\n"
        "with Client('tcp://127.0.0.1:8786') as client:\n"
        "    done = client.run(lambda dask_worker: dask_worker.state.executed_count)\n"
        "print(json.dumps(list(done.values())))"
    )
    executed = json.loads(system.python("dask-scheduler", code).splitlines()[-1])
    assert len(executed) == 2
    assert min(executed) > 0


def test_what_a_run_printed_can_be_read_in_the_web_interface(system, run_id):
    files = "import pathlib; print(len(list(pathlib.Path('/data/dagster/storage').rglob('*.err'))))"
    assert int(system.python("webserver", files)) > 0


def test_the_command_of_the_readme_leaves_products_to_the_caller(system, run_id, tmp_path):
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    start = readme.index("docker run --rm")
    command = readme[start : readme.index("\n\n", start)]
    user = os.getuid() or 12345
    if user != os.getuid():
        # root may write anywhere: a user without a name in the image shows more
        os.chown(tmp_path, user, user)
        command = command.replace("$(id -u):$(id -g)", f"{user}:{user}")
    # the archive that this system has made
    command = command.replace("eo-assets-sample:", f"{system.name}_sample:")
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    os.chown(outputs, user, -1)
    done = subprocess.run(
        ["bash", "-euc", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    made = list(outputs.rglob("*"))
    assert {step for step in STEPS if (outputs / PARTITION / step / "record.json").exists()} == {
        *STEPS
    }
    assert {path.stat().st_uid for path in made} == {user}


def test_logs_tell_neither_of_faults_nor_secrets(system, run_id):
    logs = system.compose("logs", "--no-color")
    assert "Traceback" not in logs
    assert PASSWORD not in logs


def test_products_and_runs_outlive_the_containers(system, run_id, products):
    system.compose("down", "--timeout", "60")
    system.compose("up", "--wait", "--wait-timeout", str(UP_S))
    assert system.status(run_id) == "SUCCESS"
    url = f"http://127.0.0.1:{system.products}/{PARTITION}/reports/record.json"
    with urllib.request.urlopen(url, timeout=30) as response:
        assert response.read() == (products / "reports" / "record.json").read_bytes()
