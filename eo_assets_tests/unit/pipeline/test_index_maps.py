"""Maps of a small mosaic, judged by formulas written here and read with rasterio alone."""

import json
from functools import partial

import numpy as np
import pytest
import rasterio
import xarray as xr
from PIL import Image
from rio_cogeo.cogeo import cog_validate

from eo_assets.errors import ConfigurationError, UnknownNameError
from eo_assets.pipeline import index_maps
from eo_assets.pipeline.index_maps import MapOptions, choose_views
from eo_assets.pipeline.tasks import InProcess
from eo_assets_tests.product_files import unchecked
from eo_assets_tests.published_mosaic import PARTITION, store_with_mosaic

SHAPE = (90, 120)
FORMULAS = {
    "ndvi": lambda b: (b["nir"] - b["red"]) / (b["nir"] + b["red"]),
    "ndwi": lambda b: (b["green"] - b["nir"]) / (b["green"] + b["nir"]),
    "ndmi": lambda b: (b["nir08"] - b["swir16"]) / (b["nir08"] + b["swir16"]),
    "nbr": lambda b: (b["nir08"] - b["swir22"]) / (b["nir08"] + b["swir22"]),
    "savi": lambda b: 1.5 * (b["nir"] - b["red"]) / (b["nir"] + b["red"] + 0.5),
    "evi": lambda b: (
        2.5 * (b["nir"] - b["red"]) / (b["nir"] + 6 * b["red"] - 7.5 * b["blue"] + 1)
    ).clip(-1, 1),
    "bsi": lambda b: (
        (b["swir16"] + b["red"] - b["nir"] - b["blue"])
        / (b["swir16"] + b["red"] + b["nir"] + b["blue"])
    ),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    store = store_with_mosaic(tmp_path_factory.mktemp("maps"), shape=SHAPE)
    wanted = MapOptions(maps=("false_colour", *FORMULAS))
    record = index_maps.materialise(PARTITION, store=store, runner=InProcess(), options=wanted)
    folder = store.folder(PARTITION, "index_maps")
    mosaic = store.folder(PARTITION, "mosaic") / "mosaic.zarr"
    return record, folder, xr.open_zarr(mosaic, chunks=None, consolidated=False)


@pytest.mark.parametrize("name", FORMULAS)
def test_an_index_is_its_formula_of_the_mosaic(made, name):
    record, folder, mosaic = made
    with rasterio.open(folder / record.files[f"{name}_map"]) as file:
        assert (file.dtypes, file.nodata, file.descriptions) == (("int16",), -32768, (name,))
        stored = file.read(1, masked=True) * file.scales[0]
    expected = FORMULAS[name](mosaic.astype("float64")).to_numpy()
    assert np.array_equal(np.ma.getmaskarray(stored), np.isnan(expected))
    assert np.nanmax(np.abs(stored.filled(np.nan) - expected)) <= 0.000051


def test_a_combination_shows_its_bands_between_fixed_limits(made):
    record, folder, mosaic = made
    with rasterio.open(folder / record.files["false_colour_map"]) as file:
        colours, nodata = file.read(), file.nodata
    assert nodata == 0
    for plane, (band, top) in zip(
        colours, {"nir": 0.5, "red": 0.25, "green": 0.25}.items(), strict=True
    ):
        value = mosaic[band].to_numpy()
        expected = np.where(np.isnan(value), 0, 1 + np.rint(254 * np.clip(value / top, 0, 1)))
        assert np.abs(plane - expected).max() <= 1
        assert np.array_equal(plane == 0, np.isnan(value))


def test_every_map_is_cloud_optimized_has_a_picture_and_is_in_the_item(made):
    record, folder, _ = made
    item = json.loads((folder / record.files["stac_item"]).read_text(encoding="utf-8"))
    names = {"false_colour", *FORMULAS}
    assert set(item["assets"]) == names | {f"{name}_picture" for name in names}
    assert unchecked(folder) == set()
    for name in names:
        assert cog_validate(str(folder / item["assets"][name]["href"]), quiet=True)[0]
        with Image.open(folder / record.files[name]) as picture:
            assert picture.width > 900
    assert item["assets"]["ndvi"]["bands"][0]["raster:scale"] == 0.0001
    assert item["assets"]["false_colour"]["roles"] == ["visual"]


def test_nothing_asked_for_is_everything_the_bands_allow():
    names = {view.name for view in choose_views("sentinel-2-l2a", ("red", "nir", "green"), ())}
    assert names == {"false_colour", "ndvi", "savi", "ndwi"}


def test_landsat_has_temperature_in_kelvin(tmp_path, monkeypatch):
    from eo_assets_tests import published_mosaic
    from eo_assets_tests.synthetic_scene import LANDSAT, write_scene

    monkeypatch.setattr(published_mosaic, "write_scene", partial(write_scene, bands=LANDSAT))
    monkeypatch.setattr(
        published_mosaic,
        "PARTITION",
        published_mosaic.Partition(
            PARTITION.region.with_collection("landsat-c2-l2"), PARTITION.date
        ),
    )
    store = store_with_mosaic(tmp_path, shape=SHAPE)
    partition = published_mosaic.PARTITION
    record = index_maps.materialise(
        partition, store=store, runner=InProcess(), options=MapOptions(maps=("temperature",))
    )
    with rasterio.open(
        store.folder(partition, "index_maps") / record.files["temperature_map"]
    ) as file:
        assert file.units == ("K",)
        kelvin = file.read(1, masked=True) * file.scales[0]
    assert np.array_equal(np.ma.getmaskarray(kelvin), store.truth == 0)
    assert 285 < kelvin[store.truth == 1].mean() < 291
    assert 301 < kelvin[store.truth == 2].mean() < 309


def test_what_cannot_be_made_is_refused_before_anything_is_written(tmp_path):
    store = store_with_mosaic(tmp_path, shape=(40, 40))
    for name in ("ndxi", "temperature"):
        with pytest.raises(UnknownNameError, match=name):
            index_maps.materialise(
                PARTITION, store=store, runner=InProcess(), options=MapOptions(maps=(name,))
            )
    assert not store.folder(PARTITION, "index_maps").exists()
    with pytest.raises(ConfigurationError, match="swir16"):
        choose_views("sentinel-2-l2a", ("red", "nir"), ("ndmi",))


def test_without_a_mosaic_there_are_no_maps_and_the_reason_is_kept(tmp_path):
    store = store_with_mosaic(tmp_path, shape=(40, 40), empty="all_cloud")
    record = index_maps.materialise(
        PARTITION, store=store, runner=InProcess(), options=MapOptions()
    )
    assert record.empty == "all_cloud"
