"""Products are registered when they are made; a catalogue that is away gets them later."""

from __future__ import annotations

import datetime as dt
import threading
import time
import warnings

import dagster as dg
import httpx
import pystac
import pytest

from eo_assets.definitions import build_defs
from eo_assets.defs.dask_cluster import DaskCluster
from eo_assets.defs.jobs import CHAIN
from eo_assets.pipeline.tasks import InProcess
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.settings import Settings
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Store
from eo_assets_tests.integration.test_sensor_runs import free_port
from eo_assets_tests.tiny_archive import Granule, region, write_granule

pytestmark = pytest.mark.integration

DAY, NOTHING = "2023-07-01", "2023-07-05"
STEPS = ("stac_items", "band_stack", "mosaic")


class NoCluster(DaskCluster):
    """Does the work in this process."""

    def runner(self, context, label):
        return InProcess()


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    root = tmp_path_factory.mktemp("archive")
    for tile in (0, 1):
        write_granule(root, Granule(tile=tile, day=DAY))
    return root


@pytest.fixture
def run(archive, tmp_path):
    def go(instance, day=DAY, **changes):
        settings = Settings(catalog=str(archive), outputs=tmp_path / "outputs", **changes)
        defs = build_defs(settings, regions={"seam": region()})
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
            partition_key=dg.MultiPartitionKey({"date": day, "region": "seam"}),
            asset_selection=[dg.AssetKey(step) for step in STEPS],
            instance=instance,
            raise_on_error=False,
        )

    return go


@pytest.fixture
def products(tmp_path):
    """A directory that the STAC API over directories can serve as a product catalogue."""
    root = tmp_path / "catalogue"
    write_granule(root, Granule(tile=0, day="2020-01-01"))
    return root


def metadata(result):
    [event] = [
        event
        for event in result.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey("mosaic")
    ]
    return event.materialization.metadata


def test_without_a_service_the_store_lists_its_products(run, tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(instance)
        assert result.success
        assert run(instance, NOTHING).success
    catalog = pystac.Catalog.from_file(str(tmp_path / "outputs" / "catalog.json"))
    [item] = catalog.get_items(recursive=True)
    assert metadata(result)["catalog_item"].value == item.self_href
    assert item.self_href.startswith(metadata(result)["path"].value)


def test_a_catalogue_that_comes_back_gets_the_product_without_making_it_again(
    run, products, tmp_path, monkeypatch
):
    monkeypatch.setattr("eo_assets.defs.steps.RETRY_DELAY_S", 1)
    port = free_port()
    api = EmbeddedCatalog(products, port=port)
    away = Store(tmp_path / "outputs").folder(
        Partition(region(), dt.date.fromisoformat(DAY)), "mosaic"
    )

    made_at = []

    def come_back():
        while not (away / "record.json").exists():
            time.sleep(0.05)
        made_at.append((away / "record.json").stat().st_mtime)
        # longer than the client itself tries
        time.sleep(9)
        api.start()

    came_back = threading.Thread(target=come_back, daemon=True)
    came_back.start()
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(instance, product_catalog=f"http://127.0.0.1:{port}", max_retries=8)
    came_back.join()
    try:
        assert result.success
        retried = [event.step_key for event in result.all_events if event.is_step_up_for_retry]
        assert set(retried) == {"mosaic"}
        address = metadata(result)["catalog_item"].value
        item = httpx.get(address).raise_for_status().json()
    finally:
        api.close()
    assert item["properties"]["eo_assets:product"] == f"seam/sentinel-2-l2a/{DAY}/mosaic"
    # not made again by the later attempts
    assert (away / "record.json").stat().st_mtime == made_at[0]
    assert len([e for e in result.all_events if e.is_step_success and e.step_key == "mosaic"]) == 1


def test_a_catalogue_that_stays_away_fails_the_step_and_leaves_the_product(run, tmp_path):
    with dg.DagsterInstance.ephemeral() as instance:
        result = run(instance, product_catalog=f"http://127.0.0.1:{free_port()}", max_retries=0)
        known = instance.get_materialized_partitions(dg.AssetKey("mosaic"))
    assert not result.success
    failure = result.failure_data_for_node("mosaic").user_failure_data
    assert "eo-assets catalog register" in failure.description
    assert known == {f"{DAY}|seam"}
    partition = Partition(region(), dt.date.fromisoformat(DAY))
    assert Store(tmp_path / "outputs").read_record(partition, "mosaic").empty is None
