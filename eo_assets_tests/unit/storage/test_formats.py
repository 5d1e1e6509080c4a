"""The mosaic's Zarr, the GeoTIFF and its STAC item, read back by independent readers."""

from __future__ import annotations

import datetime as dt
import json
from concurrent.futures import ThreadPoolExecutor

import jsonschema
import numpy as np
import pystac
import pytest
import rasterio
import xarray as xr
from affine import Affine
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords
from pystac.validation.local_validator import get_local_schema_cache
from rasterio.enums import Resampling
from referencing import Registry, Resource
from rio_cogeo.cogeo import cog_validate

from eo_assets.catalog.collections import get_collection
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.grid import blocks
from eo_assets.cube.packing import packing
from eo_assets.errors import StorageError
from eo_assets.storage.cog import CogBand, write_cog
from eo_assets.storage.mosaic_zarr import create_mosaic, open_mosaic, write_block
from eo_assets.storage.partition import Partition
from eo_assets.storage.product_item import (
    band_of,
    product_collection,
    product_item,
    raster_asset,
    write_item,
)
from eo_assets.storage.provenance import Origin, Recipe
from eo_assets_tests.small_disk import tmpfs
from eo_assets_tests.tiny_archive import UTM, region

SHAPE = (700, 1100)
GRID = GeoBox(SHAPE, Affine(10, 0, 400_000, 0, -10, 5_000_000), UTM)
SENTINEL_2 = get_collection("sentinel-2-l2a")


def dataset() -> xr.Dataset:
    """Red with a hole and an empty chunk, a status, and an index that is 0 in a whole block."""
    rng = np.random.default_rng(1)
    red = rng.integers(1, 11_000, SHAPE).astype(np.uint16)
    red[100:120, 200:300] = 0
    red[512:, :512] = 0
    ndvi = rng.normal(size=SHAPE).astype(np.float32)
    ndvi[:512, 512:1024], ndvi[600:, :] = 0, np.nan
    dims = ("y", "x")
    return xr.Dataset(
        {
            "red": xr.Variable(dims, red, packing(SENTINEL_2.band("red"))),
            "status": xr.Variable(dims, (red > 0).astype(np.uint8), {"flag_values": [0, 1]}),
            "ndvi": xr.Variable(dims, ndvi, {"units": "1"}),
        },
        coords=xr_coords(GRID),
    )


@pytest.fixture(scope="module")
def pixels():
    return dataset()


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory, pixels):
    path = tmp_path_factory.mktemp("mosaic") / "mosaic.zarr"
    create_mosaic(path, pixels.isel(x=slice(1), y=slice(1)), GRID)
    write = [
        (path, block, pixels.isel(y=block.slices[0], x=block.slices[1]))
        for block in blocks(GRID, size=512, chunk=512)
    ]
    assert len(write) == 6
    with ThreadPoolExecutor(4) as workers:
        list(workers.map(lambda arguments: write_block(*arguments), write))
    return path


def test_blocks_written_at_once_are_the_whole(mosaic, pixels):
    stored = open_mosaic(mosaic, packed=True)
    assert set(stored.data_vars) == set(pixels.data_vars)
    for name, variable in pixels.data_vars.items():
        assert stored[name].dtype == variable.dtype
        assert np.array_equal(stored[name].values, variable.values, equal_nan=name == "ndvi"), name


def test_xarray_alone_gives_reflectance_and_no_data(mosaic, pixels):
    with xr.open_zarr(mosaic, chunks=None, consolidated=False) as stored:
        expected = np.where(pixels["red"] == 0, np.nan, pixels["red"].values * 0.0001)
        np.testing.assert_allclose(stored["red"], expected, rtol=1e-6)
        assert np.isnan(stored["red"].values).sum() == (pixels["red"].values == 0).sum()
        assert np.array_equal(stored["status"], pixels["status"])
        assert stored["x"].values[[0, -1]].tolist() == [400_005, 410_995]
        assert stored["y"].values[[0, -1]].tolist() == [4_999_995, 4_993_005]
        assert stored.odc.geobox == GRID
        assert stored["red"].attrs["units"] == "1"


def test_what_was_never_written_is_no_observation(tmp_path, pixels):
    path = tmp_path / "blank.zarr"
    create_mosaic(path, pixels.isel(x=slice(1), y=slice(1)), GRID)
    blank = open_mosaic(path)
    assert np.isnan(blank["red"].values).all()
    assert np.isnan(blank["ndvi"].values).all()
    assert not blank["status"].values.any()


def test_a_mosaic_is_never_written_over_another(mosaic, pixels):
    with pytest.raises(FileExistsError):
        create_mosaic(mosaic, pixels, GRID)


BANDS = [
    CogBand(name="red", units="1", scale=0.0001, tags={"common_name": "red"}),
    CogBand(name="swir16", units="1", scale=0.0001),
    CogBand(name="empty", units="K", scale=0.01),
]


