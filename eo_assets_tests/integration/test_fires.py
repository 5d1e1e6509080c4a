"""Burnt areas of the sample world, made through Dagster, against the fires it was given."""

from __future__ import annotations

import datetime as dt
import json
import re

import dagster as dg
import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
from rasterio.features import geometry_mask
from rio_cogeo.cogeo import cog_validate

from eo_assets.catalog.regions import load_regions
from eo_assets.definitions import build_defs
from eo_assets.sample.sites import sample_sites
from eo_assets.settings import load_settings
from eo_assets.storage.partition import Partition, WholeRegion
from eo_assets.storage.store import Store

pytestmark = pytest.mark.integration

EDGES = (0.1, 0.27, 0.44, 0.66)
YEARS = (2023, 2024, 2025)
REGION = load_regions()["bucegi"]


@pytest.fixture(scope="module")
def store(archive, scheduler, tmp_path_factory):
    """The store after a backfill of three years, one run as a backfill's are, and the report."""
    settings = load_settings(
        catalog="sample",
        sample_dir=archive,
        dask_address=scheduler,
        outputs=tmp_path_factory.mktemp("fires"),
        max_retries=0,
        block_px=512,
    )
    defs = build_defs(settings)
    with dg.DagsterInstance.ephemeral() as instance:
        defs.resolve_job_def("year_to_burnt_areas").execute_in_process(
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": f"{YEARS[0]}-01-01|bucegi",
                "dagster/asset_partition_range_end": f"{YEARS[-1]}-01-01|bucegi",
            },
        )
        defs.resolve_job_def("region_to_burnt_area_report").execute_in_process(
            partition_key="bucegi", instance=instance
        )
    return Store(settings.outputs)


def record(store, year):
    return store.read_record(Partition(REGION, dt.date(year, 1, 1), "yearly"), "burnt_areas")


def file(store, year, role):
    partition = Partition(REGION, dt.date(year, 1, 1), "yearly")
    return store.folder(partition, "burnt_areas") / record(store, year).files[role]


def truth(archive, year):
    with rasterio.open(archive / "truth" / "fires" / f"{year}.tif") as raster:
        return raster.read(1) > 0, raster.read(2) / 1000, raster.transform


def on_truth(store, year):
    """The severity map on the truth's 10 m grid: each pixel twice in both directions."""
    with rasterio.open(file(store, year, "severity")) as raster:
        codes, corner = raster.read(1), raster.transform
        assert (corner.a, corner.e) == (20, -20)
    return codes, corner


def resampled(codes, corner, shape, transform):
    rows = (corner.f - (transform.f - 10 * (np.arange(shape[0]) + 0.5))) // 20
    columns = (transform.c + 10 * (np.arange(shape[1]) + 0.5) - corner.c) // 20
    return codes[rows.astype(int)[:, None], columns.astype(int)]


def test_a_year_without_a_season_before_is_empty(store):
    assert record(store, 2023).empty == "season_without_scene"
    assert record(store, 2023).summary["scenes_before"] == 0


@pytest.mark.parametrize("year", [2024, 2025])
def test_burnt_area_and_severity_are_the_truth_s(store, archive, year):
    burnt, drop, transform = truth(archive, year)
    codes = resampled(*on_truth(store, year), burnt.shape, transform)
    assert (codes[burnt] > 0).all(), "no cloud hides a fire"
    true = np.where(burnt, np.digitize(drop, EDGES), 0)
    mapped = np.where((codes >= 4) & (codes <= 7), codes.astype(int) - 3, 0)
    confusion = np.zeros((5, 5))
    np.add.at(confusion, (true[codes > 0], mapped[codes > 0]), 0.01)
    found, given = confusion[:, 1:].sum(), burnt.sum() / 100
    both = confusion[1:, 1:]
    agreement = np.trace(both) / both.sum()
    print(
        f"\n{year}: {found:.1f} ha of {given:.1f} ha ({found / given - 1:+.2%}); of what both call "
        f"burnt, {agreement:.1%} have the same severity\n{np.round(confusion, 1)}"
    )
    assert found == pytest.approx(given, rel=0.03)
    assert record(store, year).summary["burnt_ha"] == pytest.approx(found, rel=0.001)
    assert agreement > 0.9
    # no fire is taken for one two classes away, in more than one hectare of a hundred
    far = sum(both[i, j] for i in range(4) for j in range(4) if abs(i - j) > 1)
    assert far < 0.01 * both.sum()
    assert confusion[0, 1:].sum() < 0.03 * given
    assert confusion[1:, 0].sum() < 0.03 * given


