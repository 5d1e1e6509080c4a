"""Dagster and Dask with products on Ceph and on Azurite: the chain, and what builds on it.

A corner of the sample, also made in a folder: files are the same, byte for byte. Workers are there
before anybody names a bucket; they are told the keys by the run. On Azurite the chain goes as far
as the applications need it: ``test_products_on_objects`` has all of it there.
"""

from __future__ import annotations

import datetime as dt
import io
import json

import dagster as dg
import geopandas
import pytest
from odc.geo.geom import box
from rich.console import Console

from eo_assets.commands.replay import run_replay
from eo_assets.cube.grid import region_geobox
from eo_assets.definitions import STEPS, build_defs
from eo_assets.pipeline.terrain import on_elevation
from eo_assets.settings import load_settings
from eo_assets.storage.partition import Partition, WholeRegion
from eo_assets.storage.provenance import EXPRESSION, SOFTWARE
from eo_assets.storage.store import Store
from eo_assets.workers.clusters import open_cluster
from eo_assets.workers.where import Workers
from eo_assets_tests.product_files import unchecked
from eo_assets_tests.servers.azurite import Azurite
from eo_assets_tests.servers.buckets import differing
from eo_assets_tests.whole_archive import CORNER

pytestmark = pytest.mark.integration

FOUNDER, LATER = (Partition(CORNER, dt.date(2023, 7, day)) for day in (15, 25))
YEAR = Partition(CORNER, dt.date(2024, 1, 1), "yearly")
WHOLE, GROUND = WholeRegion(CORNER), WholeRegion(on_elevation(CORNER))
RUNS = [
    *((one.key, (*STEPS, "parcel_stats")) for one in (FOUNDER, LATER)),
    (CORNER.id, ("parcel_profiles",)),
    (CORNER.id, ("terrain",)),
    (YEAR.key, ("burnt_areas",)),
    (CORNER.id, ("burnt_area_report",)),
]
"""Partition keys and the assets to make of each, in this order."""

FINISHED = ("geotiff", "clusters", "reports")
"""What no application is made of."""

CHAIN = [*((FOUNDER, step) for step in STEPS), (LATER, "clusters"), (LATER, "reports")]
APPLICATIONS = [
    (FOUNDER, "parcel_stats"),
    (LATER, "parcel_stats"),
    (WHOLE, "parcel_profiles"),
    (GROUND, "terrain"),
    (YEAR, "burnt_areas"),
    (WHOLE, "burnt_area_report"),
]

on_ceph = pytest.mark.parametrize("server", ["s3"], indirect=True)


@pytest.fixture(scope="module")
def workers():
    """Address of a scheduler whose workers know of no storage."""
    with open_cluster(Workers(n_workers=2, memory_limit="2GiB")) as cluster:
        yield cluster.again["address"]


@pytest.fixture(scope="module")
def polygons(tmp_path_factory):
    """A folder with some squares, which are parcels and protected sites."""
    folder = tmp_path_factory.mktemp("polygons")
    geobox = region_geobox(CORNER)
    left, bottom, *_ = geobox.boundingbox
    corners = [(left + 300 * n, bottom + 300 * n) for n in range(1, 6)]
    squares = [box(x, y, x + 200, y + 200, geobox.crs).geom for x, y in corners]
    table = {"id": [f"{n}" for n in range(5)], "name": [f"Square {n}" for n in range(5)]}
    frame = geopandas.GeoDataFrame(table, geometry=squares, crs=str(geobox.crs))
    frame.to_parquet(folder / f"{CORNER.id}.parquet")
    return folder


@pytest.fixture(scope="module")
def make_all(archive, workers, polygons):
    """Makes everything in a place; gives the store."""

    def make(load, outputs, left_out=()):
        settings = load(
            outputs=str(outputs), catalog="sample", sample_dir=archive, dask_address=workers,
            parcels=polygons, sites=polygons, max_retries=0,
        )  # fmt: skip
        defs = build_defs(settings, regions={CORNER.id: CORNER})
        job = defs.resolve_implicit_global_asset_job_def()
        with dg.DagsterInstance.ephemeral() as instance:
            for partition, names in RUNS:
                result = job.execute_in_process(
                    partition_key=partition,
                    asset_selection=[dg.AssetKey(name) for name in names if name not in left_out],
                    instance=instance,
                )
                assert result.success
        return Store(settings.outputs)

    return make


@pytest.fixture(scope="module")
def local(make_all, tmp_path_factory):
    return make_all(load_settings, tmp_path_factory.mktemp("applications") / "outputs")


@pytest.fixture(scope="module")
def remote(local, make_all, bucket):
    left_out = FINISHED if isinstance(bucket.server, Azurite) else ()
    return make_all(bucket.settings, bucket.root / "applications", left_out=left_out)


def assert_same(local, remote, where, step):
    assert remote.read_record(where, step) == local.read_record(where, step)
    assert remote.read_record(where, step).empty is None
    assert differing(local.folder(where, step), remote.folder(where, step)) == set()


@on_ceph
@pytest.mark.parametrize(("where", "step"), CHAIN, ids=str)
def test_files_of_the_chain_are_those_made_in_a_folder(local, remote, where, step):
    assert_same(local, remote, where, step)


@pytest.mark.parametrize(("where", "step"), APPLICATIONS, ids=str)
def test_files_of_applications_are_those_made_in_a_folder(local, remote, where, step):
    assert_same(local, remote, where, step)


@pytest.mark.parametrize(
    ("where", "step"),
    [(GROUND, "terrain"), (YEAR, "burnt_areas"), (WHOLE, "burnt_area_report")],
    ids=str,
)
def test_items_say_what_products_were_made_of_and_name_every_file(local, where, step):
    folder = local.folder(where, step)
    assert unchecked(folder) == set()
    item = json.loads((folder / local.read_record(where, step).files["stac_item"]).read_text())
    made_of = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
    assert made_of
    assert item["properties"][SOFTWARE]["gdal"]
    # what is made of products alone has their items in place of a graph
    products = [href for href in made_of if href.startswith("../")]
    assert (EXPRESSION in item["properties"]) != bool(products)
    assert all((folder / href).resolve().is_file() for href in products)


@on_ceph
@pytest.mark.parametrize("step", ["mosaic", *FINISHED])
def test_products_are_made_again_from_their_items_on_object_storage(remote, step):
    item = remote.read_record(LATER, step).files["stac_item"]
    stays = remote.root / f"{CORNER.id}/{CORNER.collection}/{LATER.date}/{step}" / item
    said = io.StringIO()
    assert run_replay(load_settings(), item=stays, keep=None, console=Console(file=said)), (
        said.getvalue()
    )
