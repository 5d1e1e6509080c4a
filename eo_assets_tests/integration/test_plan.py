"""What a plan says beforehand, against what reading then did."""

from __future__ import annotations

import datetime as dt
import json
import pickle
import subprocess
import sys

import pytest

from eo_assets.catalog.regions import load_regions
from eo_assets.cube import reading
from eo_assets.pipeline import stac_items
from eo_assets.pipeline.plan_actual import READ_MPX_PER_S, actual_cost, calibrate
from eo_assets.pipeline.planning import Order, plan
from eo_assets.pipeline.tasks import InProcess
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store
from eo_assets_tests.faults.archive import fault_archive
from eo_assets_tests.tiny_archive import CLOUD, Granule, region, write_granule

pytestmark = pytest.mark.integration

DAY = "2023-07-01"
BLOCK_PX = 3072


def plan_of(region, day, url):
    partition = Partition(region, dt.date.fromisoformat(day))
    search = stac_items.Search(catalog=url, url=url, partition=partition)
    return plan(Order(search=search, composite="first", block_px=BLOCK_PX))


@pytest.fixture
def no_pixels(monkeypatch):
    """Let any decoding of pixels fail."""

    def refuse(*_arguments, **_options):
        pytest.fail("a pixel was decoded")

    monkeypatch.setattr(reading, "read_window", refuse)


@pytest.fixture(scope="module")
def catalog(archive):
    with EmbeddedCatalog(archive, writable=False) as running:
        yield running.url


@pytest.mark.parametrize(
    ("name", "day", "blocks_over", "bytes_over"),
    [
        # what scene is needed where is known beforehand but for cloud, which is then less
        ("bucegi", "2023-07-15", 1.25, 1.05),
        # where nearly all is cloud, what is left lies in a few places: nobody knows which
        ("bucegi", "2023-06-20", 2.5, 2.5),
        ("bucegi", "2023-08-06", 1.25, 1.25),
        ("bucegi-landsat", "2023-07-15", 1.0, 1.0),
    ],
)
def test_blocks_and_bytes_of_the_sample(
    chain, catalog, no_pixels, name, day, blocks_over, bytes_over
):
    planned = plan_of(load_regions()[name], day, catalog)
    made = chain(name, day, last="mosaic")
    actual = actual_cost(made.store, made.partition, planned.indexes)
    expected = planned.estimate.expected
    print(f"{name} {day}: expected {expected}, actual {actual}")
    assert actual.blocks <= expected.blocks <= actual.blocks * blocks_over
    assert actual.bytes <= expected.bytes <= actual.bytes * bytes_over
    assert actual.windows <= expected.windows <= planned.estimate.most.windows


def test_calibration_says_where_it_is_from(chain, tmp_path):
    made = chain("bucegi", "2023-07-15", last="mosaic")
    measured = calibrate(made.store)
    assert "read logs of" in measured.origin
    assert 0.1 < measured.mpx_per_s < 1000
    constant = calibrate(Store(tmp_path))
    assert (constant.mpx_per_s, "constants" in constant.origin) == (READ_MPX_PER_S, True)


def test_a_day_without_scenes_costs_nothing(catalog, no_pixels):
    estimate = plan_of(load_regions()["bucegi"], "2023-07-16", catalog).estimate
    assert (estimate.empty, estimate.files, estimate.requests) == ("no_scene", 0, 0)


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    """Two tiles over HTTP: the first clear, the second behind it and cloudy."""
    directory = tmp_path_factory.mktemp("planned") / "archive"
    write_granule(directory, Granule(tile=0, day=DAY, cloud=0.0))
    write_granule(directory, Granule(tile=1, day=DAY, cloud=90.0, scl=CLOUD))
    with fault_archive() as running:
        running.serve(directory)
        yield running


def test_requests_over_http(remote, tmp_path):
    seam = region()
    planned = plan_of(seam, DAY, remote.url)
    store, partition = Store(tmp_path), Partition(seam, dt.date.fromisoformat(DAY))
    search = stac_items.Search(catalog=remote.url, url=remote.url, partition=partition)
    before = remote.asked(".tif")
    stac_items.materialise(search, store=store, runner=InProcess())
    # a process of its own, which has not seen the files
    code = (
        "import pickle, sys; from eo_assets.pipeline import band_stack, mosaic;"
        "from eo_assets.pipeline.tasks import InProcess;"
        "store, partition = pickle.load(sys.stdin.buffer); r = InProcess();"
        "band_stack.materialise(partition, store=store, runner=r, failure_budget=0);"
        "mosaic.materialise(partition, store=store, runner=r, failure_budget=0, block_px=2048)"
    )
    subprocess.run([sys.executable, "-c", code], input=pickle.dumps((store, partition)), check=True)
    actual = remote.asked(".tif") - before
    cost = actual_cost(store, partition, planned.indexes)
    print(f"requests: expected {planned.estimate.requests}, actual {actual}; {cost}")
    expected = planned.estimate.requests
    assert 0.75 * expected <= actual <= 1.25 * expected
    assert cost.windows <= planned.estimate.expected.windows


PEAK = r"""
import re, sys, distributed
from pathlib import Path
from eo_assets.pipeline.mosaic import CHUNK, blocks, evaluate, read_cube, read_grid
cube, grid = read_cube(sys.argv[1], ""), read_grid(sys.argv[2]).geobox
parts = [block.of(grid) for block in blocks(grid, size=int(sys.argv[3]), chunk=CHUNK)]
evaluate(cube, max(parts, key=lambda part: part.shape[0] * part.shape[1]))
# of this program alone: what getrusage tells begins with the size of whoever started it
print(int(re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())[1]) / 1024)
"""


def test_peak_memory_of_a_worker(chain, catalog):
    made = chain("bucegi", "2023-07-15", last="mosaic")
    cube, grid = (made.file("band_stack", role) for role in ("cube", "grid"))
    done = subprocess.run(
        [sys.executable, "-c", PEAK, cube, grid, str(BLOCK_PX)],
        capture_output=True,
        text=True,
        check=True,
    )
    actual = float(done.stdout)
    expected = plan_of(load_regions()["bucegi"], "2023-07-15", catalog).estimate.worker_peak_mb
    print(f"worker: expected {expected:.0f} MB, actual {actual:.0f} MB")
    assert 0.8 * actual <= expected <= 1.25 * actual


def test_command_prints_a_table_and_json(archive, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from eo_assets.cli import app

    monkeypatch.setenv("EO_ASSETS_SAMPLE_DIR", str(archive))
    monkeypatch.setenv("EO_ASSETS_OUTPUTS", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "160")
    arguments = ["plan", "-r", "bucegi", "-r", "bucegi-landsat", "--dates",
                 "2023-07-15..2023-07-16"]  # fmt: skip
    table = CliRunner().invoke(app, arguments)
    assert table.exit_code == 0, table.output
    assert "2 going to be empty: No satellite scene covers the region" in table.output
    assert "constants measured" in table.output
    document = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).output)
    rows = document["partitions"]
    assert [row["partition"] for row in rows] == [
        f"2023-07-{day}|{name}" for name in ("bucegi", "bucegi-landsat") for day in (15, 16)
    ]
    assert document["total"]["expected"]["bytes"] == sum(row["expected"]["bytes"] for row in rows)
    compared = CliRunner().invoke(app, [*arguments, "--compare"])
    assert compared.output.count("not made yet") == 4
