"""A person materialises a partition in Dagster's web interface, started by ``eo-assets dev``."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from eo_assets_tests.whole_archive import whole_archive

pytestmark = pytest.mark.browser

ASSETS = ("stac_items", "band_stack", "mosaic", "geotiff", "clusters", "reports")
START_S, RUN_S = 240, 900
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Services:
    """``eo-assets dev`` on free ports, with products and records of its own."""

    def __init__(self, folder: Path) -> None:
        self.outputs = folder / "outputs"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = folder / "dev.log"
        command = [Path(sys.executable).with_name("eo-assets"), "dev", "--port", str(self.port)]
        environment = {
            **os.environ,  # noqa: TID251 - what the services inherit
            "EO_ASSETS_OUTPUTS": str(self.outputs),
            "EO_ASSETS_DAGSTER_HOME": str(folder / "dagster"),
            "EO_ASSETS_SAMPLE_DIR": str(whole_archive()),
        }
        with self._log.open("w") as log:
            self.process = subprocess.Popen(
                [*command, "--catalog-port", str(free_port())],
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return self._log.read_text()

    def wait(self) -> None:
        deadline = time.monotonic() + START_S
        while "Ctrl-C stops all" not in self.log:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.5)

    def ask(self, query: str, **variables: object) -> dict:
        body = json.dumps({"query": query, "variables": variables}).encode()
        headers = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.url}/graphql", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["data"]

    def wait_for_run(self) -> tuple[str, str]:
        deadline = time.monotonic() + RUN_S
        while time.monotonic() < deadline:
            query = "{runsOrError(limit: 1) {... on Runs {results {runId status}}}}"
            for run in self.ask(query)["runsOrError"]["results"]:
                if run["status"] in {"SUCCESS", "FAILURE", "CANCELED"}:
                    return run["runId"], run["status"]
            time.sleep(1)
        pytest.fail(f"the run did not end within {RUN_S} s\n{self.log}")

    def stop(self) -> list[psutil.Process]:
        """Interrupt as a keyboard does, and give what is left of the children."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
        _, alive = psutil.wait_procs(children, timeout=15)
        return alive


@pytest.fixture(scope="module")
def services(tmp_path_factory):
    services = Services(tmp_path_factory.mktemp("dev"))
    try:
        services.wait()
        yield services
    finally:
        if services.process.poll() is None:
            for process in services.stop():
                process.kill()


@pytest.fixture
def page():
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        pytest.skip("CHROMIUM IS NOT INSTALLED: THE WEB INTERFACE IS NOT TESTED")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        page = browser.new_page(viewport={"width": 1500, "height": 1000})
        page.set_default_timeout(120_000)
        yield page
        browser.close()


def test_a_partition_is_materialised_in_the_web_interface(services, page, tmp_path):
    pictures = Path(os.environ.get("EO_ASSETS_SCREENSHOTS", tmp_path))  # noqa: TID251
    pictures.mkdir(parents=True, exist_ok=True)
    errors: list[str] = []
    page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)

    group = f"{services.url}/locations/__repository__@eo_assets/asset-groups/scenes_to_reports"
    page.goto(f"{group}/lineage", wait_until="domcontentloaded")
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    date = dialog.locator("input[type=text]").first
    date.fill("2023-07-15")
    date.press("Enter")
    dialog.get_by_text("Select a partition or create one").click()
    region = page.get_by_text("bucegi", exact=True)
    page.get_by_role("menuitem").filter(has=region).first.click()
    dialog.get_by_text("Partition selection").click()
    page.screenshot(path=pictures / "launch.png")
    page.get_by_role("button", name="Launch 1 run").click()
    page.get_by_text(re.compile("Launched run")).wait_for()

    run, status = services.wait_for_run()
    page.goto(f"{services.url}/runs/{run}", wait_until="domcontentloaded")
    page.get_by_text("stac_items").first.wait_for()
    page.screenshot(path=pictures / "run.png")
    assert status == "SUCCESS", services.log

    for asset in ASSETS:
        address = f"{services.url}/assets/{asset}?view=partitions&partition=2023-07-15%7Cbucegi"
        page.goto(address, wait_until="domcontentloaded")
        page.get_by_text("Latest materialization").first.wait_for()
        page.screenshot(path=pictures / f"{asset}.png")
    assert (services.outputs / "bucegi/sentinel-2-l2a/2023-07-15/reports/report.html").is_file()
    assert not errors


def test_an_interrupt_ends_every_process(services):
    assert services.stop() == []
    assert services.process.returncode == 0
