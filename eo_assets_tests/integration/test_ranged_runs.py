"""Runs of several dates: one that fails takes no other along, and is tried again alone."""

from __future__ import annotations

import datetime as dt
from collections import Counter

import dagster as dg
import pytest

from eo_assets.definitions import build_defs
from eo_assets.defs.jobs import CHAIN
from eo_assets.errors import MissingArtifactError
from eo_assets.settings import load_settings
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store
from eo_assets_tests.faults.archive import fault_archive
from eo_assets_tests.tiny_archive import Granule, region, write_granule

pytestmark = pytest.mark.integration

GOOD, BROKEN, EMPTY, LAST = "2023-07-01", "2023-07-02", "2023-07-03", "2023-07-04"
STEPS = ("stac_items", "band_stack", "mosaic")
DAYS = (GOOD, BROKEN, EMPTY, LAST)
REQUESTS_UNTIL_UNAVAILABLE = 5


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Two tiles on each of three days; of one day a file is absent."""
    directory = tmp_path_factory.mktemp("ranged") / "archive"
    for day in (GOOD, BROKEN, LAST):
        for tile in (0, 1):
            broken = ("B08",) if day == BROKEN else ()
            write_granule(directory, Granule(tile=tile, day=day, broken=broken))
    with fault_archive() as running:
        running.serve(directory)
        yield running


@pytest.fixture
def run_range(archive, scheduler, tmp_path, monkeypatch):
    """Runs the chain over all days in one run, as a backfill's runs are."""
    monkeypatch.setattr("eo_assets.defs.steps.RETRY_DELAY_S", 0.1)
    seam = region()
    settings = load_settings(
        catalog=archive.url, dask_address=scheduler, outputs=tmp_path / "outputs", max_retries=1
    )
    job = build_defs(settings, regions={seam.id: seam}).resolve_job_def(CHAIN)

    def run(instance, steps=STEPS):
        return job.execute_in_process(
            instance=instance,
            asset_selection=[dg.AssetKey(step) for step in steps],
            raise_on_error=False,
            tags={
                "dagster/asset_partition_range_start": f"{DAYS[0]}|{seam.id}",
                "dagster/asset_partition_range_end": f"{DAYS[-1]}|{seam.id}",
            },
        )

    def record(step, day):
        store = Store(settings.outputs)
        return store.read_record(Partition(seam, dt.date.fromisoformat(day)), step)

    run.record = record
    return run


def materialized(instance, step):
    """Days of an asset by what Dagster has recorded."""
    events = instance.fetch_materializations(dg.AssetKey(step), limit=100).records
    return Counter(event.partition_key.split("|")[0] for event in events)


def test_one_bad_date_does_not_take_the_others_along(run_range):
    with dg.DagsterInstance.ephemeral() as instance:
        result = run_range(instance)
        assert not result.success
        assert materialized(instance, "stac_items") == dict.fromkeys(DAYS, 1)
        good = dict.fromkeys((GOOD, EMPTY, LAST), 1)
        assert {step: materialized(instance, step) for step in STEPS[1:]} == dict.fromkeys(
            STEPS[1:], good
        )
        [event] = instance.fetch_materializations(dg.AssetKey("band_stack"), limit=1).records
        assert event.asset_materialization.metadata["path"].value.endswith("band_stack")
        runs = instance.get_runs()
        parent = runs[-1]
    failure = result.failure_data_for_node("band_stack")
    assert failure.user_failure_data.metadata == {
        f"{BROKEN}|seam": dg.MetadataValue.text("FailureBudgetError")
    }
    assert "B08" in failure.user_failure_data.description
    assert [run.status.name for run in runs[:-1]] == ["SUCCESS"] * 3
    assert {run.tags["eo_assets/date"] for run in runs[:-1]} == {GOOD, EMPTY, LAST}
    assert {run.tags["dagster/parent_run_id"] for run in runs[:-1]} == {parent.run_id}
    assert parent.tags["eo_assets/date"] == f"{DAYS[0]}..{DAYS[-1]}"
    assert run_range.record("mosaic", LAST).empty is None
    assert run_range.record("mosaic", EMPTY).empty == "no_scene"
    with pytest.raises(MissingArtifactError):
        run_range.record("band_stack", BROKEN)


def test_only_what_was_unavailable_is_tried_again(run_range, archive):
    archive.fail("/search", 503, after=1, times=REQUESTS_UNTIL_UNAVAILABLE, retry_after="1")
    before = len(archive.requests)
    with dg.DagsterInstance.ephemeral() as instance:
        result = run_range(instance, ["stac_items"])
        assert [e.step_key for e in result.all_events if e.is_step_up_for_retry] == ["stac_items"]
        assert materialized(instance, "stac_items") == dict.fromkeys(DAYS, 1)
    searches = [path for path, _ in archive.requests[before:] if path.endswith("/search")]
    # a day without scenes is asked about twice: whether the region has any
    assert len(searches) == REQUESTS_UNTIL_UNAVAILABLE + len(DAYS) + 1
