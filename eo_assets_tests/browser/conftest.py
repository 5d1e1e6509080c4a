"""``eo-assets dev`` on free ports with everything it writes in temporary folders, and a browser."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from eo_assets_tests.whole_archive import whole_archive

START_S = 300
BACKFILL = """query($id: String!) {partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill {status partitionNames
  assetBackfillData {assetBackfillStatuses {... on AssetPartitionsStatusCounts {
    assetKey {path} numPartitionsTargeted numPartitionsMaterialized numPartitionsFailed}}}}}}"""
BACKFILL_RUNS = """query($filter: RunsFilter) {runsOrError(filter: $filter, limit: 50) {
  ... on Runs {results {status tags {key value}}}}}"""
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"]


def free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def processes_below(pid: int) -> dict[int, str]:
    """Living processes started by a process, directly or not, and what they are."""
    found: dict[int, str] = {}
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
                if state != "Z":
                    parents[int(entry.name)] = int(parent)
    grown = True
    while grown:
        grown = {p for p, parent in parents.items() if parent in {pid, *found} and p not in found}
        for child in grown:
            with contextlib.suppress(OSError):
                found[child] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
            found.setdefault(child, "?")
    return found


def still_alive(processes: dict[int, str]) -> dict[int, str]:
    """Those of the processes that are still what they were."""
    alive = {}
    for pid, command in processes.items():
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") == command != "":
                alive[pid] = command
    return alive


@dataclass(frozen=True)
class Backfill:
    """A backfill as Dagster tells of it.

    Attributes:
        status: ``REQUESTED``, ``COMPLETED_SUCCESS``, ``COMPLETED_FAILED``, ...
        partitions: Their keys, in order.
        counts: Partitions by asset: chosen, materialised, failed.
    """

    status: str
    partitions: list[str]
    counts: dict[str, tuple[int, int, int]]


@dataclass
class Dev:
    """A running ``eo-assets dev``.

    Attributes:
        url: Of the web interface.
        outputs: Where products go.
        process: The command.
        log: What it has printed.
    """

    url: str
    outputs: Path
    process: subprocess.Popen
    log: Path

    def ask(self, query: str, **variables: object) -> dict:
        """Answer a GraphQL query."""
        request = urllib.request.Request(
            f"{self.url}/graphql",
            data=json.dumps({"query": query, "variables": variables}).encode(),
            headers={"Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=120) as answer:
            found = json.load(answer)
        assert "errors" not in found, found
        return found["data"]

    def wait_for_run(self, run_id: str, *, timeout_s: float = 900) -> str:
        """Wait until a run has ended; its status."""
        query = "query($id: ID!) {runOrError(runId: $id) {... on Run {status}}}"
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            status = self.ask(query, id=run_id)["runOrError"]["status"]
            if status in {"SUCCESS", "FAILURE", "CANCELED"}:
                return status
            time.sleep(1)
        return "TIMEOUT"

    def backfill(self, backfill_id: str) -> Backfill:
        """A backfill as it is now."""
        state = self.ask(BACKFILL, id=backfill_id)["partitionBackfillOrError"]
        counts = {
            one["assetKey"]["path"][0]: (
                one["numPartitionsTargeted"],
                one["numPartitionsMaterialized"],
                one["numPartitionsFailed"],
            )
            for one in state["assetBackfillData"]["assetBackfillStatuses"]
        }
        return Backfill(state["status"], sorted(state["partitionNames"]), counts)

    def backfill_runs(self, backfill_id: str) -> list[tuple[str, dict[str, str]]]:
        """Status and tags of each run of a backfill."""
        tagged = {"tags": [{"key": "dagster/backfill", "value": backfill_id}]}
        runs = self.ask(BACKFILL_RUNS, filter=tagged)["runsOrError"]["results"]
        return [(run["status"], {tag["key"]: tag["value"] for tag in run["tags"]}) for run in runs]

    def stop(self, number: signal.Signals, *, timeout_s: float = 90) -> tuple[int, dict[int, str]]:
        """Signal the command as a terminal would; its exit code and the processes left over."""
        started = processes_below(self.process.pid)
        if number == signal.SIGINT:
            os.killpg(self.process.pid, number)  # a terminal signals the whole foreground group
        else:
            self.process.send_signal(number)
        code = self.process.wait(timeout=timeout_s)
        deadline = time.monotonic() + 10
        while still_alive(started) and time.monotonic() < deadline:
            time.sleep(0.2)
        return code, still_alive(started)


@contextlib.contextmanager
def dev_running(folder: Path, **settings: object) -> Iterator[Dev]:
    """Run ``eo-assets dev``; with the sample archive unless ``settings`` say otherwise."""
    port, catalog_port, products_port, tiles_port = free_ports(4)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("EO_ASSETS_")}  # noqa: TID251
    log = folder / "dev.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "eo_assets.cli", "dev", "--port", str(port),
             "--catalog-port", str(catalog_port), "--products-port", str(products_port),
             "--tiles-port", str(tiles_port)],
            cwd=folder,
            env={
                **clean,
                **({} if "catalog" in settings else {"EO_ASSETS_SAMPLE_DIR": str(whole_archive())}),
                "EO_ASSETS_OUTPUTS": str(folder / "outputs"),
                "EO_ASSETS_DAGSTER_HOME": str(folder / "dagster"),
                "PYTHONUNBUFFERED": "1",
                **{f"EO_ASSETS_{name.upper()}": str(value) for name, value in settings.items()},
            },
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    dev = Dev(f"http://127.0.0.1:{port}", folder / "outputs", process, log)
    try:
        deadline = time.monotonic() + START_S
        while "Ctrl-C stops" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
        yield dev
    finally:
        if process.poll() is None:
            dev.stop(signal.SIGINT)


@pytest.fixture(scope="module")
def dev(tmp_path_factory) -> Iterator[Dev]:
    """``eo-assets dev`` with the sample archive, outputs and records of its own."""
    with dev_running(tmp_path_factory.mktemp("dev")) as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    """Chromium without a window."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("BROWSER ABSENT: install chromium to test the user interface")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory) -> Path:
    """Where screenshots go: ``EO_ASSETS_TEST_PICTURES``, or a temporary folder that is named."""
    wanted = os.environ.get("EO_ASSETS_TEST_PICTURES")  # noqa: TID251
    folder = Path(wanted) if wanted else tmp_path_factory.mktemp("pictures")
    folder.mkdir(parents=True, exist_ok=True)
    print(f"\nscreenshots: {folder}")
    return folder
