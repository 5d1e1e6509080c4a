"""Commands and workers that are ended in the middle: nothing half written, nothing left running."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from eo_assets_tests.browser.conftest import processes_below, still_alive
from eo_assets_tests.faults.archive import fault_archive
from eo_assets_tests.tiny_archive import Granule, lonlat_ring, write_granule

pytestmark = pytest.mark.integration

DAY = "2023-07-01"
WAIT_S = 180


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    directory = tmp_path_factory.mktemp("ended") / "archive"
    for tile in (0, 1):
        write_granule(directory, Granule(tile=tile, day=DAY))
    with fault_archive() as running:
        running.serve(directory)
        yield running


@pytest.fixture
def started(archive, tmp_path):
    """Starts ``eo-assets materialize`` on a local cluster of its own."""
    ring = lonlat_ring(400_060, 4_999_000, 401_860, 4_999_900)
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"bands": ["red", "nir"]}, "geometry": geometry}
    (tmp_path / "seam.geojson").write_text(json.dumps(feature))
    archive.serve(archive.directory)
    commands = []

    def start():
        clean = {k: v for k, v in os.environ.items() if not k.startswith("EO_ASSETS_")}  # noqa: TID251
        own = {
            "EO_ASSETS_OUTPUTS": str(tmp_path / "outputs"),
            "EO_ASSETS_DAGSTER_HOME": str(tmp_path / "dagster"),
            "EO_ASSETS_DASK_WORKERS": "1",
        }
        command = subprocess.Popen(
            [sys.executable, "-m", "eo_assets.cli", "materialize", "-r", "seam.geojson",
             "-d", DAY, "-c", archive.url],
            cwd=tmp_path,
            env={**clean, **own},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )  # fmt: skip
        commands.append(command)
        return command

    yield start
    for command in commands:
        for process in (command.pid, *processes_below(command.pid)):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        command.communicate()


def until(condition, command):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert command.poll() is None, command.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_command_ends_in_one_line_and_leaves_nothing(started, archive, tmp_path, number):
    # whoever reads the file is asked to come back in half a minute: it is surely still waiting
    archive.fail("B04.tif", 503, retry_after="30")
    command = started()
    until(lambda: archive.asked("B04.tif"), command)
    below = processes_below(command.pid)
    assert len(below) >= 2  # Dask's worker and its nanny
    if number == signal.SIGINT:
        os.killpg(command.pid, number)  # as a terminal does
    else:
        command.send_signal(number)
    out, err = command.communicate(timeout=WAIT_S)
    assert command.returncode == 128 + number, (out, err)
    assert err.strip().splitlines() == [
        f"Ended by {number.name}: what was finished is kept, nothing is half written."
    ]
    assert "Traceback" not in out
    assert still_alive(below) == {}
    published = sorted(p.parent.name for p in (tmp_path / "outputs").rglob("record.json"))
    assert published == ["stac_items"]
    assert [p for p in (tmp_path / "outputs").rglob(".*") if p.is_dir()] == []
