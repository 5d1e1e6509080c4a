from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest

from eo_assets.errors import ConfigurationError
from eo_assets.settings import Settings, load_settings

EXAMPLE = Path(__file__).parents[2] / ".env.example"


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch, tmp_path):
    import os

    for name in [name for name in os.environ if name.startswith("EO_ASSETS_")]:  # noqa: TID251
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("token", "good"), [("", True), ("short", False), ("x" * 16, True)])
def test_a_token_that_can_be_guessed_is_refused(monkeypatch, token, good):
    monkeypatch.setenv("EO_ASSETS_TILES_TOKEN", token)
    if good:
        assert load_settings().tiles_token.get_secret_value() == token
        return
    with pytest.raises(ConfigurationError, match="16 characters") as caught:
        load_settings()
    assert token not in str(caught.value)


def test_nothing_has_to_be_set(tmp_path):
    settings = load_settings()
    assert settings.catalog == "sample"
    assert settings.outputs == tmp_path / "outputs"
    assert settings.regions is None
    assert settings.first_date == dt.date(2015, 6, 27)


def test_the_environment_decides_and_arguments_win(monkeypatch):
    monkeypatch.setenv("EO_ASSETS_CLUSTERS", "5")
    monkeypatch.setenv("EO_ASSETS_CATALOG", "earth-search")
    assert load_settings().clusters == 5
    assert load_settings(clusters=7).clusters == 7
    assert load_settings(clusters=7).catalog == "earth-search"


def test_a_dotenv_file_is_read_and_the_environment_wins(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("EO_ASSETS_CLUSTERS=9\nEO_ASSETS_BLOCK_PX=1024\n")
    monkeypatch.setenv("EO_ASSETS_CLUSTERS", "4")
    assert load_settings().clusters == 4
    assert load_settings().block_px == 1024


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_CLOUD_COVER_PCT", "100.1"),
        ("MAX_CLOUD_COVER_PCT", "-0.1"),
        ("FAILURE_BUDGET", "1.01"),
        ("BLOCK_PX", "511"),
        ("BLOCK_PX", "16385"),
        ("CLUSTERS", "1"),
        ("CLUSTERS", "many"),
        ("FIRST_DATE", "2023-02-30"),
        ("DASK_WORKERS", "-1"),
        ("MAX_RETRIES", "-1"),
    ],
)
def test_a_value_out_of_range_is_named_with_what_was_found(monkeypatch, name, value):
    monkeypatch.setenv(f"EO_ASSETS_{name}", value)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert f"EO_ASSETS_{name} is '{value}'" in caught.value.problem
    assert ".env.example" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MAX_CLOUD_COVER_PCT", "0"),
        ("MAX_CLOUD_COVER_PCT", "100"),
        ("FAILURE_BUDGET", "1"),
        ("BLOCK_PX", "512"),
        ("CLUSTERS", "64"),
    ],
)
def test_the_ends_of_a_range_belong_to_it(monkeypatch, name, value):
    monkeypatch.setenv(f"EO_ASSETS_{name}", value)
    assert getattr(load_settings(), name.lower()) == float(value)


def test_paths_are_absolute_wherever_workers_run(monkeypatch, tmp_path):
    monkeypatch.setenv("EO_ASSETS_OUTPUTS", "products")
    monkeypatch.setenv("EO_ASSETS_REGIONS", "~/regions")
    settings = load_settings()
    assert settings.outputs == tmp_path / "products"
    assert settings.regions == Path("~/regions").expanduser()


def test_a_setting_left_blank_is_not_set(monkeypatch):
    # an empty folder name would be the current folder
    monkeypatch.setenv("EO_ASSETS_REGIONS", "")
    monkeypatch.setenv("EO_ASSETS_CLUSTERS", "")
    assert load_settings().regions is None
    assert load_settings().clusters == 8


def test_settings_go_to_child_processes_unchanged(monkeypatch, tmp_path):
    settings = load_settings(clusters=5, catalog="earth-search", regions=tmp_path / "r")
    for name, value in settings.environment().items():
        if name.startswith("EO_ASSETS_"):
            monkeypatch.setenv(name, value)
    monkeypatch.chdir("/")
    assert load_settings() == settings
    assert settings.environment()["DAGSTER_HOME"] == str(settings.dagster_home)


def test_the_token_is_not_shown():
    assert "SECRET" not in repr(load_settings(catalog_token="SECRET"))


def test_workers_are_the_cores_unless_told(monkeypatch):
    assert load_settings(dask_workers=3).dask_n_workers == 3
    monkeypatch.setattr("os.cpu_count", lambda: 6)
    assert load_settings().dask_n_workers == 6


def test_the_example_shows_every_setting_with_its_default():
    lines = re.findall(r"^# EO_ASSETS_(\w+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE)
    assert {name.lower() for name, _ in lines} == set(Settings.model_fields)
    for name, shown in lines:
        default = Settings.model_fields[name.lower()].default
        assert shown == ("" if default is None else str(default)), name


def test_the_example_may_be_used_as_it_is_with_its_comments_opened(tmp_path):
    opened = re.sub(r"^# (EO_ASSETS_)", r"\1", EXAMPLE.read_text(), flags=re.MULTILINE)
    (tmp_path / ".env").write_text(opened)
    assert load_settings() == Settings(_env_file=None)


def test_headers_of_a_private_catalogue_are_for_its_host_and_for_child_processes(monkeypatch):
    monkeypatch.setenv("EO_ASSETS_CATALOG", "https://stac.example.com/v1")
    monkeypatch.setenv("EO_ASSETS_CATALOG_HEADERS", '{"X-Api-Key": "SECRET"}')
    settings = load_settings()
    assert "SECRET" not in f"{settings!r} {settings.model_dump_json()}"
    assert settings.access.headers_for("https://stac.example.com/a") == {"X-Api-Key": "SECRET"}
    assert settings.environment()["EO_ASSETS_CATALOG_HEADERS"] == '{"X-Api-Key": "SECRET"}'


@pytest.mark.parametrize(
    "value", ["SECRET", '["SECRET"]', '{"a": {"b": "SECRET"}}', '{"a": "SECRET\\r\\nb: c"}']
)
def test_headers_that_are_not_a_mapping_of_texts_are_refused_unseen(monkeypatch, value):
    monkeypatch.setenv("EO_ASSETS_CATALOG_HEADERS", value)
    with pytest.raises(ConfigurationError, match=r"CATALOG_HEADERS: .*JSON object") as caught:
        load_settings()
    error = caught.value
    assert "SECRET" not in f"{error} {error.__cause__} {error.__context__}"
