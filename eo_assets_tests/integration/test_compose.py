"""The system of ``docker-compose.yml`` as it stands, on a Docker engine: ``.ci/containers``."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pystac_client
import pytest
import rasterio
import yaml
from PIL import Image
from rio_cogeo.cogeo import cog_validate

from eo_assets.definitions import STEPS
from eo_assets.settings import Settings
from eo_assets_tests.integration.compose_system import CHECKOUT, SECRETS, UP_S, System, docker
from eo_assets_tests.whole_archive import whole_archive

pytestmark = pytest.mark.integration

DAY, REGION = "2023-07-15", "bucegi"
PARTITION, COLLECTION = f"{REGION}/sentinel-2-l2a/{DAY}", f"{REGION}-sentinel-2-l2a"
NEEDS = {
    "POSTGRES_PASSWORD": {"postgres", "catalog-migrate"},
    "DAGSTER_POSTGRES_PASSWORD": {"postgres", "code-location", "webserver", "daemon"},
    "CATALOG_POSTGRES_PASSWORD": {"postgres", "product-catalog"},
    "JUPYTER_TOKEN": {"jupyter"},
    "EO_ASSETS_CATALOG_TOKEN": {"stac-api"},
    "EO_ASSETS_PRODUCT_CATALOG_TOKEN": {"product-catalog", "code-location"},
}  # fmt: skip
ONCE = {"sample", "catalog-migrate"}
PLACES = {"outputs", "sample_dir", "dagster_home"}
REGISTERING = {"product_catalog", "product_catalog_token"}
# of clusters of other kinds, and what Dagster's own volume and pools say
NOT_HERE = {"sensor_ledger", "archive_runs"} | {
    name
    for name in Settings.model_fields
    if name.startswith("dask_") and name not in {"dask_address", "dask_dashboard_url"}
}
# of the services that serve scenes and tiles
OTHERS = {"catalog_token", "dagster_url"} | {
    name for name in Settings.model_fields if name.startswith("tiles_") and name != "tiles_url"
}


def _service(container: dict[str, Any]) -> str:
    return container["Config"]["Labels"]["com.docker.compose.service"]


def record_of(products: Path, step: str) -> dict[str, Any]:
    return json.loads((products / step / "record.json").read_text(encoding="utf-8"))


def tile_at(lon: float, lat: float, *, zoom: int) -> tuple[int, int]:
    """Column and row of the web mercator tile a place is in."""
    north = math.asinh(math.tan(math.radians(lat))) / math.pi
    return int((lon + 180) / 360 * 2**zoom), int((1 - north) / 2 * 2**zoom)


@pytest.fixture(scope="module")
def system():
    """All services, up and healthy."""
    if docker("info").returncode or docker("compose", "version").returncode:
        pytest.skip("CONTAINERS NOT TESTED: no Docker engine with Compose answers")
    system = System()
    try:
        started = time.monotonic()
        system.compose("build", "--quiet")
        print(f"\nbuilt after {time.monotonic() - started:.0f} s")
        system.give_archive(whole_archive())
        up = system.try_compose("up", "--wait", "--wait-timeout", str(UP_S))
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
    common = Settings.model_fields.keys() - NOT_HERE - OTHERS - REGISTERING
    wanted = {"code-location": common | REGISTERING, "dask-worker": common}
    for service, names in wanted.items():
        given = services["services"][service]["environment"]
        assert {name for name in given if name.startswith("EO_ASSETS_")} == {
            f"EO_ASSETS_{name.upper()}" for name in names
        }


def test_everything_is_made_of_two_bases():
    bases = set()
    for path in (CHECKOUT / "Dockerfile", *(CHECKOUT / "deploy").glob("*Dockerfile")):
        text = path.read_text(encoding="utf-8")
        named = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
        assert set(named) == {"${BASE_IMAGE}"}, path
        bases |= set(re.findall(r"^ARG BASE_IMAGE=(\S+)", text, re.MULTILINE))
    assert bases == {"python:3.11-slim-bookworm", "debian:bookworm-slim"}
    services = yaml.safe_load((CHECKOUT / "docker-compose.yml").read_text(encoding="utf-8"))
    images = {one["image"].partition(":")[0] for one in services["services"].values()}
    assert images == {"eo-assets", "eo-assets-postgres"}


def test_all_services_are_healthy_and_the_sample_is_made(system):
    states = [(_service(one), one["State"]) for one in system.containers()]
    assert sorted(name for name, state in states if state["Running"]) == [
        "code-location", "daemon", "dask-scheduler", "dask-worker", "dask-worker", "jupyter",
        "postgres", "product-catalog", "products", "stac-api", "tiles", "webserver",
    ]  # fmt: skip
    running = [state for _, state in states if state["Running"]]
    assert {state["Health"]["Status"] for state in running} == {"healthy"}
    assert {name: state["ExitCode"] for name, state in states if not state["Running"]} == (
        dict.fromkeys(ONCE, 0)
    )


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


def test_secrets_are_where_they_are_needed_only(system):
    containers = {_service(one): json.dumps(one) for one in system.containers()}
    for name, services in NEEDS.items():
        told = {service for service, all_of_it in containers.items() if SECRETS[name] in all_of_it}
        assert told == services, name
    for image in ("eo-assets", "eo-assets-postgres"):
        history = docker("image", "history", "--no-trunc", image).stdout
        assert history
        assert not [name for name, secret in SECRETS.items() if secret in history]


def test_only_dagster_and_the_product_catalogue_reach_the_database(system):
    reach = "import socket; socket.create_connection(('postgres', 5432), 5); print('reached')"
    assert system.python("daemon", reach) == "reached"
    refused = system.try_compose("exec", "-T", "dask-worker", "python", "-c", reach)
    assert refused.returncode
    assert "gaierror" in refused.stderr


@pytest.mark.parametrize(
    ("service", "user", "variable", "own"),
    [
        ("daemon", "dagster", "DAGSTER_POSTGRES_PASSWORD", "dagster"),
        ("product-catalog", "catalog", "PGPASSWORD", "catalog"),
    ],
)
def test_each_role_enters_its_own_database_alone(system, service, user, variable, own):
    code = (
        "import os, psycopg\n"
        "for name in ('dagster', 'catalog'):\n"
        "    try:\n"
        f"        with psycopg.connect(host='postgres', user={user!r}, dbname=name,\n"
        f"                             password=os.environ[{variable!r}]) as pg:\n"
        "            (rank,) = pg.execute('SELECT rolsuper OR rolcreaterole OR rolcreatedb'\n"
        "                ' FROM pg_roles WHERE rolname = current_user').fetchone()\n"
        "            print(name, rank)\n"
        "    except psycopg.OperationalError as error:\n"
        "        assert 'permission denied for database' in str(error), error\n"
    )
    assert system.python(service, code).splitlines() == [f"{own} False"]


@pytest.mark.parametrize("service", ["STAC_API", "PRODUCT_CATALOG"])
def test_the_catalogues_are_not_written_without_their_token(system, service):
    items = f"{system.url(service)}/collections/sentinel-2-l2a/items"
    assert httpx.post(items, json={}).status_code == 401
    wrong = {"Authorization": f"Bearer {SECRETS['JUPYTER_TOKEN']}"}
    assert httpx.post(items, json={}, headers=wrong).status_code == 401


def test_a_run_leaves_all_products_in_the_volume(products):
    for step in STEPS:
        record = record_of(products, step)
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
    report = httpx.get(f"{system.url('PRODUCTS')}/{PARTITION}/reports/report.html")
    assert report.content == (products / "reports" / "report.html").read_bytes()


def test_products_are_in_the_catalogue_by_addresses_that_lead_to_them(system, products):
    catalogue = pystac_client.Client.open(system.url("PRODUCT_CATALOG"))
    found = catalogue.search(collections=[COLLECTION], datetime=DAY).items()
    items = {item.properties["eo_assets:product"].rpartition("/")[2]: item for item in found}
    assert set(items) == {
        step for step in STEPS if "stac_item" in record_of(products, step)["files"]
    }
    assert {"geotiff", "clusters"} <= set(items)
    (path,) = (products / "geotiff").glob("*.tif")
    href = items["geotiff"].assets["data"].href
    assert httpx.get(href, timeout=60).content == path.read_bytes()


def test_tiles_show_what_is_stored_and_what_is_not(system, products):
    stored = f"{system.url('TILES')}/products/{PARTITION}/geotiff"
    info = httpx.get(f"{stored}/WebMercatorQuad/tilejson.json", timeout=120).raise_for_status()
    asked = {
        "region": REGION, "first": DAY, "last": DAY, "index": "ndvi", "composite": "median"
    }  # fmt: skip
    layer = httpx.post(f"{system.url('TILES')}/layers", json=asked, timeout=120).raise_for_status()
    colours = "bidx=3&bidx=2&bidx=1&rescale=0,2500"
    templates = (f"{info.json()['tiles'][0]}&{colours}", layer.json()["links"]["tiles"])
    west, south, east, north = info.json()["bounds"]
    tile = tile_at((west + east) / 2, (south + north) / 2, zoom=12)
    for template in templates:
        url = template.format(z=12, x=tile[0], y=tile[1])
        picture = Image.open(io.BytesIO(httpx.get(url, timeout=300).raise_for_status().content))
        # somewhere in the middle of the region: not one colour, and not transparent
        pixels = np.asarray(picture.convert("RGBA"))
        assert pixels[..., 3].mean() > 200
        assert len(np.unique(pixels[..., :3].reshape(-1, 3), axis=0)) > 50


def test_a_page_elsewhere_does_not_reach_the_tiles_by_a_name_of_its_own(system):
    rebound = httpx.get(f"{system.url('TILES')}/catalog", headers={"Host": "evil.example"})
    assert rebound.status_code == 421


def test_notebooks_have_the_same_environment(system, run_id):
    jupyter, token = system.url("JUPYTER"), {"token": SECRETS["JUPYTER_TOKEN"]}
    assert httpx.get(f"{jupyter}/api/contents").status_code == 403
    listed = httpx.get(f"{jupyter}/api/contents/examples", params=token).raise_for_status().json()
    assert "01-quick-start.ipynb" in {one["name"] for one in listed["content"]}
    code = (
        "import pathlib; from eo_assets.interactive import open_region\n"
        "from distributed import Client; from eo_assets.settings import load_settings\n"
        "pathlib.Path('/data/notebooks/work/mine').write_text('')\n"
        "with Client(load_settings().dask_address) as client:\n"
        "    client.get_versions(check=True)\n"
        f"cube = open_region('{REGION}').cube('{DAY}', ['red', 'nir'])\n"
        "print(len(cube.scenes))"
    )
    assert int(system.python("jupyter", code).splitlines()[-1]) >= 2


def test_an_item_that_is_posted_starts_the_run_of_its_day(system, run_id):
    day = str(dt.datetime.now(dt.UTC).date() - dt.timedelta(days=3))
    assert system.start_sensor(f"new_scenes_{REGION}") == "RUNNING"
    items = f"{system.url('STAC_API')}/collections/sentinel-2-l2a/items"
    found = httpx.get(items, params={"datetime": f"{DAY}T00:00:00Z/{DAY}T23:59:59Z"}).json()
    item = found["features"][0]
    # the same scene, acquired anew
    item["id"] = item["id"].replace(DAY.replace("-", ""), day.replace("-", ""))
    for name, value in item["properties"].items():
        if isinstance(value, str):
            item["properties"][name] = value.replace(DAY, day)
    mine = {"Authorization": f"Bearer {SECRETS['EO_ASSETS_CATALOG_TOKEN']}"}
    posted = httpx.post(items, json=item, headers=mine)
    assert posted.status_code == 201, posted.text
    started = time.monotonic()
    new = system.wait_for_run_of(f"{day}|{REGION}")
    print(f"\nthe sensor started a run after {time.monotonic() - started:.0f} s")
    assert system.wait_for(new) == "SUCCESS", system.failures(new)
    print(f"\n{day} materialised after {time.monotonic() - started:.0f} s")
    catalogue = pystac_client.Client.open(system.url("PRODUCT_CATALOG"))
    found = catalogue.search(collections=[COLLECTION], datetime=day).items()
    made = {item.properties["eo_assets:product"] for item in found}
    assert f"{REGION}/sentinel-2-l2a/{day}/clusters" in made
    # what was posted is no reason to make the archive anew with the next start
    system.compose("run", "--rm", "--no-deps", "sample")
    assert httpx.get(f"{items}/{item['id']}").status_code == 200


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
    # the archive that this system has made, where the command looks for one
    sample = (
        f"-e EO_ASSETS_SAMPLE_DIR=/data/archive/archive -v {system.name}_sample:/data/archive:ro"
    )
    command = command.replace("docker run --rm", f"docker run --rm {sample}")
    done = subprocess.run(
        ["bash", "-euc", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    outputs = tmp_path / "outputs"
    made = [outputs, *outputs.rglob("*")]
    assert {step for step in STEPS if (outputs / PARTITION / step / "record.json").exists()} == {
        *STEPS
    }
    assert {path.stat().st_uid for path in made} == {user}


def test_logs_tell_neither_of_faults_nor_secrets(system, run_id):
    logs = system.compose("logs", "--no-color")
    assert "Traceback" not in logs
    assert not [name for name, secret in SECRETS.items() if secret in logs]


def test_products_and_runs_outlive_the_containers(system, run_id, products):
    keepers = ("postgres", "webserver", "product-catalog", "products")
    system.compose("rm", "--stop", "--force", *keepers)
    system.compose("up", "--wait", "--wait-timeout", str(UP_S), *keepers)
    assert system.status(run_id) == "SUCCESS"
    record = httpx.get(f"{system.url('PRODUCTS')}/{PARTITION}/reports/record.json")
    assert record.content == (products / "reports" / "record.json").read_bytes()
    catalogue = pystac_client.Client.open(system.url("PRODUCT_CATALOG"))
    assert list(catalogue.search(collections=[COLLECTION], datetime=DAY).items())
