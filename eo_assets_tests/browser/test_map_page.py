"""The map page of the tile service: what people see, click and draw, on a laptop and a phone."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
import pytest
import rasterio
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from rasterio.transform import from_origin

from eo_assets.storage.store import Record
from eo_assets_tests.browser.conftest import free_ports
from eo_assets_tests.whole_archive import whole_archive

pytestmark = [pytest.mark.browser, pytest.mark.integration]

LAPTOP = {"width": 1366, "height": 768}
PHONE = {"width": 390, "height": 844}
WAIT_MS = 60_000
START_S = 120
CLASSES = {1: ("bare rock", "#7F4B17"), 2: ("dense vegetation", "#09583D")}
DAY, OTHER = "2023-07-15", "2023-10-13"
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))

PIXELS = """pane => {
  const found = [];
  for (const tile of document.querySelectorAll(`.leaflet-${pane}-pane img.leaflet-tile`)) {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [tile.naturalWidth, tile.naturalHeight];
    const drawn = canvas.getContext("2d");
    drawn.drawImage(tile, 0, 0);
    const values = drawn.getImageData(0, 0, canvas.width, canvas.height).data;
    let [seen, sum] = [0, 0];
    for (let n = 0; n < values.length; n += 4) {
      if (values[n + 3]) { seen++; sum += values[n] + 3 * values[n + 1] + 7 * values[n + 2]; }
    }
    found.push({width: tile.naturalWidth, seen, sum});
  }
  return found;
}"""


def write_classes(outputs):
    """A stored map of two classes over the region, west and east."""
    folder = outputs / "bucegi/sentinel-2-l2a" / DAY / "clusters"
    folder.mkdir(parents=True)
    shape, transform = (1241, 1002), from_origin(370_630, 5_042_050, 20, 20)
    pixels = np.ones(shape, np.uint8)
    pixels[:, 501:] = 2
    with rasterio.open(
        folder / "classes.tif", "w", driver="COG", dtype="uint8", nodata=0, crs="EPSG:32635",
        transform=transform, width=shape[1], height=shape[0], count=1,
    ) as file:  # fmt: skip
        file.write(pixels, 1)
        file.set_band_description(1, "class")
        rgb = {n: bytes.fromhex(colour[1:]) for n, (_, colour) in CLASSES.items()}
        file.write_colormap(1, {n: (*parts, 255) for n, parts in rgb.items()})
    named = [
        {"value": n, "name": f"class-{n}", "title": title, "color_hint": colour[1:]}
        for n, (title, colour) in CLASSES.items()
    ]
    band = {"name": "class", "data_type": "uint8", "nodata": 0, "classification:classes": named}
    item = {
        "type": "Feature", "stac_version": "1.1.0", "id": "classes",
        "bbox": [25.3435, 45.2967, 25.6055, 45.5234],
        "properties": {"datetime": f"{DAY}T09:35:49Z", "proj:code": "EPSG:32635",
                       "proj:shape": shape, "proj:transform": list(transform)[:6]},
        "assets": {"classes": {"href": "./classes.tif", "bands": [band]}}, "links": [],
    }  # fmt: skip
    (folder / "item.json").write_text(json.dumps(item))
    record = Record(
        step="clusters", region="bucegi", collection="sentinel-2-l2a", date=DAY, digest="0" * 64,
        files={"classes": "classes.tif", "stac_item": "item.json"},
    )  # fmt: skip
    (folder / "record.json").write_text(record.model_dump_json())


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """The address of ``eo-assets tiles`` over the whole archive, with one stored product."""
    folder = tmp_path_factory.mktemp("map")
    write_classes(folder / "outputs")
    clean = {k: v for k, v in os.environ.items() if not k.startswith("EO_ASSETS_")}  # noqa: TID251
    [port] = free_ports(1)
    log = folder / "tiles.log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "eo_assets.cli", "tiles", "--port", str(port), "--workers", "1"],
            cwd=folder,
            env={
                **clean,
                "EO_ASSETS_SAMPLE_DIR": str(whole_archive()),
                "EO_ASSETS_OUTPUTS": str(folder / "outputs"),
                "EO_ASSETS_TILES_DIR": str(folder / "layers"),
            },
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + START_S
        while True:
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                OPENER.open(f"{url}/healthz", timeout=5).close()
                break
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.2)
        yield url
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"})
    with OPENER.open(request, timeout=60) as answer:
        return json.load(answer)


def settle(page):
    """Wait until nothing is asked for any more, as the page itself shows."""
    page.wait_for_load_state("networkidle")
    page.wait_for_selector("body:not([data-busy])", state="attached")


@contextlib.contextmanager
def opened(browser, service, viewport=LAPTOP, *, expected="", **choice):
    """The page with what is chosen; afterwards nothing may have been complained of or fetched."""
    context = browser.new_context(viewport=viewport, has_touch=viewport is PHONE)
    page = context.new_page()
    page.set_default_timeout(WAIT_MS)
    complaints, elsewhere = [], []
    page.on(
        "console",
        lambda m: complaints.append(m.text) if m.type in {"error", "warning"} else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda r: (
            elsewhere.append(r.url)
            if not r.url.startswith((service, "data:", "blob:")) else None
        ),
    )  # fmt: skip
    try:
        page.goto(f"{service}/#{urlencode(choice)}")
        page.wait_for_selector(".leaflet-picture-pane img.leaflet-tile-loaded")
        settle(page)
        yield page
        assert elsewhere == []
        assert [text for text in complaints if not (expected and expected in text)] == []
    finally:
        context.close()


def picture(page, pane="picture"):
    settle(page)
    return page.evaluate(PIXELS, pane)


def facts(page):
    """What the values say: names and texts."""
    page.wait_for_selector("#results .now div")
    settle(page)
    parts = page.locator("#results .now div").all()
    return {one.locator("span").inner_text(): one.locator("strong").inner_text() for one in parts}


def click_map(page, x, y):
    """Click at a share of the map's width and height."""
    box = page.locator("#map").bounding_box()
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])