def test_hectares_of_sites_are_those_of_pixels_counted_one_by_one(store):
    """By pixel centres, on a grid ten times as fine."""
    table = pd.read_parquet(file(store, 2024, "sites")).set_index("id")
    codes, corner = on_truth(store, 2024)
    fine = np.repeat(np.repeat(codes, 10, axis=0), 10, axis=1)
    place = corner * corner.scale(0.1)
    for site in sample_sites().itertuples():
        inside = geometry_mask([site.geometry], fine.shape, place, invert=True)
        by_class = np.bincount(fine[inside], minlength=9) * 4 / 10_000
        row = table.loc[site.id]
        assert row["burnt_ha"] == pytest.approx(by_class[4:8].sum(), abs=0.15), site.name
        assert row["high_ha"] == pytest.approx(by_class[7], abs=0.1), site.name
    assert table["burnt_ha"]["BUC-05"] == 0


def test_files_say_what_they_hold(store):
    severity = file(store, 2024, "severity")
    for path in (severity, file(store, 2024, "indices")):
        assert cog_validate(str(path), quiet=True)[0]
    with rasterio.open(severity) as raster:
        assert raster.colormap(1)[7] == (0x57, 0x10, 0x6E, 255)
        assert raster.tags(1)["CLASS_7"] == "High severity"
        assert raster.tags()["SEASON"] == "07-01..08-31"
    with rasterio.open(file(store, 2024, "indices")) as raster:
        assert raster.descriptions == ("dnbr", "rbr", "rdnbr")
        dnbr, rbr, rdnbr = (raster.read(band, masked=True) * 0.001 for band in (1, 2, 3))
    # dNBR / RBR is NBR before + 1.001, dNBR / RdNBR the root of NBR before
    strong = dnbr.filled(0) > 0.5
    before = (dnbr / rbr)[strong] - 1.001
    assert np.abs((dnbr / rdnbr)[strong] - np.sqrt(before)).max() < 0.01
    item = json.loads(file(store, 2024, "stac_item").read_text())
    [band] = item["assets"]["severity"]["bands"]
    titles = {one["value"]: one["title"] for one in band["classification:classes"]}
    assert titles[4] == "Low severity"
    assert item["properties"]["start_datetime"].startswith("2023-07")
    assert item["properties"]["end_datetime"].startswith("2024-07")
    assert len([one for one in item["links"] if one["rel"] == "derived_from"]) == 8
    patches = geopandas.read_parquet(file(store, 2024, "patches"))
    assert patches["burnt_ha"].min() >= 1
    assert patches["burnt_ha"].sum() == pytest.approx(record(store, 2024).summary["burnt_ha"])


def test_the_report_has_all_years_and_what_burnt_again(store, archive):
    subject = WholeRegion(REGION)
    made = store.read_record(subject, "burnt_area_report")
    folder = store.folder(subject, "burnt_area_report")
    twice = truth(archive, 2024)[0] & truth(archive, 2025)[0]
    visible = twice & (truth(archive, 2025)[1] >= 0.1)
    assert made.summary["repeat_ha"] == pytest.approx(visible.sum() / 100, rel=0.1)
    maps = [on_truth(store, year)[0] for year in (2024, 2025)]
    burnt = [(one >= 4) & (one <= 7) for one in maps]
    assert made.summary["burnt_ha"] == pytest.approx((burnt[0] | burnt[1]).sum() * 0.04)
    assert made.summary["repeat_ha"] == pytest.approx((burnt[0] & burnt[1]).sum() * 0.04)
    table = pd.read_parquet(folder / made.files["site_years"])
    assert sorted(table["year"].unique()) == [2024, 2025]
    assert len(table) == 2 * len(sample_sites())
    page = (folder / made.files["report"]).read_text()
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert len(re.findall(r"<img ", page)) == len(re.findall(r'alt="[^"]{40,}"', page)) == 4
    assert "has no scene" in page
