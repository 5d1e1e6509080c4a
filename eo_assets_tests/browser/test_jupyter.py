"""The quick start in JupyterLab: tiles through the server's proxy, the slider, a click."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets_tests.browser.conftest import free_ports, processes_below, still_alive
from eo_assets_tests.whole_archive import whole_archive

pytestmark = [pytest.mark.browser, pytest.mark.integration]

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "01-quick-start.ipynb"
WAIT_MS = 180_000
TILES = ".leaflet-tile-pane img.leaflet-tile-loaded"
COMPLETE = """() => {
  const all = [...document.querySelectorAll('.leaflet-tile-pane img')];
  return all.length > 0 && all.every(one => one.complete && one.naturalWidth > 0);
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab over a copy of the notebook; ended with all it started."""
    folder, archive = tmp_path_factory.mktemp("lab"), whole_archive()
    shutil.copy(NOTEBOOK, folder)
    [port] = free_ports(1)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("EO_ASSETS_")}  # noqa: TID251
    own = {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "RUNTIME")}
    with EmbeddedCatalog(archive, writable=False) as catalog, (folder / "lab.log").open("w") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                *("--ip=127.0.0.1", f"--port={port}", "--IdentityProvider.token="),
                *("--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={folder}"),
                *("--LabApp.news_url=None", f"--LabApp.workspaces_dir={folder / 'workspaces'}"),
            ],
            cwd=folder,
            env={
                **clean,
                **own,
                "EO_ASSETS_CATALOG": catalog.url,
                "EO_ASSETS_TILES_SOURCES": str(archive.resolve()),
                "EO_ASSETS_TILES_URL": "/proxy/{port}",
                "EO_ASSETS_TILES_WORKERS": "1",
            },
            stdout=subprocess.DEVNULL,
            stderr=log,
        )
        try:
            wait_for(f"http://127.0.0.1:{port}/api/status", process, folder / "lab.log")
            yield f"http://127.0.0.1:{port}"
        finally:
            started = processes_below(process.pid)
            process.terminate()
            process.wait(timeout=60)
            deadline = time.monotonic() + 30
            while still_alive(started) and time.monotonic() < deadline:
                time.sleep(0.2)
            assert not still_alive(started), "the kernel left something running"


def wait_for(url, process, log):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        with contextlib.suppress(OSError), opener.open(url, timeout=5):
            return
        time.sleep(0.3)
    raise AssertionError(log.read_text())


def wait_for_kernel(page, lab):
    """Wait until the page is connected to a kernel at rest: what is run before may be lost."""
    deadline = time.monotonic() + WAIT_MS / 1000
    kernels = []
    while not any(one["execution_state"] == "idle" and one["connections"] for one in kernels):
        assert time.monotonic() < deadline, kernels
        page.wait_for_timeout(200)
        kernels = [one["kernel"] for one in page.request.get(f"{lab}/api/sessions").json()]


def addresses(page):
    return page.eval_on_selector_all(TILES, "all => all.map(one => one.src)")


def test_the_quick_start_is_a_map_that_answers(browser, lab, pictures):
    page = browser.new_page(viewport={"width": 1280, "height": 1050})
    page.set_default_timeout(WAIT_MS)
    beyond = []
    page.on(
        "request",
        lambda r: (
            None
            if r.url.startswith((lab, "data:", "blob:", lab.replace("http", "ws")))
            else beyond.append(r.url)
        ),
    )
    page.goto(f"{lab}/lab/tree/{NOTEBOOK.name}")
    page.locator(".jp-NotebookPanel-toolbar").wait_for()
    page.locator(".jp-MarkdownOutput h1").first.wait_for()
    wait_for_kernel(page, lab)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()

    # to the last cell, so that what comes after is the mouse's doing
    page.locator(".jp-CodeCell").last.get_by_text("2023-06-01 to 2023-08-31").first.wait_for()
    map_ = page.locator(".leaflet-container")
    map_.scroll_into_view_if_needed()
    page.wait_for_function(COMPLETE)
    before = addresses(page)
    # through the server's own address: the tile service itself is not reached from outside
    assert before
    assert all("/proxy/" in address and "signature=" in address for address in before)

    page.locator(".widget-hslider .noUi-handle").press("ArrowLeft")
    page.wait_for_function(
        "before => [...document.querySelectorAll('.leaflet-tile-pane img')]"
        ".some(one => !before.includes(one.src))",
        arg=before,
    )
    page.wait_for_function(COMPLETE)
    assert set(addresses(page)) - set(before)

    chart = page.locator("img.widget-image").first
    old = chart.get_attribute("src")
    box = map_.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.6)
    page.wait_for_function(
        "old => {const one = document.querySelector('img.widget-image');"
        " return one.src !== old && one.naturalWidth > 300 && one.offsetHeight > 0}",
        arg=old,
    )
    page.get_by_text("Click for a series over time").wait_for()
    page.screenshot(path=pictures / "notebook.png")
    page.close()
    assert not beyond
