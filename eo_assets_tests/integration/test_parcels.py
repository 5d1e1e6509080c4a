"""Parcels of the sample world: against exactextract itself, the true surface and known seasons."""

from __future__ import annotations

import datetime as dt
import shutil

import geopandas
import numpy as np
import pandas as pd
import pytest
import rasterio
import xarray as xr
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource

from eo_assets.errors import MissingArtifactError
from eo_assets.pipeline import parcel_profiles, parcel_stats
from eo_assets.pipeline.tasks import InProcess
from eo_assets.sample.landcover import Cover
from eo_assets.sample.parcels import write_sample_parcels
from eo_assets.sample.season import EARLIER_DAYS_PER_M, LATER_DAYS_PER_M, SEASONS
from eo_assets.storage.mosaic_zarr import open_mosaic
from eo_assets.storage.partition import Partition, WholeRegion
from eo_assets.storage.store import Store

pytestmark = pytest.mark.integration

DATE = "2023-07-15"


@pytest.fixture(scope="module")
def parcels(archive, tmp_path_factory):
    """Folder of the sample's parcels."""
    folder = tmp_path_factory.mktemp("parcels")
    write_sample_parcels(archive, folder)
    return folder


@pytest.fixture(scope="module")
def fields(parcels):
    return geopandas.read_parquet(parcels / "bucegi.parquet").set_index("id")


@pytest.fixture(scope="module")
def made(chain, parcels):
    """The products of a clear day, and the table of its parcels."""
    products = chain("bucegi", DATE, last="mosaic")
    record = parcel_stats.materialise(
        products.partition, folder=parcels, store=products.store, runner=InProcess()
    )
    return products, record


@pytest.fixture(scope="module")
def table(made):
    products, record = made
    path = products.folder("parcel_stats") / record.files["statistics"]
    return pd.read_parquet(path).set_index("id")


def test_the_numbers_are_exactextracts_own_on_the_stored_mosaic(made, table, fields):
    products, _ = made
    mosaic: xr.Dataset = open_mosaic(products.file("mosaic", "mosaic"))
    red, nir = (mosaic[name].to_numpy().astype(np.float64) for name in ("red", "nir"))
    ndvi = (nir - red) / (nir + red)
    x, y = mosaic["x"].to_numpy(), mosaic["y"].to_numpy()
    source = NumPyRasterSource(
        ndvi, xmin=x[0] - 5, xmax=x[-1] + 5, ymin=y[-1] - 5, ymax=y[0] + 5, nodata=np.nan,
        srs_wkt=fields.crs.to_wkt(),
    )  # fmt: skip
    judged = fields.loc[table.index].iloc[::7]
    theirs = exact_extract(
        source, judged[["geometry"]], ["mean", "median", "count"], output="pandas"
    )
    ours = table.loc[judged.index]
    np.testing.assert_allclose(ours["mean"], theirs["mean"], atol=2e-6)
    # single and double precision may fall on either of two neighbouring pixels
    np.testing.assert_allclose(ours["median"], theirs["median"], atol=1e-3)
    np.testing.assert_allclose(ours["pixels"], theirs["count"], atol=1e-3)


def test_parcels_have_the_ndvi_of_the_true_surface(table, fields, archive):
    with rasterio.open(archive / "truth" / "reflectance" / f"{DATE}.tif") as file:
        red, nir = (
            file.read(file.descriptions.index(name) + 1).astype(np.float64)
            for name in ("B04", "B08")
        )
        at = file.bounds
    source = NumPyRasterSource(
        (nir - red) / (nir + red), xmin=at.left, xmax=at.right, ymin=at.bottom, ymax=at.top,
        nodata=np.nan, srs_wkt=fields.crs.to_wkt(),
    )  # fmt: skip
    clear = table[table["valid_fraction"] > 0.95]
    truth = exact_extract(source, fields.loc[clear.index, ["geometry"]], ["mean"], output="pandas")
    apart = np.abs(clear["mean"].to_numpy() - truth["mean"].to_numpy())
    assert len(clear) > 1000
    assert np.percentile(apart, 99) < 0.02


@pytest.mark.parametrize(
    ("crop", "cover"), [("maize", Cover.SUMMER_CROP), ("hay_meadow", Cover.MEADOW)]
)
def test_crops_follow_their_known_season(table, fields, archive, crop, cover):
    season, day = SEASONS[cover], dt.date.fromisoformat(DATE).timetuple().tm_yday
    of_crop = fields[(fields["crop:code"] == crop) & fields.index.isin(table.index)]
    with rasterio.open(archive / "truth" / "elevation.tif") as file:
        points = [(p.x, p.y) for p in of_crop.representative_point()]
        above_m = np.array([value[0] for value in file.sample(points)]) - season.altitude_m
    start = season.start + LATER_DAYS_PER_M * above_m
    end = season.end - EARLIER_DAYS_PER_M * above_m
    risen = 1 / (1 + np.exp(-season.rise * (day - start)))
    fallen = 1 / (1 + np.exp(season.fall * (day - end)))
    expected = season.winter + (season.summer - season.winter) * (risen + fallen - 1)
    seen = table.loc[of_crop.index]
    clear = (seen["valid_fraction"] > 0.95).to_numpy()
    assert seen["mean"][clear].mean() == pytest.approx(expected[clear].mean(), abs=0.02)


