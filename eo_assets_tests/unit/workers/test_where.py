from __future__ import annotations

import pytest

from eo_assets.errors import ConfigurationError
from eo_assets.settings import load_settings
from eo_assets.workers.clusters import is_private
from eo_assets.workers.environment import Environment, worker_variables
from eo_assets.workers.versions import differences
from eo_assets.workers.where import Workers


@pytest.fixture
def pem(tmp_path):
    path = tmp_path / "x.pem"
    path.touch()
    return str(path)


def test_settings_say_where(tmp_path):
    manifest = tmp_path / "cluster.yaml"
    manifest.touch()
    settings = load_settings(dask_kubernetes=manifest, dask_workers=3, dask_most_workers=9)
    workers = Workers.of(settings)
    assert workers.kubernetes == str(manifest)
    assert (workers.n_workers, workers.most_workers, workers.address) == (3, 9, "")


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"address": "tcp://a:1", "gateway": "http://b"}, "ADDRESS and EO_ASSETS_DASK_GATEWAY"),
        ({"kubernetes": "/nowhere/x.yaml"}, "There is no file /nowhere/x.yaml"),
        ({"address": "tls://a:1", "tls_ca": "PEM"}, "some are missing"),
        (
            {"address": "tcp://a:1", "tls_ca": "PEM", "tls_cert": "PEM", "tls_key": "PEM"},
            "certificates, but EO_ASSETS_DASK_ADDRESS is 'tcp://a:1'",
        ),
    ],
)
def test_contradictions_are_named(given, problem, pem):
    given = {name: pem if value == "PEM" else value for name, value in given.items()}
    with pytest.raises(ConfigurationError) as caught:
        Workers(**given)
    assert problem in caught.value.problem
    assert caught.value.remedy


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("tls://10.0.0.7:8786", True),
        ("gateway://dask.example.org:443/abc", True),
        ("tcp://127.0.0.1:8786", True),
        ("tcp://10.0.0.7:8786", False),
        ("tcp://127.example.org:8786", False),
        ("ws://dask.example.org/x", False),
    ],
)
def test_who_can_listen(address, private):
    assert is_private(address) is private


def test_secrets_are_told_from_what_anybody_may_see(monkeypatch):
    seen = {"GDAL_HTTP_TIMEOUT": "9", "AWS_REGION": "eu", "EO_ASSETS_CATALOG": "earth-search"}
    hidden = {
        "AWS_SECRET_ACCESS_KEY": "a",
        "AWS_SESSION_TOKEN": "b",
        "AZURE_STORAGE_SAS_TOKEN": "c",
        "GDAL_HTTP_HEADERS": "d",
        "PC_SDK_SUBSCRIPTION_KEY": "e",
        "EO_ASSETS_CATALOG_HEADERS": '{"X": "f"}',
    }
    # folders of this machine, and what no task reads
    not_sent = {"GDAL_DATA": "/here", "AWS_CONFIG_FILE": "/here", "EO_ASSETS_TILES_TOKEN": "g" * 16}
    for name, value in (seen | hidden | not_sent).items():
        monkeypatch.setenv(name, value)
    plain, secret = worker_variables(load_settings())
    assert seen.items() <= plain.items()
    assert hidden.items() <= secret.items()
    assert not set(plain) & set(hidden)
    assert not (set(plain) | set(secret)) & set(not_sent)


def test_values_are_not_shown():
    assert repr(Environment({"AWS_SECRET_ACCESS_KEY": "hidden"})) == (
        "Environment(AWS_SECRET_ACCESS_KEY)"
    )


def test_what_differs_is_named_with_who_has_it():
    ours = {"numpy": "2.3", "zarr": "3.1", "dask": "1"}
    others = {
        "tcp://a": {"numpy": "2.2", "zarr": "3.1", "dask": "1"},
        "tcp://b": {"numpy": "2.2", "dask": "1"},
        "tcp://c": {"numpy": "2.2", "zarr": "3.1", "dask": "1"},
    }
    assert differences(ours, others, ("numpy", "zarr", "dask")) == [
        "numpy is 2.3 here, 2.2 on tcp://a, tcp://b and 1 more",
        "zarr is 3.1 here, missing on tcp://b",
    ]
