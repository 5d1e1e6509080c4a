"""What is made on object storage is, byte for byte, what is made in a folder.

The chain runs over a tiny archive on Ceph and on Azurite, what is made on request over two dates of
a small region, and the demo through Dagster on Dask's workers over the sample archive on Ceph.
"""

from __future__ import annotations

import datetime as dt
from io import BytesIO
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pytest
import rasterio
from fastapi.testclient import TestClient
from rasterio.warp import transform as warp

from eo_assets.definitions import STEPS, build_defs
from eo_assets.defs.jobs import CHAIN
from eo_assets.interactive.opening import ProductView
from eo_assets.interactive.workbench import Workbench
from eo_assets.pipeline import (
    band_stack,
    change,
    clusters,
    geotiff,
    index_maps,
    land_cover,
    mosaic,
    region_report,
    reports,
    segments,
    stac_items,
)
from eo_assets.pipeline.cluster_options import ClusterOptions
from eo_assets.pipeline.stac_items import Search
from eo_assets.pipeline.tasks import InProcess
from eo_assets.sample.api.embedded import EmbeddedCatalog
from eo_assets.settings import load_settings
from eo_assets.storage.partition import Partition, WholeRegion
from eo_assets.storage.store import Store
from eo_assets.tiles.app import create_app
from eo_assets_tests.published_mosaic import PARTITION
from eo_assets_tests.servers.azurite import azurite
from eo_assets_tests.servers.buckets import bucket_of
from eo_assets_tests.servers.ceph import ceph
from eo_assets_tests.tiny_archive import Granule, region, write_granule
from eo_assets_tests.two_dates import LATER, store_with_two_dates
from eo_assets_tests.unit.pipeline.test_land_cover import OPTIONS, polygons_on

pytestmark = pytest.mark.integration

DAY = "2023-07-01"
TINY = Partition(region(), dt.date.fromisoformat(DAY))
READS = "reads.parquet"


@pytest.fixture(scope="module", params=[ceph, azurite], ids=["s3", "azure"])
def bucket(request):
    with request.param() as running, pytest.MonkeyPatch.context() as monkeypatch:
        yield bucket_of(running, monkeypatch)
    load_settings(outputs="outputs")


def copy_products(source: Store, target: Store) -> None:
    """Publish what one store holds in another."""
    for path in sorted(source.root.glob("*/*/*/*")):
        if not path.is_dir():
            continue
        region_id, _, date, step = path.relative_to(source.root).parts
        where = PARTITION if date == str(PARTITION.date) else LATER
        assert (region_id, date) == (where.region.id, str(where.date))
        with target.publish(where, step) as folder:
            for file in path.rglob("*"):
                if file.is_file():
                    (folder / file.relative_to(path)).write_bytes(file.read_bytes())
            if not (path / "record.json").exists():
                target.write_record(folder, source.read_record(where, "mosaic"))
    books = source.region_folder(PARTITION.region) / "code_books"
    for book in books.glob("*.json"):
        place = target.region_folder(PARTITION.region) / "code_books" / book.name
        place.write_bytes(book.read_bytes())


def differing(local: Path, remote) -> set[str]:
    """Names of files of two products that are not the same in both."""
    files = {str(path.relative_to(local)) for path in local.rglob("*") if path.is_file()}
    below = {str(path) for path in remote.walk()}
    same = {name for name in files & below if not _differ(local / name, remote / name)}
    assert files, f"there is nothing in {local}"
    return (files | below) - same


def _differ(first, second) -> bool:
    if first.name == READS:  # how long reads took is never the same
        tables = [pd.read_parquet(BytesIO(one.read_bytes())) for one in (first, second)]
        return not tables[0].drop(columns="seconds").equals(tables[1].drop(columns="seconds"))
    return first.read_bytes() != second.read_bytes()


@pytest.fixture(scope="module")
def both(bucket, tmp_path_factory):
    """The chain's products of a tiny archive in a folder and on object storage."""
    folder = tmp_path_factory.mktemp("tiny")
    for tile in (0, 1):
        write_granule(folder / "archive", Granule(tile=tile, day=DAY))
    local, remote = Store(folder / "outputs"), Store(bucket.root / "tiny")
    few = ClusterOptions(n_clusters=3, k_range=(2, 3), sample_size=1000)
    with EmbeddedCatalog(folder / "archive", writable=False) as catalog:
        for store in (local, remote):
            common = {"store": store, "runner": InProcess()}
            search = Search(catalog="tiny", url=catalog.url, lasting=False, partition=TINY)
            stac_items.materialise(search, **common)
            band_stack.materialise(TINY, failure_budget=0.1, **common)
            mosaic.materialise(TINY, failure_budget=0.1, block_px=512, **common)
            geotiff.materialise(TINY, **common)
            clusters.materialise(TINY, options=few, **common)
            reports.materialise(TINY, **common)
    return local, remote


@pytest.mark.parametrize("step", STEPS)
def test_the_chain_gives_the_same_bytes(both, step):
    local, remote = both
    assert remote.read_record(TINY, step) == local.read_record(TINY, step)
    assert differing(local.folder(TINY, step), remote.folder(TINY, step)) == set()