def chosen(page):
    return dict(parse_qsl(urlsplit(page.url).fragment))


def crop(page, left, right):
    """Middle rows of the map between two shares of its width."""
    box = page.locator("#map").bounding_box()
    shot = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    edges = [box["x"] + share * box["width"] for share in (left, right)]
    top = box["y"] + 0.55 * box["height"]
    return np.asarray(shot.crop((round(edges[0]), round(top), round(edges[1]), round(top) + 60)))


def ndvi_layer(service, **more):
    body = {"region": "bucegi", "collection": "sentinel-2-l2a", "index": "ndvi", **more}
    return ask(f"{service}/layers", body)


def test_picture_is_seen_and_changes_with_the_day(browser, service, pictures):
    with opened(browser, service) as page:
        first = picture(page)
        assert all(tile["width"] == 256 for tile in first)
        assert sum(tile["seen"] for tile in first) > 100_000
        page.screenshot(path=pictures / "map_laptop.png")
        assert chosen(page)["day"] == DAY, "the clearest day of the last year with enough of them"
        # as a list of days is used without a mouse
        page.locator("#days input:checked").focus()
        page.keyboard.press("ArrowDown")
        assert picture(page) != first
        assert chosen(page)["day"] == "2023-07-25"
        page.get_by_role("button", name="Earlier day").click()
        assert picture(page) == first


def test_link_shows_the_same_map(browser, service):
    with opened(browser, service, view="nbr", day=OTHER, at="45.42,25.45,12") as page:
        first, address = picture(page), page.url
    with opened(browser, service) as page:
        page.goto(address)
        page.reload()
        page.wait_for_selector(".leaflet-picture-pane img.leaflet-tile-loaded")
        assert picture(page) == first
        assert page.locator("#view").input_value() == "nbr"


