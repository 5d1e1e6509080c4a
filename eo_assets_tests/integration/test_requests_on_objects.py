"""What is made on request is on S3 the same, byte for byte, as in a folder."""

from __future__ import annotations

import pytest
from distributed import Client, LocalCluster

from eo_assets.pipeline import (
    change,
    index_maps,
    land_cover,
    region_report,
    reports,
    segments,
)
from eo_assets.pipeline.tasks import InProcess
from eo_assets.places import place
from eo_assets.settings import load_settings, run_with_settings
from eo_assets.storage.partition import WholeRegion
from eo_assets.storage.store import Store
from eo_assets_tests.published_mosaic import PARTITION
from eo_assets_tests.servers.buckets import bucket_of, differing
from eo_assets_tests.two_dates import LATER, store_with_two_dates
from eo_assets_tests.unit.pipeline.test_land_cover import OPTIONS, polygons_on

pytestmark = pytest.mark.integration


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


@pytest.fixture(scope="module")
def two_dates(s3, tmp_path_factory):
    local = store_with_two_dates(tmp_path_factory.mktemp("two") / "outputs", shape=(160, 170))
    with pytest.MonkeyPatch.context() as monkeypatch:
        remote = Store(bucket_of(s3, monkeypatch).root)
        copy_products(local, remote)
        yield local, remote
    load_settings(outputs="outputs")


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


def test_a_worker_of_dask_writes_with_keys_of_its_own(two_dates):
    _, remote = two_dates
    target = remote.root / "workers"
    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
        ) as cluster,
        Client(cluster) as client,
    ):
        future = client.submit(run_with_settings, write_text, str(target / "a.txt"), pure=False)
        assert future.result(timeout=120) is None
    assert (target / "a.txt").read_text() == "by a worker"


def write_text(address: str) -> None:
    """Write a file; runs on a worker."""
    place(address).write_text("by a worker")