@pytest.fixture(scope="module")
def two_dates(bucket, tmp_path_factory):
    local = store_with_two_dates(tmp_path_factory.mktemp("two") / "outputs", shape=(160, 170))
    remote = Store(bucket.root / "two")
    copy_products(local, remote)
    return local, remote


ON_REQUEST = {
    "index_maps": (index_maps, index_maps.MapOptions(maps=("true_colour", "ndvi"))),
    "change": (change, change.ChangeOptions()),
    "segments": (segments, segments.SegmentOptions()),
}


@pytest.mark.parametrize("name", ON_REQUEST)
def test_what_is_made_on_request_is_the_same(two_dates, name):
    module, options = ON_REQUEST[name]
    for store in two_dates:
        module.materialise(LATER, store=store, runner=InProcess(), options=options)
    local, remote = (store.folder(LATER, name) for store in two_dates)
    assert differing(local, remote) == set()


def test_land_cover_is_the_same(two_dates):
    local, remote = two_dates
    made = polygons_on(local.truth, local.grid.geobox)
    for store in two_dates:
        land_cover.materialise(
            PARTITION, store=store, runner=InProcess(), options=OPTIONS, polygons=made
        )
    found = differing(local.folder(PARTITION, "land_cover"), remote.folder(PARTITION, "land_cover"))
    assert found == set()


def test_a_region_s_report_reads_its_dates(two_dates):
    subject = WholeRegion(PARTITION.region)
    for store in two_dates:
        for where in (PARTITION, LATER):
            reports.materialise(where, store=store, runner=InProcess())
        region_report.materialise(
            subject, store=store, runner=InProcess(), options=region_report.RegionReportOptions()
        )
    local, remote = (store.folder(subject, "region_report") for store in two_dates)
    # links to the reports of the dates name their versions
    assert differing(local, remote) <= {"report.html", "dates.parquet", "record.json"}
    linked = str(two_dates[1].folder(LATER, "reports").name)
    assert f"../../{LATER.date}/{linked}/report.html" in (remote / "report.html").read_text()


def test_the_tile_service_reads_what_is_stored(both, bucket):
    local, remote = both
    product = f"seam/sentinel-2-l2a/{DAY}/geotiff"
    with rasterio.open(next(local.folder(TINY, "geotiff").glob("*.tif"))) as file:
        row, column = file.height // 2, file.width // 2
        x, y = file.xy(row, column)
        [lon], [lat] = warp(file.crs, "EPSG:4326", [x], [y])
        expected = [float(value) for value in file.read()[:, row, column]]
    settings = bucket.settings(outputs=str(remote.root), catalog="https://example.com/stac")
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        listed = {one["id"] for one in client.get("/catalog").json()["products"]}
        assert listed == {product, product.replace("geotiff", "clusters")}
        answer = client.get(f"/products/{product}/point/{lon},{lat}")
        assert answer.json()["values"] == expected
        preview = client.get(f"/products/{product}/preview.png?bidx=1&rescale=0,3000")
        assert preview.headers["content-type"] == "image/png"
        answer = client.get(f"/products/{product.replace('geotiff', 'clusters')}/classes")
        assert len(answer.json()["classes"]) == 3
        assert client.get(f"/products/{product}0/info").status_code == 404


@pytest.mark.parametrize("step", ["geotiff", "mosaic"])
def test_notebooks_compute_with_what_is_stored(both, bucket, step):
    local, remote = both
    product, cubes = f"seam/sentinel-2-l2a/{DAY}/{step}", []
    for store in (remote, local):
        settings = bucket.settings(outputs=str(store.root))
        view = ProductView(product, Workbench(settings))
        assert view.record == store.read_record(TINY, step)
        cubes.append(view.cube("red", "nir").to_xarray().compute())
    assert np.isfinite(cubes[0]["red"]).any()
    for band in ("red", "nir"):
        assert np.array_equal(cubes[0][band], cubes[1][band], equal_nan=True)


@pytest.mark.usefixtures("archive")
def test_the_demo_on_workers_of_dask_gives_the_same_bytes(chain, archive, tmp_path):
    first = chain("bucegi", "2023-07-15")
    with ceph() as server, pytest.MonkeyPatch.context() as monkeypatch:
        made = bucket_of(server, monkeypatch)
        monkeypatch.setenv("EO_ASSETS_OUTPUTS", str(made.root))
        settings = load_settings(
            catalog="sample", sample_dir=archive, dask_workers=2, max_retries=0,
            dagster_home=tmp_path,
        )  # fmt: skip
        with dg.DagsterInstance.ephemeral() as instance:
            result = (
                build_defs(settings)
                .resolve_job_def(CHAIN)
                .execute_in_process(
                    partition_key=dg.MultiPartitionKey({"date": "2023-07-15", "region": "bucegi"}),
                    asset_selection=[dg.AssetKey(step) for step in STEPS],
                    instance=instance,
                )
            )
        assert result.success
        store = Store(made.root)
        for step in STEPS:
            remote = store.folder(first.partition, step)
            assert differing(first.folder(step), remote) == set(), step
        events = repr(result.all_events)
        assert server.owner.secret not in events
    load_settings(outputs="outputs")
