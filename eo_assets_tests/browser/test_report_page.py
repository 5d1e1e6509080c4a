"""Report pages as a browser shows them from disk: no network, no fault of access, no overflow."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe

from eo_assets.pipeline import change, region_report
from eo_assets.pipeline.change import ChangeOptions
from eo_assets.pipeline.region_report import RegionReportOptions
from eo_assets.pipeline.reports import build_report
from eo_assets.pipeline.tasks import InProcess
from eo_assets.storage.partition import WholeRegion
from eo_assets_tests.two_dates import LATER, store_with_two_dates
from eo_assets_tests.unit.pipeline.test_reports import inputs_for

pytestmark = pytest.mark.browser

PHONE, DESK = 390, 1280
PICTURES = {"date": 15, "change": 2, "region": 2}


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """A report of each kind, by kind."""
    folder = tmp_path_factory.mktemp("report")
    build_report(inputs_for(folder), folder, runner=InProcess())
    store = store_with_two_dates(tmp_path_factory.mktemp("dates"), shape=(90, 120))
    region = WholeRegion(LATER.region)
    common = {"store": store, "runner": InProcess()}
    change.materialise(LATER, options=ChangeOptions(), **common)
    region_report.materialise(region, options=RegionReportOptions(), **common)
    return {
        "date": folder / "report.html",
        "change": store.folder(LATER, "change") / "report.html",
        "region": store.folder(region, "region_report") / "report.html",
    }


@pytest.fixture(params=PICTURES)
def kind(request):
    return request.param


@pytest.fixture
def report(reports, kind):
    return reports[kind]


@pytest.fixture(params=[PHONE, DESK], ids=["phone", "desk"])
def page(request, browser, report):
    """The page without a network, and what it asked for besides itself."""
    context = browser.new_context(
        viewport={"width": request.param, "height": 900}, offline=True, color_scheme="light"
    )
    page = context.new_page()
    page.asked = []
    page.on("request", lambda asked: page.asked.append(asked.url))
    page.goto(report.as_uri())
    yield page
    context.close()


def test_nothing_but_the_page_itself_is_loaded(page, report, kind):
    others = [url for url in page.asked if not url.startswith("data:")]
    assert others == [report.as_uri()]
    widths = page.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth)")
    assert len(widths) == PICTURES[kind]
    assert min(widths) > 900


def test_the_page_is_no_wider_than_the_screen(page):
    across = page.evaluate("document.documentElement.scrollWidth")
    assert across == page.viewport_size["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_there_is_no_serious_fault_of_access(page, scheme):
    page.emulate_media(color_scheme=scheme)
    found = Axe().run(page).response
    assert len(found["passes"]) > 10
    serious = [v for v in found["violations"] if v["impact"] in {"serious", "critical"}]
    assert not serious, [(v["id"], v["nodes"][0]["html"]) for v in serious]
