"""What people see: assets materialised from Dagster's page, previews and numbers, a clean end."""

from __future__ import annotations

import re
import signal

import pytest

from eo_assets.definitions import STEPS
from eo_assets_tests.browser.conftest import dev_running

pytestmark = [pytest.mark.browser, pytest.mark.integration]

DATE, REGION = "2023-07-15", "bucegi"
GROUP = "/locations/__repository__@eo_assets/asset-groups/scenes_to_reports/lineage"
WAIT_MS = 180_000

RUNS = "{runsOrError(limit: 20) {... on Runs {results {runId}}}}"
MATERIALIZED = """query($step: String!, $partition: [String!]) {
  assetNodeOrError(assetKey: {path: [$step]}) {... on AssetNode {
    assetMaterializations(partitions: $partition, limit: 1) {metadataEntries {
      label
      ... on FloatMetadataEntry {floatValue}
      ... on IntMetadataEntry {intValue}
      ... on MarkdownMetadataEntry {mdStr}
      ... on UrlMetadataEntry {url}
      ... on TableMetadataEntry {table {records}}
    }}
  }}
}"""


@pytest.fixture(scope="module")
def page(browser, dev):
    """A page of the web interface that remembers what the console complained of."""
    page = browser.new_page(viewport={"width": 1600, "height": 1100})
    page.set_default_timeout(WAIT_MS)
    page.complaints = []
    page.on("console", lambda m: page.complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    page.close()


def launch(page, dev) -> str:
    """Materialise all assets of the partition from the group's page; the run's id."""
    page.goto(dev.url + GROUP, wait_until="domcontentloaded")
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    box = dialog.locator("input[type=text]").first
    box.fill(DATE)
    box.press("Enter")
    dialog.get_by_text("Select a partition or create one").click()
    region = page.get_by_text(REGION, exact=True)
    page.get_by_role("menuitem").filter(has=region).first.click()
    dialog.get_by_text("Partition selection").click()
    page.get_by_role("button", name="Launch 1 run").click()
    toast = page.get_by_text(re.compile("Launched run"))
    toast.wait_for()
    short = toast.inner_text().split()[-1]
    [run] = [
        run["runId"]
        for run in dev.ask(RUNS)["runsOrError"]["results"]
        if run["runId"].startswith(short)
    ]
    return run


@pytest.fixture(scope="module")
def run(page, dev, pictures) -> str:
    """The id of a successful run that was launched by hand."""
    run = launch(page, dev)
    page.screenshot(path=pictures / "group.png")
    assert dev.wait_for_run(run) == "SUCCESS", dev.log.read_text()
    return run


def metadata(dev, step) -> dict:
    node = dev.ask(MATERIALIZED, step=step, partition=[f"{DATE}|{REGION}"])["assetNodeOrError"]
    [made] = node["assetMaterializations"]
    return {entry["label"]: entry for entry in made["metadataEntries"]}


def open_asset(page, dev, step):
    page.goto(
        f"{dev.url}/assets/{step}?view=partitions&partition={DATE}%7C{REGION}",
        wait_until="domcontentloaded",
    )
    page.get_by_text("Latest materialization").first.wait_for()


def test_all_assets_are_materialised_by_hand(page, dev, run, pictures):
    page.goto(f"{dev.url}/runs/{run}", wait_until="domcontentloaded")
    page.get_by_text("Success").first.wait_for()
    page.get_by_text("reports").first.wait_for()
    page.wait_for_timeout(2000)
    page.screenshot(path=pictures / "run.png")
    for step in STEPS:
        assert metadata(dev, step)["path"]


@pytest.mark.parametrize(
    ("step", "preview"),
    [("mosaic", "thumbnail"), ("reports", "classes"), ("reports", "signatures")],
)
def test_asset_page_shows_its_picture(page, dev, run, pictures, step, preview):
    shown = metadata(dev, step)[preview]["mdStr"]
    assert len(shown) < 1000, "longer Markdown hides behind a button"
    open_asset(page, dev, step)
    picture = page.locator(f"img[alt='{preview}']").first
    picture.scroll_into_view_if_needed()
    page.wait_for_function("img => img.complete", arg=picture.element_handle())
    assert picture.evaluate("img => img.naturalWidth") > 300, "the picture did not load"
    page.screenshot(path=pictures / f"{step}_{preview}.png")


def test_classes_are_shown_as_a_table(page, dev, run, pictures):
    entries = metadata(dev, "clusters")
    rows = entries["class_table"]["table"]["records"]
    assert len(rows) == entries["classes"]["intValue"] == 8
    open_asset(page, dev, "clusters")
    page.get_by_text("class_table").first.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)
    page.screenshot(path=pictures / "clusters.png", full_page=True)


def test_numbers_of_the_mosaic_are_sensible(dev, run):
    numbers = metadata(dev, "mosaic")
    assert 90 < numbers["valid_pct"]["floatValue"] <= 100
    assert 0.6 < numbers["ndvi_mean"]["floatValue"] < 0.9


def test_report_opens_from_its_link(page, dev, run, pictures):
    page.goto(metadata(dev, "reports")["report"]["url"], wait_until="load")
    assert "Bucegi" in page.title()
    page.screenshot(path=pictures / "report.png")


def test_console_has_no_error(page, run):
    assert page.complaints == []


def test_interrupt_ends_every_process(dev, run):
    code, left = dev.stop(signal.SIGINT)
    assert (code, left) == (0, {}), dev.log.read_text()
    assert "Traceback" not in dev.log.read_text()


def test_termination_ends_every_process(tmp_path):
    with dev_running(tmp_path) as dev:
        code, left = dev.stop(signal.SIGTERM)
        assert (code, left) == (0, {}), dev.log.read_text()
        assert "Traceback" not in dev.log.read_text()