def stored(name, window):
    """Smooth enough for overviews to be compared."""
    if name == "empty":
        return np.zeros(SHAPE, np.uint16)[window]
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    values = (1000 + x + 2 * y + (500 if name == "red" else 0)).astype(np.uint16)
    values[:64, :64] = 0
    return values[window]


WHOLE = (slice(0, SHAPE[0]), slice(0, SHAPE[1]))


def write(path, **changes):
    plain = {
        "dtype": "uint16",
        "nodata": 0,
        "tags": {"REGION": "seam", "TIFFTAG_SOFTWARE": "eo_assets"},
        "overview_resampling": "average",
    }
    write_cog(path, GRID, BANDS, stored, **(plain | changes))
    return path


@pytest.fixture(scope="module")
def cog(tmp_path_factory):
    return write(tmp_path_factory.mktemp("cog") / "seam.tif")


def test_the_file_is_a_cloud_optimized_geotiff(cog):
    valid, errors, warnings = cog_validate(cog, strict=True)
    assert (valid, errors, warnings) == (True, [], [])
    assert [path.name for path in cog.parent.iterdir()] == ["seam.tif"]


def test_the_file_says_what_is_in_it(cog):
    with rasterio.open(cog) as file:
        assert file.descriptions == ("red", "swir16", "empty")
        assert file.units == ("1", "1", "K")
        assert file.scales == (0.0001, 0.0001, 0.01)
        assert file.offsets == (0, 0, 0)
        assert file.nodatavals == (0, 0, 0)
        assert (file.crs, file.transform, file.shape) == (UTM, GRID.transform, SHAPE)
        assert file.tags()["REGION"] == "seam"
        assert file.tags(1)["common_name"] == "red"
        assert file.overviews(1) == [2, 4]
        assert file.block_shapes[0] == (512, 512)
        assert file.compression.name == "zstd"


def test_the_pixels_are_those_that_were_given(cog):
    with rasterio.open(cog) as file:
        for number, band in enumerate(BANDS, start=1):
            assert np.array_equal(file.read(number), stored(band.name, WHOLE))


def test_overviews_average_and_leave_no_data_out(cog):
    with rasterio.open(cog, overview_level=0) as file:
        overview = file.read(1).astype(int)
    values = stored("red", WHOLE).astype(float)
    mean = values.reshape(350, 2, 550, 2).mean(axis=(1, 3))
    assert (overview[:32, :32] == 0).all()
    seen = np.ones(overview.shape, bool)
    seen[:33, :33] = False
    assert np.abs(overview - mean)[seen].max() <= 1
    assert overview[32, :].min() > 1000


def test_statistics_are_those_of_the_observed_pixels(cog):
    with rasterio.open(cog) as file:
        for number, band in enumerate(BANDS[:2], start=1):
            seen = stored(band.name, WHOLE)
            seen = seen[seen > 0].astype(float)
            tags = file.tags(number)
            assert float(tags["STATISTICS_MINIMUM"]) == seen.min()
            assert float(tags["STATISTICS_MAXIMUM"]) == seen.max()
            assert float(tags["STATISTICS_MEAN"]) == pytest.approx(seen.mean(), abs=1e-5)
            assert float(tags["STATISTICS_STDDEV"]) == pytest.approx(seen.std(), abs=1e-5)
            assert int(tags["STATISTICS_VALID_COUNT"]) == seen.size
        assert not any(tag.startswith("STATISTICS") for tag in file.tags(3))


def test_the_same_pixels_give_the_same_bytes(cog, tmp_path):
    assert write(tmp_path / "seam.tif").read_bytes() == cog.read_bytes()


def test_classes_keep_their_colours_and_overviews_invent_none(tmp_path):
    colours = {0: (0, 0, 0, 0), 3: (200, 30, 10, 255), 9: (1, 2, 3, 255)}
    rng = np.random.default_rng(2)
    classes = rng.choice([0, 3, 9], SHAPE).astype(np.uint8)
    path = tmp_path / "classes.tif"
    write_cog(
        path, GRID, [CogBand(name="class")], lambda _, window: classes[window], dtype="uint8",
        nodata=0, tags={}, overview_resampling="mode", colours=colours,
    )  # fmt: skip
    with rasterio.open(path) as file:
        table = file.colormap(1)
        assert {n: table[n] for n in (3, 9)} == {n: colours[n] for n in (3, 9)}
        assert np.array_equal(file.read(1), classes)
        small = file.read(1, out_shape=(350, 550), resampling=Resampling.nearest)
        assert set(np.unique(small)) <= {0, 3, 9}
    assert cog_validate(path, strict=True)[0]


