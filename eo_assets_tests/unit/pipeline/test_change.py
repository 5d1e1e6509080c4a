"""Change between two dates of which one was made from the other by felling a wood."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from rio_cogeo.cogeo import cog_validate

from eo_assets.errors import ConfigurationError, MissingArtifactError, UnknownNameError
from eo_assets.pipeline import change
from eo_assets.pipeline.change import ChangeOptions
from eo_assets.pipeline.tasks import InProcess
from eo_assets_tests.published_mosaic import PARTITION
from eo_assets_tests.two_dates import LATER, empty_date, store_with_two_dates

SHAPE = (90, 120)
PIXEL_HA = 0.04


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = store_with_two_dates(tmp_path_factory.mktemp("change"), shape=SHAPE)
    empty_date(store, replace(PARTITION, date=dt.date(2023, 8, 1)), "no_scene")
    return store


@pytest.fixture(scope="module")
def record(store):
    return change.materialise(LATER, store=store, runner=InProcess(), options=ChangeOptions())


@pytest.fixture
def folder(store, record):
    return store.folder(LATER, "change")


def ndvi(store, partition):
    path = store.folder(partition, "mosaic") / "mosaic.zarr"
    mosaic = xr.open_zarr(path, chunks=None, consolidated=False).astype("float64")
    return ((mosaic["nir"] - mosaic["red"]) / (mosaic["nir"] + mosaic["red"])).to_numpy()


def test_the_earlier_date_is_the_last_before_that_has_an_image(record):
    assert record.summary["earlier"] == str(PARTITION.date)


def test_the_difference_is_that_of_the_index(store, record, folder):
    path = folder / record.files["difference_map"]
    assert cog_validate(str(path), quiet=True)[0]
    with rasterio.open(path) as file:
        stored = file.read(1, masked=True) * file.scales[0]
    expected = ndvi(store, LATER) - ndvi(store, PARTITION)
    assert np.array_equal(np.ma.getmaskarray(stored), np.isnan(expected))
    assert np.nanmax(np.abs(stored.filled(np.nan) - expected)) <= 0.000051


def test_gain_and_loss_are_counted_in_hectares(store, record):
    difference = ndvi(store, LATER) - ndvi(store, PARTITION)
    assert store.felled.sum() > 100
    assert record.summary["loss_ha"] == pytest.approx(store.felled.sum() * PIXEL_HA)
    assert record.summary["gain_ha"] == 0
    assert record.summary["compared_ha"] == pytest.approx((store.truth > 0).sum() * PIXEL_HA)
    assert record.summary["mean_difference"] == pytest.approx(np.nanmean(difference), abs=1e-4)


def test_the_felled_wood_and_nothing_else_has_another_class(store, record, folder):
    labels = []
    for partition in (PARTITION, LATER):
        place = store.folder(partition, "clusters")
        with rasterio.open(place / store.read_record(partition, "clusters").files["classes"]) as f:
            labels.append(f.read(1).astype(int))
    table = pd.read_parquet(folder / "transitions.parquet")
    counted = pd.Series(list(zip(labels[0].ravel(), labels[1].ravel(), strict=True)))
    expected = counted[[pair[0] > 0 and pair[1] > 0 for pair in counted]].value_counts()
    found = {(r.from_id, r.to_id): r.pixels for r in table.itertuples()}
    assert found == expected.to_dict()
    changed = table[table["from_id"] != table["to_id"]]
    assert changed["pixels"].sum() == pytest.approx(store.felled.sum(), rel=0.02)
    with rasterio.open(folder / record.files["transition_map"]) as file:
        codes = file.read(1)
    assert np.array_equal(codes[codes > 0], (labels[0] * 256 + labels[1])[codes > 0])
    share = 100 * changed["pixels"].sum() / table["pixels"].sum()
    assert record.summary["changed_class_pct"] == pytest.approx(share, abs=0.001)


def test_the_page_shows_both_maps_and_the_table(record, folder):
    page = (folder / record.files["report"]).read_text(encoding="utf-8")
    assert page.count("<img") == 2
    assert "What class became what, by area" in page
    assert "2023-07-15 to 2023-09-23" in page


def test_classes_of_other_code_books_are_not_compared(store, tmp_path, monkeypatch):
    place = store.folder(PARTITION, "clusters")
    record = store.read_record(PARTITION, "clusters")
    other = record.model_copy(update={"summary": {**record.summary, "code_book": "another"}})
    text = (place / "record.json").read_text(encoding="utf-8")
    try:
        store.write_record(place, other)
        found = change.materialise(
            LATER, store=store, runner=InProcess(), options=ChangeOptions(index="ndmi")
        )
    finally:
        (place / "record.json").write_text(text, encoding="utf-8")
    assert "transition_map" not in found.files
    page = (store.folder(LATER, "change") / "report.html").read_text(encoding="utf-8")
    assert "Classes are not compared" in page


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        (ChangeOptions(earlier=dt.date(2023, 9, 23)), ConfigurationError, "not before"),
        (ChangeOptions(earlier=dt.date(2023, 8, 1)), ConfigurationError, "no_scene"),
        (ChangeOptions(earlier=dt.date(2023, 7, 1)), MissingArtifactError, "2023-07-01"),
        (ChangeOptions(index="ndxi"), UnknownNameError, "ndxi"),
    ],
)
def test_what_cannot_be_compared_is_refused(store, options, error, words):
    with pytest.raises(error, match=words):
        change.materialise(LATER, store=store, runner=InProcess(), options=options)


def test_the_first_date_has_nothing_to_be_compared_with(store):
    with pytest.raises(MissingArtifactError, match="before 2023-07-15"):
        change.materialise(PARTITION, store=store, runner=InProcess(), options=ChangeOptions())
