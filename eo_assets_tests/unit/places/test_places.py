from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from eo_assets.errors import ConfigurationError
from eo_assets.places import CloudAccess, ObjectPlace, place, reading, use_cloud, writing
from eo_assets.places.cloud import is_own
from eo_assets.places.rasters import gdal_name
from eo_assets.settings import load_settings

VARIABLES = [
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"),
    *("AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ALLOW_HTTP"),
    *("AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN"),
    *("AZURE_STORAGE_ENDPOINT", "AZURE_ALLOW_HTTP"),
]


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch, tmp_path):
    for name in (*VARIABLES, "EO_ASSETS_OUTPUTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    yield
    use_cloud(CloudAccess())


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("s3://bucket/some/prefix", ("s3", "bucket", "some/prefix")),
        ("s3://bucket", ("s3", "bucket", "")),
        ("az://container//a//b/", ("az", "container", "a/b")),
    ],
)
def test_an_address_is_read_and_shown(address, parts):
    found = place(address)
    assert (found.scheme, found.bucket, found.key) == parts
    assert place(str(found)) == found
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    "address", ["s3://", "s3:///key", "az://key:secret@host/x", "s3://b/../c", "s3://b?x=1/c"]
)
def test_an_address_that_names_no_place_is_refused(address):
    with pytest.raises(ConfigurationError, match="s3://bucket/prefix") as caught:
        place(address)
    assert "secret" not in str(caught.value)


def test_paths_stay_paths(tmp_path):
    assert place("outputs") == Path("outputs")
    assert place(tmp_path) is tmp_path
    for handled in (reading, writing):
        with handled(tmp_path / "x") as path:
            assert path == tmp_path / "x"


def test_names_are_made_as_paths_make_them():
    found = ObjectPlace("s3", "bucket", "a/b") / "c.tif"
    assert (found.name, found.stem, found.suffix) == ("c.tif", "c", ".tif")
    assert str(found.parent) == "s3://bucket/a/b"
    assert str(found.with_suffix(".json")) == "s3://bucket/a/b/c.json"
    assert str(found.relative_to(ObjectPlace("s3", "bucket", "a"))) == "b/c.tif"
    assert not found.is_relative_to(ObjectPlace("az", "bucket", "a"))
    assert not found.is_relative_to(Path("/a"))
    assert gdal_name(found) == "/vsis3/bucket/a/b/c.tif"
    assert gdal_name("/a/b.tif") == "/a/b.tif"


def test_one_setting_puts_products_on_object_storage(monkeypatch):
    monkeypatch.setenv("EO_ASSETS_OUTPUTS", "s3://bucket/prefix")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "SECRET")
    settings = load_settings()
    assert settings.outputs == ObjectPlace("s3", "bucket", "prefix")
    assert "SECRET" not in f"{settings!r} {settings.model_dump()}"
    assert settings.environment()["EO_ASSETS_OUTPUTS"] == "s3://bucket/prefix"
    assert is_own("s3://bucket/prefix/a.tif")
    assert not is_own("s3://bucket/prefixed/a.tif")
    assert not is_own("/outputs/a.tif")


def test_keys_come_from_a_dotenv_file_too_and_stay_in_the_process(tmp_path):
    (tmp_path / ".env").write_text(
        "EO_ASSETS_OUTPUTS=az://container/prefix\nAZURE_STORAGE_ACCOUNT_NAME=me\n"
        "AZURE_STORAGE_ACCOUNT_KEY=U0VDUkVU\n"
    )
    assert str(load_settings().outputs) == "az://container/prefix"
    from eo_assets.places.cloud import cloud_in_use

    access = cloud_in_use()
    assert dict(access.azure) == {"account_name": "me", "account_key": "U0VDUkVU"}
    assert "U0VDUkVU" not in repr(access)
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(access)


def test_an_account_that_is_not_named_is_said(monkeypatch):
    monkeypatch.setenv("EO_ASSETS_OUTPUTS", "az://container/prefix")
    outputs = load_settings().outputs
    with pytest.raises(ConfigurationError, match=r"az://container .*AZURE_.*docs/storage.md"):
        outputs.read_text()


def test_a_wrong_address_is_said_by_the_name_of_the_setting(monkeypatch):
    monkeypatch.setenv("EO_ASSETS_OUTPUTS", "s3:///prefix")
    with pytest.raises(ConfigurationError, match=r"s3://bucket/prefix"):
        load_settings()