def profiles(store, products, parcels, **options):
    return parcel_profiles.materialise(
        WholeRegion(products.partition.region),
        folder=parcels,
        store=store,
        runner=InProcess(),
        options=parcel_profiles.ProfileOptions(**options),
    )


def copied(made, store: Store, date: str, *, ndvi=None) -> None:
    """Publish the made table under another date, with its NDVI changed if need be."""
    products, record = made
    other = Partition(products.partition.region, dt.date.fromisoformat(date))
    rows = pd.read_parquet(products.folder("parcel_stats") / record.files["statistics"])
    rows["date"] = pd.Timestamp(date)
    if ndvi is not None:
        rows["mean"] = np.float32(ndvi)
        rows["valid_fraction"] = np.float32(1)
    with store.publish(other, "parcel_stats") as folder:
        rows.to_parquet(folder / record.files["statistics"], index=False)
        digest = f"{record.digest}{date}{ndvi}"
        store.write_record(folder, record.model_copy(update={"date": date, "digest": digest}))


def test_a_new_date_adds_rows_and_a_date_made_again_replaces_its_own(made, parcels, tmp_path):
    products, record = made
    store = Store(tmp_path)
    dates = ("2023-04-21", "2023-05-26", "2023-06-20", "2023-07-15", "2023-09-23", "2023-10-13")
    for date, ndvi in zip(dates, (0.2, 0.3, 0.6, 0.8, 0.4, 0.2), strict=True):
        copied(made, store, date, ndvi=ndvi)
    first = profiles(store, products, parcels, method="whittaker", smoothness=100.0)
    n = record.summary["parcels"]
    assert first.summary["rows"] == n * len(dates)
    assert first.summary["seasons"] == n

    def rows():
        folder = store.folder(WholeRegion(products.partition.region), "parcel_profiles")
        return pd.read_parquet(folder / "observations.parquet")

    before = rows()
    copied(made, store, "2023-08-20", ndvi=0.7)
    assert profiles(store, products, parcels).summary["rows"] == n * 7
    copied(made, store, "2023-08-20", ndvi=0.5)
    again = profiles(store, products, parcels)
    assert again.summary["rows"] == n * 7
    assert again.digest != first.digest
    after = rows()
    assert (after[after["date"] == "2023-08-20"]["mean"] == np.float32(0.5)).all()
    others = after[after["date"] != "2023-08-20"].reset_index(drop=True)
    pd.testing.assert_frame_equal(others, before)


def test_the_product_keeps_the_parcels_own_columns_and_shows_pictures(made, parcels, tmp_path):
    products, _ = made
    store = Store(tmp_path)
    for date, ndvi in (("2023-05-01", 0.2), ("2023-07-15", 0.8), ("2023-09-30", 0.25)):
        copied(made, store, date, ndvi=ndvi)
    record = profiles(store, products, parcels, method="whittaker", smoothness=10.0)
    folder = store.folder(WholeRegion(products.partition.region), "parcel_profiles")
    seasons = geopandas.read_parquet(folder / record.files["seasons"])
    assert {"crop:code", "crop:name", "area", "start", "peak", "end"} <= set(seasons.columns)
    assert seasons.crs == "EPSG:32635"
    assert (seasons["peak"].dt.date - dt.date(2023, 7, 15)).abs().max() <= dt.timedelta(days=10)
    for role in ("profiles", "peaks"):
        assert (folder / record.files[role]).read_bytes()[:4] == b"\x89PNG"
    assert "Typical parcels in 2023" in (folder / "report.html").read_text()


def test_without_a_single_date_it_says_what_to_do(made, parcels, tmp_path):
    products, _ = made
    with pytest.raises(MissingArtifactError, match="Materialise parcel_stats"):
        profiles(Store(tmp_path), products, parcels)


def test_small_parcels_are_marked(made, parcels, fields, tmp_path):
    products, _ = made
    store = Store(tmp_path)
    for step in ("band_stack", "mosaic"):
        shutil.copytree(products.folder(step), store.folder(products.partition, step))
    lonely = fields.iloc[[700, 701]].reset_index()
    corner = lonely.geometry.iloc[0].representative_point()
    lonely.loc[0, "geometry"] = corner.buffer(12)
    lonely.to_parquet(tmp_path / "bucegi.parquet")
    record = parcel_stats.materialise(
        products.partition, folder=tmp_path, store=store, runner=InProcess()
    )
    assert record.summary["parcels"] == 2
    assert record.summary["small_parcels"] == 1
