"""The code location: loading it is light, and every step has all its parts."""

from __future__ import annotations

import datetime as dt
import importlib
import inspect
import itertools
import json
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from eo_assets.catalog.regions import load_regions
from eo_assets.definitions import ASSETS, SENSORS, STEPS, build_defs
from eo_assets.defs.partitions import date_by_region, split_key
from eo_assets.defs.sensors.new_scenes import sensor_names
from eo_assets.settings import load_settings

REPOSITORY = Path(__file__).parents[2]

HEAVY = ("dask", "distributed", "xarray", "sklearn", "matplotlib", "rasterio", "odc", "pandas",
         "scipy", "cv2", "zarr", "pystac_client", "fastapi")  # fmt: skip
"""Libraries that each process which only plans, watches or schedules can do without."""


def test_loading_definitions_imports_nothing_heavy():
    code = (
        "import json, sys, eo_assets.definitions as d; "
        f"print(json.dumps([[m for m in {HEAVY!r} if m in sys.modules], len(list(d.defs.assets))]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY
    )
    heavy, n_assets = json.loads(done.stdout.splitlines()[-1])
    assert heavy == []
    assert n_assets == len(ASSETS)


@pytest.mark.parametrize("step", ASSETS)
def test_every_asset_has_its_modules(step):
    module = importlib.import_module(f"eo_assets.pipeline.{step}")
    assert step == module.STEP
    assert {"store", "runner"} <= set(inspect.signature(module.materialise).parameters)
    asset_module = importlib.import_module(f"eo_assets.defs.assets.{step}")
    [asset] = [a for a in build_defs(load_settings()).assets if a.key.path == [step]]
    assert asset.specs_by_key[asset.key].description == asset_module.__doc__


def test_every_sensor_is_registered():
    folder = REPOSITORY / "eo_assets" / "defs" / "sensors"
    assert sorted(SENSORS) == sorted(p.stem for p in folder.glob("*.py") if p.stem != "__init__")
    regions = load_regions()
    sensors = {sensor.name for sensor in build_defs(load_settings()).sensors}
    assert sensors == set(sensor_names(regions).values())


def test_architecture_lists_the_steps_in_their_order():
    text = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("| `")]
    assert [row.strip("`") for row in rows if row.strip("`") in STEPS] == list(STEPS)


def test_graph_has_no_cycle_and_one_end():
    graph = build_defs(load_settings()).resolve_asset_graph()
    levels = [
        [key.to_user_string() for key in level] for level in graph.toposorted_asset_keys_by_level
    ]
    # what is made from all dates comes after the last step of one
    steps = [[name for name in level if name in STEPS] for level in levels]
    chain = [level for level in steps if level]
    assert chain[0] == ["stac_items"]
    assert chain[-1] == ["reports"]
    assert sorted(itertools.chain.from_iterable(levels)) == sorted(ASSETS)


def test_today_has_a_partition_and_tomorrow_has_none():
    partitions = date_by_region(dt.date(2015, 6, 27), ["a"])
    today = dt.datetime.now(dt.UTC).date()
    tomorrow = today + dt.timedelta(days=1)
    assert partitions.has_partition_key(dg.MultiPartitionKey({"date": str(today), "region": "a"}))
    assert not partitions.has_partition_key(
        dg.MultiPartitionKey({"date": str(tomorrow + dt.timedelta(days=1)), "region": "a"})
    )


@pytest.mark.parametrize(
    ("cadence", "key"),
    [
        ("daily", "2023-07-15"),
        ("weekly", "2023-07-10"),
        ("monthly", "2023-07-01"),
        ("yearly", "2023-01-01"),
    ],
)
def test_a_period_starts_on_its_day_on_monday_or_on_the_first(cadence, key):
    partitions = date_by_region(dt.date(2015, 6, 27), ["a"], cadence)
    dates = partitions.get_partitions_def_for_dimension("date")
    assert dates.time_window_for_partition_key(key).start.date() == dt.date.fromisoformat(key)


def test_years_go_from_the_first_date_s_to_this_one():
    years = date_by_region(dt.date(2015, 6, 27), ["a"], "yearly").get_partition_keys()
    this = dt.datetime.now(dt.UTC).year
    assert years == [f"{year}-01-01|a" for year in range(2015, this + 1)]


def test_a_key_is_read_whether_it_is_text_or_has_dimensions():
    key = dg.MultiPartitionKey({"date": "2023-07-15", "region": "bucegi"})
    assert split_key(key) == split_key("2023-07-15|bucegi") == (dt.date(2023, 7, 15), "bucegi")


def test_only_the_backfill_policy_warning_is_silenced(recwarn):
    build_defs(load_settings())
    assert [warning for warning in recwarn if "eo_assets" in str(warning.filename)] == []
