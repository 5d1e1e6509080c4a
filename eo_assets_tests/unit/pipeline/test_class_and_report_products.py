"""Clusters and reports as published products, from a stored mosaic on."""

import datetime as dt
import json
from dataclasses import replace

import pytest
import rasterio

from eo_assets.catalog.regions import load_regions
from eo_assets.cube.grid import Grid
from eo_assets.errors import MissingArtifactError
from eo_assets.pipeline import clusters, reports, stored_classes
from eo_assets.pipeline.tasks import InProcess
from eo_assets.storage.partition import Partition
from eo_assets.storage.store import Record, Store
from eo_assets_tests.published_mosaic import publish_sources
from eo_assets_tests.synthetic_scene import write_scene

OPTIONS = clusters.ClusterOptions(n_clusters=5, k_range=(2, 4), sample_size=2000)


@pytest.fixture
def partition():
    return Partition(load_regions()["bucegi"], dt.date(2023, 7, 15))


def record(partition, step, **more):
    return Record(
        step=step,
        region=partition.region.id,
        collection=partition.region.collection,
        date=str(partition.date),
        digest=f"digest of {step}",
        **more,
    )


@pytest.fixture
def store(tmp_path, partition):
    """A store whose mosaic is the synthetic scene."""
    store = Store(tmp_path)
    with store.publish(partition, "mosaic") as folder:
        scene = write_scene(folder / "mosaic.zarr", shape=(70, 90))
        summary = {
            "valid_pct": 90.0,
            "masked_pct": 10.0,
            "no_coverage_pct": 0.0,
            "failed_read_pct": 0.0,
            "acquired_first": "2023-07-15T09:20:31+00:00",
            "acquired_last": "2023-07-15T09:20:45+00:00",
        }
        files = {"mosaic": "mosaic.zarr"}
        store.write_record(folder, record(partition, "mosaic", summary=summary, files=files))
    with store.publish(partition, "band_stack") as folder:
        (folder / "grid.json").write_text(Grid.of(scene.geobox).model_dump_json(), encoding="utf-8")
        store.write_record(folder, record(partition, "band_stack"))
    publish_sources(store, partition)
    return store


def test_a_report_follows_from_the_stored_classes(store, partition):
    made = clusters.materialise(partition, store=store, runner=InProcess(), options=OPTIONS)
    assert made.empty is None
    with rasterio.open(store.folder(partition, "clusters") / made.files["classes"]) as file:
        assert set(file.colormap(1)) >= {1, 2, 3, 4, 5}
        classified_px = int((file.read(1) > 0).sum())
    report = reports.materialise(partition, store=store, runner=InProcess())
    folder = store.folder(partition, "reports")
    numbers = json.loads((folder / report.files["numbers"]).read_text(encoding="utf-8"))
    assert report.empty is None
    assert sum(row["count"] for row in numbers["classes"]) == classified_px
    assert numbers["suggested_classes"] == made.summary["suggested_classes"]
    assert "Bucegi" in (folder / report.files["report"]).read_text(encoding="utf-8")
    assert all((folder / name).is_file() for name in report.files.values())


def test_the_report_of_an_empty_partition_is_empty_and_says_why(store, partition):
    with store.publish(partition, "mosaic") as folder:
        store.write_record(folder, record(partition, "mosaic", empty="all_cloud"))
    assert (
        clusters.materialise(partition, store=store, runner=InProcess(), options=OPTIONS).empty
        == "all_cloud"
    )
    report = reports.materialise(partition, store=store, runner=InProcess())
    page = store.folder(partition, "reports") / report.files["report"]
    assert report.empty == "all_cloud"
    assert "hides the whole region" in page.read_text(encoding="utf-8")


def test_a_report_before_the_classes_says_what_to_materialise(store, partition):
    with pytest.raises(MissingArtifactError, match="Materialise clusters first"):
        reports.materialise(partition, store=store, runner=InProcess())


def test_replaying_the_stored_model_gives_the_class_map_byte_for_byte(store, partition, tmp_path):
    made = clusters.materialise(partition, store=store, runner=InProcess(), options=OPTIONS)
    published = store.folder(partition, "clusters") / made.files["classes"]
    stored_classes.replay(partition, tmp_path / "again.tif", store=store, runner=InProcess())
    assert (tmp_path / "again.tif").read_bytes() == published.read_bytes()


def test_a_date_made_again_is_labelled_the_same_by_the_same_code_book(store, partition):
    first = clusters.materialise(partition, store=store, runner=InProcess(), options=OPTIONS)
    again = clusters.materialise(partition, store=store, runner=InProcess(), options=OPTIONS)
    book = stored_classes.read_partition_code_book(partition, store)
    assert first == again
    assert book.reference == "2023-07-15"
    assert first.summary["code_book"].startswith("minibatch_kmeans-5-")
    assert first.summary["matched_share_pct"] > 95
    assert first.summary["drift"] < 0.1
    assert (first.summary["new_classes"], first.summary["missing_classes"]) == (0, "")


def test_a_reference_date_without_a_mosaic_is_named(store, partition):
    options = replace(OPTIONS, reference_date=dt.date(2022, 7, 15))
    with pytest.raises(MissingArtifactError, match="2022-07-15"):
        clusters.materialise(partition, store=store, runner=InProcess(), options=options)
