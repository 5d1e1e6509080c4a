"""Checks in Dagster's event log: one result a partition, and nothing made of what is rejected."""

from __future__ import annotations

import datetime as dt
import warnings

import dagster as dg
import numpy as np
import pytest
import zarr

from eo_assets.catalog.checks import CHECKS
from eo_assets.definitions import STEPS, build_defs
from eo_assets.defs.dask_cluster import DaskCluster
from eo_assets.defs.freshness import FRESHNESS
from eo_assets.defs.jobs import CHAIN
from eo_assets.pipeline import mosaic
from eo_assets.pipeline.tasks import InProcess
from eo_assets.settings import Settings
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store
from eo_assets_tests.tiny_archive import CLOUD, Granule, region, write_granule

CLEAR, OTHER, CLOUDY, NOTHING = "2023-07-01", "2023-07-02", "2023-07-03", "2023-07-04"
FIRST_STEPS = STEPS[: STEPS.index("clusters")]


class NoCluster(DaskCluster):
    """Does the work in this process."""

    def runner(self, context, label):
        return InProcess()

    def for_another_run(self):
        return {}


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    root = tmp_path_factory.mktemp("archive")
    for tile in (0, 1):
        write_granule(root, Granule(tile=tile, day=CLEAR))
        write_granule(root, Granule(tile=tile, day=OTHER))
        write_granule(root, Granule(tile=tile, day=CLOUDY, scl=CLOUD, cloud=100))
    return root


@pytest.fixture
def instance():
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def run(archive, tmp_path, instance):
    """Materialises steps of a range of dates in one run."""

    def go(first, last, steps=FIRST_STEPS, **config):
        settings = Settings(catalog=str(archive), outputs=tmp_path / "outputs", max_retries=0)
        defs = build_defs(settings, regions={"seam": region(), "strip": region("strip")})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", dg.PreviewWarning)
            defs = dg.Definitions(
                assets=defs.assets,
                asset_checks=defs.asset_checks,
                jobs=defs.jobs,
                resources={**defs.resources, "dask": NoCluster()},
                executor=dg.in_process_executor,
            )
        return defs.resolve_job_def(CHAIN).execute_in_process(
            asset_selection=[dg.AssetKey(step) for step in steps],
            instance=instance,
            raise_on_error=False,
            run_config=config,
            tags={
                "dagster/asset_partition_range_start": f"{first}|seam",
                "dagster/asset_partition_range_end": f"{last}|seam",
            },
        )

    return go


def results(instance, step, name):
    """Each partition's latest result of a check, as Dagster's web interface asks for them."""
    key = dg.AssetCheckKey(dg.AssetKey(step), name)
    infos = instance.event_log_storage.get_asset_check_partition_info([key])
    return {info.partition_key: info.latest_execution_status.value for info in infos}


def evaluations(instance, step, name):
    key = dg.AssetCheckKey(dg.AssetKey(step), name)
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=50)
    found = [record.event.dagster_event.event_specific_data for record in records if record.event]
    return {one.partition: one for one in found if hasattr(one, "passed")}


def materialised(instance, step):
    return instance.get_materialized_partitions(dg.AssetKey(step))


def test_every_partition_of_a_run_has_its_own_result(run, instance):
    assert run(CLEAR, NOTHING).success
    days = {f"{day}|seam" for day in (CLEAR, OTHER, CLOUDY, NOTHING)}
    for step in ("mosaic", "geotiff"):
        for check in CHECKS[step]:
            assert set(results(instance, step, check.name)) == days, check.name
    imagery = results(instance, "mosaic", "has_imagery")
    assert imagery == {
        f"{CLEAR}|seam": "SUCCEEDED",
        f"{OTHER}|seam": "SUCCEEDED",
        f"{CLOUDY}|seam": "FAILED",
        f"{NOTHING}|seam": "FAILED",
    }
    found = evaluations(instance, "mosaic", "has_imagery")
    assert found[f"{NOTHING}|seam"].severity == dg.AssetCheckSeverity.WARN
    assert "No satellite scene" in found[f"{NOTHING}|seam"].description
    assert found[f"{CLOUDY}|seam"].metadata["reason"].value == "all_cloud"


def test_a_result_belongs_to_the_materialisation_it_judged(run, instance):
    assert run(CLEAR, OTHER).success
    for day in (CLEAR, OTHER):
        found = evaluations(instance, "mosaic", "grid")[f"{day}|seam"]
        records = dg.AssetRecordsFilter(dg.AssetKey("mosaic"), asset_partitions=[f"{day}|seam"])
        [made] = instance.fetch_materializations(records, limit=1).records
        assert found.target_materialization_data.storage_id == made.storage_id


def shown(instance, day):
    records = dg.AssetRecordsFilter(dg.AssetKey("mosaic"), asset_partitions=[f"{day}|seam"])
    [made] = instance.fetch_materializations(records, limit=1).records
    return made.asset_materialization.metadata


