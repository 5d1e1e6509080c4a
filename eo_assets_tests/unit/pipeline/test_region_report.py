"""The report of a region over time, from records and tables of its dates."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from eo_assets.errors import MissingArtifactError
from eo_assets.pipeline import region_report, region_tables
from eo_assets.pipeline.region_report import RegionReportOptions
from eo_assets.pipeline.tasks import InProcess
from eo_assets.storage.partition import Partition, WholeRegion
from eo_assets.storage.store import Record, Store
from eo_assets_tests.published_mosaic import PARTITION
from eo_assets_tests.two_dates import empty_date

REGION = WholeRegion(PARTITION.region)
FIRST, CLOUDY, NONE, OTHER, LAST = (
    dt.date(2023, *day) for day in ((5, 26), (6, 20), (7, 16), (8, 6), (9, 23))
)
COLOURS = ["#24206A", "#09583D"]


def publish(store, step, date, *, summary=None, files=None, digest="1"):
    partition = Partition(PARTITION.region, date)
    record = Record(
        step=step,
        region=PARTITION.region.id,
        collection=PARTITION.region.collection,
        date=str(date),
        summary=summary or {},
        files={role: name for role, (name, _) in (files or {}).items()},
        digest=digest,
    )
    with store.publish(partition, step) as folder:
        for name, content in (files or {}).values():
            if isinstance(content, str):
                (folder / name).write_text(content, encoding="utf-8")
            else:
                content.to_parquet(folder / name)
        store.write_record(folder, record)


def publish_date(store, date, *, ndvi, areas, book="eight", digest="1"):
    said = {"valid_pct": 90.0, "masked_pct": 10.0, "ndvi_mean": ndvi}
    publish(store, "mosaic", date, summary=said, digest=digest)
    classes = pd.DataFrame(
        {
            "class_id": [1, 2],
            "name": ["water", "wood"],
            "colour": COLOURS,
            "area_ha": areas,
            "share_pct": [100 * area / sum(areas) for area in areas],
        }
    )
    files = {"classes_table": ("classes.parquet", classes)}
    publish(store, "clusters", date, summary={"code_book": book}, files=files)
    numbers = f'{{"ndvi": {{"mean": {ndvi}, "p10": {ndvi - 0.2}, "p90": {ndvi + 0.1}}}}}'
    files = {"report": ("report.html", "<html>"), "numbers": ("report.json", numbers)}
    publish(store, "reports", date, files=files)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    publish_date(store, FIRST, ndvi=0.5, areas=[10.0, 30.0])
    empty_date(store, Partition(PARTITION.region, CLOUDY), "all_cloud")
    empty_date(store, Partition(PARTITION.region, NONE), "no_scene")
    publish_date(store, OTHER, ndvi=0.7, areas=[5.0, 5.0], book="another")
    publish_date(store, LAST, ndvi=0.6, areas=[12.0, 28.0])
    return store


def make(store, **options):
    return region_report.materialise(
        REGION, store=store, runner=InProcess(), options=RegionReportOptions(**options)
    )


def read(store, name):
    return pd.read_parquet(store.folder(REGION, "region_report") / name)


def test_tables_hold_every_date_and_gaps_keep_their_reason(store):
    record = make(store)
    dates = read(store, "dates.parquet").set_index("date")
    assert list(dates.index) == [str(day) for day in (FIRST, CLOUDY, NONE, OTHER, LAST)]
    assert dates["empty"].tolist() == ["", "all_cloud", "no_scene", "", ""]
    assert "hides the whole region" in dates.loc[str(CLOUDY), "why"]
    expected = [0.5, np.nan, np.nan, 0.7, 0.6]
    assert np.allclose(dates["ndvi_mean"], expected, equal_nan=True)
    assert dates.loc[str(LAST), "ndvi_p10"] == pytest.approx(0.4)
    assert (record.summary["dates"], record.summary["with_image"]) == (5, 3)
    areas = read(store, "class_areas.parquet")
    assert areas.groupby("date")["area_ha"].sum().tolist() == [40, 10, 40]


def test_the_page_leads_to_each_report_and_needs_nothing_else(store):
    record = make(store)
    folder = store.folder(REGION, "region_report")
    page = (folder / record.files["report"]).read_text(encoding="utf-8")
    for day in (FIRST, OTHER, LAST):
        link = f"../../{day}/reports/report.html"
        assert f'href="{link}"' in page
        assert (folder / link).resolve().exists()
    assert page.count('href="../') == 3
    assert page.count("<img") == 3
    assert "<script" not in page
    assert "1 dates were classified with another code book" in page
    assert len(page) < 1_000_000


def test_only_dates_that_changed_are_read_again(store):
    assert make(store).summary["read_anew"] == 5
    first = (store.folder(REGION, "region_report") / "report.html").read_bytes()
    again = make(store)
    assert again.summary["read_anew"] == 0
    assert (store.folder(REGION, "region_report") / "report.html").read_bytes() == first
    publish_date(store, LAST, ndvi=0.65, areas=[11.0, 29.0], digest="2")
    assert make(store).summary["read_anew"] == 1
    assert read(store, "dates.parquet")["ndvi_mean"].iloc[-1] == 0.65
    assert read(store, "class_areas.parquet")["area_ha"].iloc[-2:].tolist() == [11, 29]


def test_no_pixel_is_read(store, monkeypatch):
    def refuse(*_args, **_more):
        raise AssertionError

    monkeypatch.setattr("rasterio.open", refuse)
    monkeypatch.setattr("zarr.open_group", refuse)
    assert make(store).summary["dates"] == 5


def test_the_curve_is_broken_where_there_is_no_image(store):
    from eo_assets.reporting.time_charts import draw_ndvi_curve

    make(store)
    figure = draw_ndvi_curve(read(store, "dates.parquet"))
    [axes] = figure.axes
    mean = next(line for line in axes.lines if line.get_label() == "mean")
    assert np.isnan(mean.get_ydata()).tolist() == [False, True, True, False, False]
    gaps = [line.get_label() for line in axes.lines if str(line.get_label()).startswith("gap")]
    assert gaps == ["gap: all cloud", "gap: no scene"]


def test_the_curve_is_broken_over_more_than_a_season_and_hollow_where_little_was_seen():
    from eo_assets.reporting.time_charts import draw_ndvi_curve

    dates = pd.DataFrame({"date": ["2021-07-15", "2023-07-15", "2023-09-23"], "empty": ""})
    dates = dates.assign(ndvi_mean=[0.7, 0.8, 0.6], ndvi_p10=0.5, ndvi_p90=0.9)
    [axes] = draw_ndvi_curve(dates.assign(valid_pct=[90.0, 90.0, 19.0])).axes
    mean = next(line for line in axes.lines if line.get_label() == "mean")
    assert np.isnan(mean.get_ydata()).tolist() == [False, True, False, False]
    [hollow] = [line for line in axes.lines if line.get_label() == "less than 20 % seen"]
    assert hollow.get_ydata().tolist() == [0.6]


def test_bars_have_the_colours_of_the_classes(store):
    from matplotlib.colors import to_hex

    from eo_assets.reporting.time_charts import draw_class_areas

    make(store)
    areas = read(store, "class_areas.parquet")
    dates = read(store, "dates.parquet")["date"].tolist()
    figure = draw_class_areas(areas[areas["code_book"] == "eight"], dates)
    first, second = figure.axes[0].containers
    assert [bar.get_height() for bar in first] == [10, 0, 0, 0, 12]
    assert [to_hex(one[0].get_facecolor()).upper() for one in (first, second)] == COLOURS


def test_a_range_of_dates_can_be_chosen_and_must_hold_one(store):
    assert make(store, first=NONE, last=OTHER).summary["dates"] == 2
    with pytest.raises(MissingArtifactError):
        make(store, first=dt.date(2024, 1, 1))


def test_dates_without_any_image_have_a_report_too(tmp_path):
    store = Store(tmp_path)
    empty_date(store, Partition(PARTITION.region, CLOUDY), "all_cloud")
    record = make(store)
    assert record.summary["with_image"] == 0
    tables = region_tables.read_tables(
        store.folder(REGION, "region_report"), "dates.parquet", "class_areas.parquet"
    )
    assert len(tables.areas) == 0
    assert replace(tables).dates["valid_pct"].isna().all()