def test_composite_of_a_period_has_fewer_gaps_than_a_day(browser, service):
    with opened(browser, service, day="2023-07-25") as page:
        day = sum(tile["seen"] for tile in picture(page))
        page.get_by_role("radio", name="Period", exact=True).check()
        median = picture(page)
        assert chosen(page)["mode"] == "period"
        assert sum(tile["seen"] for tile in median) > 1.1 * day
        page.get_by_label("Of each pixel's observations").select_option("max_ndvi")
        assert picture(page) != median
        page.get_by_label("Leave out clouds").uncheck()
        assert picture(page) != median


def test_point_has_its_value_and_series(browser, service, pictures):
    with opened(browser, service, view="ndvi", relief=1) as page:
        assert sum(tile["seen"] for tile in picture(page, "relief")) > 50_000
        click_map(page, 0.5, 0.45)
        shown = facts(page)
        page.screenshot(path=pictures / "map_point.png")
        lon, lat = map(float, chosen(page)["point"].split(","))
        layer = ndvi_layer(service, first=DAY)
        value = ask(f"{layer['links']['point']}?{urlencode({'lon': lon, 'lat': lat})}")
        assert float(shown["NDVI"]) == pytest.approx(value["values"]["ndvi"], abs=1e-4)
        year = ndvi_layer(service, first="2023-01-01", last="2023-12-31")
        where = {"geometry": {"type": "Point", "coordinates": [lon, lat]}}
        series = ask(year["links"]["timeseries"], where)["series"]
        known = [row for row in series if row["mean"] is not None]
        assert page.locator(".chart .dot").count() == len(known) > 2
        assert page.locator(".chart .cloudy").count() == len(series) - len(known) > 0
        # a picture of another day leaves the series as it is
        page.get_by_text("All numbers").click()
        another = next(row["time"] for row in known if row["time"] != DAY)
        page.get_by_role("button", name=another).click()
        settle(page)
        value = float(page.locator(".chart .dot.marked title").inner_html().split(": ")[1])
        assert value == pytest.approx(next(r["mean"] for r in known if r["time"] == another), 1e-3)
        page.get_by_role("button", name="Close the values").click()
        assert page.locator("#results").is_hidden()


