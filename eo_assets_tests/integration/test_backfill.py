"""A backfill as the web interface launches it: dates by regions, an empty date, a bad one."""

from __future__ import annotations

import json
import time

import pytest

from eo_assets_tests.browser.conftest import dev_running
from eo_assets_tests.tiny_archive import Granule, lonlat_ring, write_granule

pytestmark = pytest.mark.integration

GOOD, BROKEN, EMPTY, LAST = "2023-07-01", "2023-07-02", "2023-07-03", "2023-07-04"
REGIONS = ("left", "right")
STEPS = ("stac_items", "band_stack", "mosaic")
WAIT_S = 600

LAUNCH = """mutation($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
  __typename ... on LaunchBackfillSuccess {backfillId} ... on PythonError {message}}}"""


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    root = tmp_path_factory.mktemp("backfill")
    for day in (GOOD, BROKEN, LAST):
        for tile in (0, 1):
            broken = ("B08",) if day == BROKEN and tile == 0 else ()
            write_granule(root / "archive", Granule(tile=tile, day=day, broken=broken))
    (root / "regions").mkdir()
    # the bad file lies under the left region alone
    for name, west in zip(REGIONS, (400_060, 401_400), strict=True):
        ring = lonlat_ring(west, 4_999_000, west + 600, 4_999_900)
        feature = {
            "type": "Feature",
            "properties": {"title": name, "bands": ["red", "nir"]},
            "geometry": {"type": "Polygon", "coordinates": [ring]},
        }
        (root / "regions" / f"{name}.geojson").write_text(json.dumps(feature))
    with dev_running(
        root,
        catalog=root / "archive",
        regions=root / "regions",
        first_date="2023-06-01",
        dask_workers=1,
        max_retries=0,
    ) as running:
        yield running


def test_backfill_of_dates_by_regions(dev):
    days = (GOOD, BROKEN, EMPTY, LAST)
    params = {
        "assetSelection": [{"path": [step]} for step in STEPS],
        "partitionNames": [f"{day}|{region}" for region in REGIONS for day in days],
    }
    launched = dev.ask(LAUNCH, params=params)["launchPartitionBackfill"]
    backfill = launched["backfillId"]
    deadline = time.monotonic() + WAIT_S
    while True:
        state = dev.backfill(backfill)
        if state.status.startswith("COMPLETED") or time.monotonic() > deadline:
            break
        time.sleep(1)
    # the bad date of one region; everything else is there
    assert state.status == "COMPLETED_FAILED"
    counts = {"stac_items": (8, 8, 0), "band_stack": (8, 7, 1), "mosaic": (8, 7, 1)}
    assert state.counts == counts
    runs = dev.backfill_runs(backfill)
    tags = [tags for _, tags in runs]
    assert {tag["eo_assets/region"] for tag in tags} == set(REGIONS)
    # a run a region, and one for each date that a bad one did not take along
    assert sorted(status for status, _ in runs) == ["FAILURE"] + ["SUCCESS"] * 4
    records = sorted(
        (record.parts[-5], record.parts[-3])
        for record in dev.outputs.glob("*/*/*/mosaic/record.json")
    )
    assert records == sorted(
        (name, day) for name in REGIONS for day in days if (name, day) != ("left", BROKEN)
    )