def blacken(monkeypatch, day):
    """Let the mosaics of a day come out as if the offset had been taken off twice."""
    check = mosaic.check_mosaic

    def spoilt(partition, path, **arguments):
        if str(partition.date) == day:
            red = zarr.open_group(path, mode="r+")["red"]
            red[...] = np.minimum(red[...], 1)  # in all visible bands: red is the only one
        return check(partition, path, **arguments)

    monkeypatch.setattr(mosaic, "check_mosaic", spoilt)


def test_a_rejected_mosaic_is_not_exported_and_takes_no_other_along(
    run, instance, tmp_path, monkeypatch
):
    blacken(monkeypatch, OTHER)
    result = run(CLEAR, CLOUDY)
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_key == "mosaic"
    told = failure.event_specific_data.user_failure_data.description
    assert OTHER in told
    assert CLEAR not in told
    assert results(instance, "mosaic", "radiometry") == {
        f"{CLEAR}|seam": "SUCCEEDED",
        f"{OTHER}|seam": "FAILED",
        f"{CLOUDY}|seam": "SUCCEEDED",
    }
    assert len(materialised(instance, "mosaic")) == 3
    assert shown(instance, CLEAR)["checks"].value == "5 passed"
    assert shown(instance, OTHER)["checks"].value == "radiometry FAILED, 4 passed"
    assert shown(instance, CLOUDY)["checks"].value == "has_imagery warns, 4 passed"
    assert materialised(instance, "geotiff") == {f"{CLEAR}|seam", f"{CLOUDY}|seam"}

    alone = run(OTHER, OTHER, ["geotiff"])
    assert not alone.success, "the check of an earlier run still holds"
    assert f"{OTHER}|seam" not in materialised(instance, "geotiff")
    assert not list((tmp_path / "outputs").rglob(f"{OTHER}/geotiff"))

    monkeypatch.undo()
    assert run(OTHER, OTHER).success
    assert results(instance, "mosaic", "radiometry")[f"{OTHER}|seam"] == "SUCCEEDED"


def test_a_date_that_cannot_be_made_leaves_the_others_materialised(run, instance, archive):
    broken = "2023-07-05"
    for tile in (0, 1):
        write_granule(archive, Granule(tile=tile, day=broken, broken=("B04",)))
    assert not run(CLOUDY, broken).success
    key = dg.AssetKey("band_stack")
    assert materialised(instance, "band_stack") == {f"{CLOUDY}|seam", f"{NOTHING}|seam"}
    records = dg.AssetRecordsFilter(key, asset_partitions=[f"{CLOUDY}|seam"])
    [made] = instance.fetch_materializations(records, limit=1).records
    assert made.asset_materialization.metadata["scenes"].value == 2


def test_freshness_is_judged_region_by_region(run, instance, archive, tmp_path):
    assert run(CLEAR, NOTHING, STEPS[:3]).success
    settings = Settings(catalog=str(archive), outputs=tmp_path / "outputs")
    defs = build_defs(settings, regions={"seam": region(), "strip": region("strip")})
    result = defs.resolve_job_def(FRESHNESS).execute_in_process(instance=instance)
    assert result.success, "a stale region is a warning"
    found = {one.check_name: one for one in result.get_asset_check_evaluations()}
    assert set(found) == {"fresh_seam", "fresh_strip"}
    assert found["fresh_seam"].metadata["last_imagery"].value == OTHER, "later days are empty"
    assert "no imagery yet" in found["fresh_strip"].description
    assert {one.severity for one in found.values()} == {dg.AssetCheckSeverity.WARN}


def test_freshness_is_no_part_of_the_chain():
    job = build_defs(Settings()).resolve_job_def(CHAIN)
    names = {key.name for key in job.asset_layer.asset_graph.asset_check_keys}
    executed = {node.name for node in job.nodes}
    assert executed == set(STEPS)
    assert "grid" in names


def test_what_is_chosen_at_launch_holds_and_the_rest_stays_as_it_is_set(run, tmp_path):
    chosen = {
        "resources": {"options": {"config": {"collection": "sentinel-2-l2a"}}},
        "ops": {
            "stac_items": {"config": {"max_cloud_cover_pct": 50}},
            "band_stack": {"config": {"composite": "median"}},
        },
    }
    assert run(CLEAR, CLOUDY, STEPS[:2], **chosen).success
    store = Store(tmp_path / "outputs")
    for day, empty, composite in [(CLEAR, None, "median"), (CLOUDY, "all_too_cloudy", None)]:
        made = store.read_record(Partition(region(), dt.date.fromisoformat(day)), "band_stack")
        assert (made.empty, made.summary.get("composite")) == (empty, composite)


def test_every_step_looks_in_the_folder_of_the_collection_that_was_chosen(run):
    chosen = {"resources": {"options": {"config": {"collection": "landsat-c2-l2"}}}}
    assert run(CLEAR, CLEAR, STEPS[:3]).success
    result = run(CLEAR, CLEAR, ["mosaic"], **chosen)
    [failure] = [event for event in result.all_events if event.is_step_failure]
    told = failure.event_specific_data.user_failure_data.description
    assert "There is no band_stack of seam (landsat-c2-l2)" in told