def test_a_file_that_cannot_be_finished_leaves_no_draft(tmp_path):
    def fail(name, window):
        raise RuntimeError(name)

    with pytest.raises(RuntimeError):
        write_cog(
            tmp_path / "x.tif", GRID, BANDS, fail, dtype="uint16", nodata=0, tags={},
            overview_resampling="average",
        )  # fmt: skip
    assert list(tmp_path.iterdir()) == []


# too small for the draft's pixels; for its last directory; for the file made of it
@pytest.mark.parametrize("size", ["300k", "9200k", "10m", "11m"])
def test_a_disk_that_fills_up_is_a_storage_error(tmp_path, size):
    noise = np.random.default_rng(1).integers(1, 60_000, SHAPE).astype(np.uint16)
    with tmpfs(tmp_path / "disk", f"size={size}") as disk:
        with pytest.raises(StorageError, match=r"cannot be written.*MB free"):
            write_cog(
                disk / "x.tif", GRID, BANDS, lambda _, window: noise[window], dtype="uint16",
                nodata=0, tags={}, overview_resampling="average",
            )  # fmt: skip
        assert not list(disk.glob(".*"))


@pytest.fixture
def item(cog):
    bands = [SENTINEL_2.band(name) for name in ("red", "nir")]
    asset = raster_asset(
        cog, title="Reflectance", roles=("data", "reflectance"),
        bands=[band_of(band, nodata=0) for band in bands],
    )  # fmt: skip
    where = Partition(region=region(), date=dt.date(2023, 7, 1))
    return product_item(
        where,
        GRID,
        item_id="seam_20230701",
        acquired=[
            dt.datetime(2023, 7, 1, 9, 30, 5, tzinfo=dt.UTC),
            dt.datetime(2023, 7, 1, 11, 20, tzinfo=dt.timezone(dt.timedelta(hours=2))),
        ],
        stac_assets={"data": asset},
        origin=Origin(
            sources=("https://example.com/items/a", "S2A_b"),
            cubes=(VirtualCube.load("sentinel-2-l2a", (), ("red", "nir")),),
            recipe=Recipe.of(where, "geotiff"),
        ),
        properties={"eo:cloud_cover": 1.5},
    )


def core_schema(kind="item"):
    """STAC 1.1's own schema, as pystac ships it: no network."""
    schemas = get_local_schema_cache()
    registry = Registry().with_resources(
        (uri, Resource.from_contents(schema)) for uri, schema in schemas.items()
    )
    [uri] = [uri for uri in schemas if uri.endswith(f"/{kind}-spec/json-schema/{kind}.json")]
    return jsonschema.Draft7Validator(schemas[uri], registry=registry)


def test_the_item_is_valid_stac(item):
    document = json.loads(json.dumps(item))
    assert [error.message for error in core_schema().iter_errors(document)] == []
    broken = document | {"geometry": {"type": "Polygon"}}
    assert not core_schema().is_valid(broken)


def test_the_collection_is_valid_stac_and_the_items(item):
    collection = product_collection(Partition(region=region(), date=dt.date(2023, 7, 1)))
    document = json.loads(json.dumps(collection))
    assert [error.message for error in core_schema("collection").iter_errors(document)] == []
    assert item["collection"] == collection["id"] == "seam-sentinel-2-l2a"
    other_day = Partition(region=region(), date=dt.date(2024, 1, 1))
    assert product_collection(other_day) == collection


def test_pystac_reads_the_item(item, tmp_path):
    path = tmp_path / "item.json"
    write_item(path, item)
    read = pystac.Item.from_file(str(path))
    assert read.id == "seam_20230701"
    assert read.properties["start_datetime"] == "2023-07-01T09:20:00Z"
    assert read.properties["end_datetime"] == "2023-07-01T09:30:05Z"
    assert read.properties["proj:code"] == UTM
    assert read.properties["proj:shape"] == list(SHAPE)
    assert read.properties["proj:transform"] == [10, 0, 400_000, 0, -10, 5_000_000]
    assert read.properties["proj:bbox"] == [400_000, 4_993_000, 411_000, 5_000_000]
    assert read.assets["data"].href.endswith("seam.tif")
    sources = [link["href"] for link in item["links"] if link["rel"] == "derived_from"]
    assert sources == ["https://example.com/items/a", "S2A_b"]
    assert read.bbox == pytest.approx(list(region().outline.bounds))


def test_the_item_states_the_files_size_checksum_and_bands(item, cog):
    import hashlib

    asset = item["assets"]["data"]
    assert asset["file:size"] == cog.stat().st_size
    assert asset["file:checksum"] == "1220" + hashlib.sha256(cog.read_bytes()).hexdigest()
    red, nir = asset["bands"]
    assert (red["name"], red["data_type"], red["nodata"]) == ("red", "uint16", 0)
    assert (nir["raster:scale"], nir["raster:offset"]) == (0.0001, 0.0)
    assert nir["eo:center_wavelength"] == 0.842
