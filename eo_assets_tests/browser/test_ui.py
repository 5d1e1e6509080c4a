"""What people see: assets materialised from Dagster's page, previews and numbers, a clean end."""

from __future__ import annotations

import re
import signal
from urllib.parse import quote

import pytest

from eo_assets.definitions import STEPS
from eo_assets_tests.browser.conftest import dev_running

pytestmark = [pytest.mark.browser, pytest.mark.integration]

DATE, REGION = "2023-07-15", "bucegi"
REGIONS = (REGION, "bucegi-landsat")
DATES = ("2023-09-08", "2023-09-09", "2023-09-10")
CHOSEN = sorted(f"{date}|{region}" for date in DATES for region in REGIONS)
SEEN = "2023-09-09|bucegi-landsat"
"""The only one of them that a satellite saw."""

GROUP = "/locations/__repository__@eo_assets/asset-groups/scenes_to_reports/lineage"
WAIT_MS = 180_000

RUNS = "{runsOrError(limit: 20) {... on Runs {results {runId}}}}"
OUTCOMES = """query($step: String!, $partitions: [String!]) {
  assetNodeOrError(assetKey: {path: [$step]}) {... on AssetNode {
    assetMaterializations(partitions: $partitions) {partition metadataEntries {
      label ... on BoolMetadataEntry {boolValue} ... on TextMetadataEntry {text}}}}}}"""
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


def choose(page, dev, dates: str, regions: tuple[str, ...]):
    """Choose partitions in the dialog that materialises a group's assets; the dialog."""
    page.goto(dev.url + GROUP, wait_until="domcontentloaded")
    page.get_by_role("button", name="Materialize all").click()
    dialog = page.get_by_role("dialog")
    box = dialog.locator("input[type=text]").first
    box.fill(dates)
    box.press("Enter")
    dialog.get_by_text("Select a partition or create one").click()
    for name in regions:
        region = page.get_by_text(name, exact=True)
        page.get_by_role("menuitem").filter(has=region).first.click()
    dialog.get_by_text("Partition selection").click()
    return dialog


def launch(page, dev) -> str:
    """Materialise all assets of the partition from the group's page; the run's id."""
    choose(page, dev, DATE, (REGION,))
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


def open_asset(page, dev, step, partition=f"{DATE}|{REGION}"):
    page.goto(
        f"{dev.url}/assets/{step}?view=partitions&partition={quote(partition)}",
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


@pytest.fixture(scope="module")
def backfill(page, dev, run, pictures) -> str:
    """The id of a backfill of three dates and two regions, launched by hand and watched."""
    dialog = choose(page, dev, f"[{DATES[0]}...{DATES[-1]}]", REGIONS)
    dialog.get_by_text("6 partitions").first.wait_for()
    page.screenshot(path=pictures / "backfill_dialog.png")
    dialog.get_by_role("button", name="Launch backfill").click()
    toast = page.get_by_text(re.compile("Created backfill"))
    toast.wait_for()
    backfill = toast.inner_text().split()[-1]
    page.goto(f"{dev.url}/runs/b/{backfill}", wait_until="domcontentloaded")
    # the daemon looks every half minute: once to begin, once to see that it has ended
    status = page.get_by_text("Status", exact=True).locator("xpath=..")
    status.get_by_text(re.compile("Succeeded|Failed|Canceled")).wait_for(timeout=5 * WAIT_MS)
    page.wait_for_timeout(2000)
    page.screenshot(path=pictures / "backfill.png")
    return backfill


def test_backfill_makes_exactly_what_was_chosen(dev, backfill):
    state = dev.backfill(backfill)
    assert state.status == "COMPLETED_SUCCESS"
    assert state.partitions == CHOSEN
    assert state.counts == dict.fromkeys(STEPS, (6, 6, 0))
    runs = dev.backfill_runs(backfill)
    # one process for all dates of a region
    assert [status for status, _ in runs] == ["SUCCESS"] * 2
    tags = [tags for _, tags in runs]
    assert {tag["eo_assets/region"] for tag in tags} == set(REGIONS)
    assert {tag["eo_assets/date"] for tag in tags} == {f"{DATES[0]}..{DATES[-1]}"}


@pytest.mark.parametrize("step", STEPS)
def test_days_without_imagery_are_empty_and_say_why(dev, backfill, step):
    node = dev.ask(OUTCOMES, step=step, partitions=CHOSEN)["assetNodeOrError"]
    found = {
        made["partition"]: {entry["label"]: entry for entry in made["metadataEntries"]}
        for made in node["assetMaterializations"]
    }
    assert sorted(found) == CHOSEN
    empty = [key for key in CHOSEN if found[key]["empty"]["boolValue"]]
    assert empty == [key for key in CHOSEN if key != SEEN]
    assert {found[key]["reason"]["text"] for key in empty} == {
        "No satellite scene covers the region on this date."
    }


def test_page_of_an_empty_partition_says_so(page, dev, backfill, pictures):
    open_asset(page, dev, "mosaic", CHOSEN[0])
    page.get_by_text("No satellite scene covers the region on this date.").first.wait_for()
    page.get_by_text("has_imagery warns").first.wait_for()
    page.screenshot(path=pictures / "mosaic_empty.png")


def test_empty_partitions_are_told_apart_at_a_glance(page, dev, backfill, pictures):
    page.goto(
        f"{dev.url}/assets/mosaic?view=checks&checkDetail=has_imagery",
        wait_until="domcontentloaded",
    )
    page.get_by_text("completeness").first.wait_for()
    page.get_by_role("tab", name="Partitions").last.click()
    page.get_by_text("Failed (5)", exact=True).wait_for()
    page.get_by_text("Passed (2)", exact=True).wait_for()
    page.screenshot(path=pictures / "has_imagery.png")


def test_numbers_are_plotted(page, dev, backfill, pictures):
    page.goto(f"{dev.url}/assets/mosaic?view=overview", wait_until="domcontentloaded")
    page.get_by_role("button", name="Plots").click()
    page.get_by_role("button", name="Events").click()
    for label in ("valid_pct", "ndvi_mean", "seconds"):
        page.get_by_text(label, exact=True).first.wait_for()
    page.wait_for_timeout(1500)
    page.screenshot(path=pictures / "plots.png", full_page=True)


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
