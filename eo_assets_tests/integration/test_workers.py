"""Workers from elsewhere: a scheduler with encryption, Dask Gateway, and those that do not fit.

Schedulers, workers and the gateway are Dask's own programs. Whoever computes, the mosaic has the
same bytes.
"""

from __future__ import annotations

import contextlib
import os
import textwrap

import dask
import pytest
from dask_gateway import Gateway
from distributed import Client

from eo_assets.commands.shared_workers import shared_workers
from eo_assets.errors import ConfigurationError
from eo_assets.settings import load_settings
from eo_assets.workers import clusters
from eo_assets.workers.clusters import open_cluster
from eo_assets.workers.preparing import prepare
from eo_assets.workers.where import Workers
from eo_assets_tests.certificates import write_certificates
from eo_assets_tests.place import DAY, Place, failure_of
from eo_assets_tests.servers.dask import running_gateway, running_scheduler, running_workers
from eo_assets_tests.tiny_archive import Granule, region, write_granule

pytestmark = pytest.mark.integration

SECRET = "nobody-may-read-this"


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    directory = tmp_path_factory.mktemp("workers") / "archive"
    for tile in (0, 1):
        write_granule(directory, Granule(tile=tile, day=DAY))
    return str(directory)


@pytest.fixture(scope="module")
def undisturbed(catalog, scheduler, tmp_path_factory):
    place = Place(catalog, tmp_path_factory.mktemp("undisturbed"), region())
    assert place.run(scheduler).success
    return place.contents()


@pytest.fixture
def place(catalog, tmp_path):
    return Place(catalog, tmp_path / "outputs", region())


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return write_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def encrypted(certificates, tmp_path_factory):
    """A scheduler and a worker that speak TLS alone: their address, the folder of their logs."""
    folder = tmp_path_factory.mktemp("encrypted")
    tls = certificates.for_dask()
    with (
        running_scheduler(folder, protocol="tls", tls=tls) as address,
        running_workers(folder, address, 1, tls=tls),
    ):
        yield address, folder


def read_variable(name: str) -> str | None:
    return os.environ.get(name)  # noqa: TID251


def tls_settings(files) -> dict[str, object]:
    return {"dask_tls_ca": files.ca, "dask_tls_cert": files.cert, "dask_tls_key": files.key}


def test_scheduler_with_tls(place, encrypted, certificates, undisturbed):
    address, _ = encrypted
    result = place.run(address, **tls_settings(certificates))
    assert result.success, failure_of(result)
    assert place.contents() == undisturbed


def test_certificate_of_another_authority(encrypted, tmp_path, monkeypatch):
    address, _ = encrypted
    foreign = write_certificates(tmp_path)
    monkeypatch.setattr(clusters, "_CONNECT_S", 3)
    workers = Workers.of(load_settings(dask_address=address, **tls_settings(foreign)))
    with open_cluster(workers) as cluster, pytest.raises(ConfigurationError) as caught:
        cluster.connect("stranger")
    assert f"No Dask scheduler answers at {address}." in caught.value.problem
    assert "EO_ASSETS_DASK_TLS_" in caught.value.remedy


def test_secrets_reach_encrypted_workers_and_no_log(encrypted, certificates, monkeypatch):
    address, folder = encrypted
    monkeypatch.setenv("GDAL_HTTP_TIMEOUT", "17")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    settings = load_settings(dask_address=address, **tls_settings(certificates))
    with open_cluster(Workers.of(settings)) as cluster, cluster.connect("test") as client:
        assert prepare(client, settings, wait_s=60) == []
        told = client.submit(read_variable, "AWS_SECRET_ACCESS_KEY").result()
        assert told == SECRET
        assert client.submit(read_variable, "GDAL_HTTP_TIMEOUT").result() == "17"
        # one that comes later is told as well
        tls = certificates.for_dask()
        later = folder / "later"
        later.mkdir()
        with running_workers(later, address, 1, tls=tls):
            client.wait_for_workers(2, timeout=120)
            found = client.run(read_variable, "AWS_SECRET_ACCESS_KEY")
            assert list(found.values()) == [SECRET, SECRET]
    logs = [path.read_text() for path in folder.rglob("*.log")]
    assert len(logs) == 3
    assert any("eo_assets-environment" in log for log in logs)
    assert not any(SECRET in log for log in logs)


def pretend_installed(folder, **packages: str):
    """Have a process with this PYTHONPATH find other versions of packages."""
    for name, version in packages.items():
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir(parents=True)
        said = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        (info / "METADATA").write_text(said)
    return {"PYTHONPATH": str(folder)}


def test_other_software_is_named(tmp_path):
    old = pretend_installed(tmp_path / "old", rasterio="1.0.1")
    older = pretend_installed(tmp_path / "older", eo_assets="0.0.1")
    settings = load_settings()
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(running_scheduler(tmp_path))
        client = stack.enter_context(Client(address, set_as_default=False))
        with pytest.raises(ConfigurationError, match="has no worker, 1 s after"):
            prepare(client, settings, wait_s=1)
        stack.enter_context(running_workers(tmp_path, address, 1, environment=old))
        [remark] = prepare(client, settings, wait_s=120)
        assert "rasterio is 1." in remark
        assert "1.0.1 on tcp://127.0.0.1:" in remark
        stack.enter_context(running_workers(tmp_path, address, 1, environment=older))
        client.wait_for_workers(2, timeout=120)
        with pytest.raises(ConfigurationError) as caught:
            prepare(client, settings, wait_s=1)
    assert textwrap.shorten(caught.value.problem, 500).count(" here, ") == 1
    assert "eo-assets is 0.1.0 here, 0.0.1 on tcp://127.0.0.1:" in caught.value.problem


@pytest.fixture(scope="module")
def gateway(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    with running_gateway(folder, SECRET) as (address, proxy):
        yield address, proxy, folder


@pytest.fixture
def login(gateway):
    address, proxy, _ = gateway
    own = {"type": "basic", "kwargs": {"password": SECRET}}
    with dask.config.set({"gateway.auth": own, "gateway.proxy-address": proxy}):
        yield address


def clusters_of(address: str) -> list[str]:
    gateway = Gateway(address, loop=clusters._lasting_loop())
    return [one.name for one in gateway.list_clusters()]


def test_gateway(place, gateway, login, undisturbed):
    result = place.run(dask_gateway=login, dask_workers=1)
    assert result.success, failure_of(result)
    assert place.contents() == undisturbed
    assert clusters_of(login) == []
    said = "".join(path.read_text(errors="replace") for path in gateway[2].rglob("*.log"))
    assert SECRET not in said


def test_runs_share_a_cluster_of_the_gateway(place, login, undisturbed):
    with contextlib.ExitStack() as stack:
        settings = load_settings(dask_gateway=login, dask_workers=1)
        shared = shared_workers(settings, stack)
        [name] = clusters_of(login)
        assert shared.dask_gateway_cluster == name
        fields = {"dask_gateway": login, "dask_gateway_cluster": name}
        assert place.run(**fields).success
        assert clusters_of(login) == [name]  # whoever only used it leaves it running
    assert clusters_of(login) == []
    assert place.contents() == undisturbed


def test_gateway_that_refuses_us(gateway, login):
    with (
        dask.config.set({"gateway.auth.kwargs": {"password": "wrong"}}),
        pytest.raises(ConfigurationError, match=r"Dask Gateway at .* gives no cluster"),
        open_cluster(Workers(gateway=login)),
    ):
        pass