def test_drawn_area_has_statistics_and_a_band(browser, service, pictures):
    with opened(browser, service, view="ndvi") as page:
        page.get_by_role("button", name="Draw an area").click()
        for corner in ((0.45, 0.4), (0.55, 0.4), (0.55, 0.55), (0.45, 0.55), (0.45, 0.4)):
            click_map(page, *corner)
        shown = facts(page)
        page.screenshot(path=pictures / "map_area.png")
        ring = [list(map(float, one.split(","))) for one in chosen(page)["area"].split(";")]
        assert len(ring) == 4
        where = {"geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}}
        found = ask(ndvi_layer(service, first=DAY)["links"]["statistics"], where)
        ndvi = found["bands"]["ndvi"]
        assert float(shown["NDVI, mean"]) == pytest.approx(ndvi["mean"], abs=1e-3)
        assert float(shown["to"]) == pytest.approx(ndvi["max"], abs=1e-3)
        assert shown["pixels"].startswith(f"{found['pixels']:,} of ")
        assert page.locator(".chart path.band").count() > 0
        with page.expect_download() as kept:
            page.get_by_role("button", name="Download CSV").click()
        rows = list(csv.DictReader(io.StringIO(kept.value.path().read_text())))
        assert len(rows) == 8
        row = next(row for row in rows if row["time"] == DAY)
        assert float(row["p10"]) < float(row["mean"]) < float(row["p90"])
        with page.expect_download() as kept:
            page.get_by_role("button", name="Download JSON").click()
        assert json.loads(kept.value.path().read_text())["statistics"] == json.loads(
            json.dumps({**found, "bands": {"ndvi": ndvi}})
        )


def test_two_days_side_by_side(browser, service, pictures):
    with opened(browser, service, view="ndvi", day=OTHER, at="45.42,25.475,12") as page:
        alone = {"left": crop(page, 0.3, 0.45), "right": crop(page, 0.55, 0.7)}
    with opened(browser, service, view="ndvi", day=DAY, at="45.42,25.475,12") as page:
        before = crop(page, 0.3, 0.45)
        page.get_by_label("Another day on the right side").check()
        page.get_by_label("Day on the right side", exact=True).select_option(OTHER)
        page.wait_for_selector(".leaflet-other-pane img.leaflet-tile-loaded")
        settle(page)
        page.wait_for_timeout(400)  # tiles fade in
        page.screenshot(path=pictures / "map_swipe.png")
        assert np.array_equal(crop(page, 0.3, 0.45), before)
        assert np.array_equal(crop(page, 0.55, 0.7), alone["right"])
        divider = page.get_by_label("Where the right side begins")
        divider.focus()
        page.keyboard.press("Home")
        settle(page)
        assert np.array_equal(crop(page, 0.3, 0.45), alone["left"])


def test_classes_have_names_and_their_files_colours(browser, service, pictures):
    with opened(browser, service, view=f"product:bucegi/sentinel-2-l2a/{DAY}/clusters") as page:
        page.wait_for_selector("#legend .classes li")
        names = page.locator("#legend .classes li").all_inner_texts()
        assert [name.strip() for name in names] == [title for title, _ in CLASSES.values()]
        page.screenshot(path=pictures / "map_classes.png")
        east = crop(page, 0.57, 0.6)
        assert tuple(np.median(east.reshape(-1, 3), axis=0)) == (0x09, 0x58, 0x3D)
        click_map(page, 0.58, 0.5)
        assert facts(page)["Class"] == "dense vegetation"
        assert page.locator(".chart .dot").count() > 2


def test_footprints_name_their_scenes(browser, service):
    with opened(browser, service, day=DAY) as page:
        page.get_by_label("Footprints of the scenes").check()
        page.wait_for_selector("#scenes li")
        items = ask(ndvi_layer(service, first=DAY)["links"]["items"])["features"]
        named = page.locator("#scenes code").all_inner_texts()
        assert sorted(named) == sorted(item["id"] for item in items)
        assert page.locator("#map path.footprint").count() == len(items)


def test_what_is_wrong_is_said_with_what_to_do(browser, service):
    with opened(browser, service, expected="422") as page:
        page.get_by_role("radio", name="Period", exact=True).check()
        settle(page)
        page.get_by_label("Last day").fill("2022-01-01")
        told = page.locator("#problem")
        told.locator("strong").wait_for()
        assert "2022-01-01" in told.inner_text()
        page.get_by_label("Last day").fill("2023-08-31")
        page.wait_for_selector(".leaflet-picture-pane img.leaflet-tile-loaded")
        settle(page)
        assert told.inner_text() == ""
    with opened(browser, service, at="45.4,25.4,9") as page:
        for _ in range(4):
            page.get_by_role("button", name="Zoom out").click()
            page.wait_for_timeout(300)  # Leaflet ignores clicks while it zooms
        page.get_by_text("Zoom in to see it").wait_for()


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_page_is_usable_by_everybody(browser, service, pictures, viewport):
    choice = {"view": "ndvi", "point": "25.47,45.41"}
    with opened(browser, service, viewport, **choice) as page:
        page.wait_for_selector(".chart .dot")
        name = "laptop" if viewport is LAPTOP else "phone"
        page.screenshot(path=pictures / f"map_values_{name}.png")
        assert_no_faults(page)
        if viewport is PHONE:
            assert page.locator("#choices").is_hidden()
            page.get_by_role("button", name="Choices").click()
            page.screenshot(path=pictures / "map_choices_phone.png")
            assert_no_faults(page)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= viewport["width"], "it can be scrolled sideways"


def assert_no_faults(page):
    found = Axe().run(page).response["violations"]
    bad = [one for one in found if one["impact"] in {"serious", "critical"}]
    assert not bad, "\n".join(
        f"{one['id']}: {one['help']}: {[node['html'] for node in one['nodes']]}" for one in bad
    )


def test_browsers_are_told_to_load_nothing_else(service):
    for path in ("/", "/static/page.js"):
        with OPENER.open(service + path) as answer:
            policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert not re.search(r"unsafe|https?:|\*", policy)
