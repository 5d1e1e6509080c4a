import json
import subprocess
import sys

import numpy as np
import pystac
import pytest
import rasterio
from rio_cogeo.cogeo import cog_validate
from scipy import ndimage

from eo_assets.errors import ConfigurationError, UnknownNameError
from eo_assets.sample import generate, is_complete
from eo_assets.sample.sentinel2 import digital_numbers
from eo_assets_tests.unit.sample.conftest import LANDSAT_DATE, SENTINEL_DATE

REGION_BOUNDS = (370630, 5017230, 390670, 5042050)
SENTINEL_KEYS = ["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12", "SCL"]
LANDSAT_KEYS = [
    "coastal",
    "blue",
    "green",
    "red",
    "nir08",
    "swir16",
    "swir22",
    "lwir11",
    "qa_pixel",
]


def documents(archive, collection):
    return {
        path: json.loads(path.read_text())
        for path in sorted((archive / collection).glob("*/*.json"))
    }


def read(path, bounds=None):
    with rasterio.open(path) as raster:
        if bounds is None:
            return raster.read(1)
        return raster.read(1, window=rasterio.windows.from_bounds(*bounds, raster.transform))


@pytest.fixture(scope="session")
def tiles(small_archive):
    """Directory of the western and of the eastern tile."""
    archive, _, _ = small_archive
    west, east = (path.parent for path in documents(archive, "sentinel-2-l2a"))
    return west, east


def test_the_manifest_tells_what_is_there(small_archive):
    archive, manifest, steps = small_archive
    assert manifest.dates == (SENTINEL_DATE,)
    assert manifest.landsat_dates == (LANDSAT_DATE,)
    assert manifest.half_swath_date == SENTINEL_DATE
    assert manifest.demo_date is None
    assert manifest.n_bytes == sum(
        path.stat().st_size
        for path in archive.rglob("*")
        if path.is_file() and path.name != "sample.json"
    )
    assert manifest.n_bytes < 60e6
    shares = [share for _, share in steps]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_complete_archive_is_left_alone(small_archive):
    archive, manifest, _ = small_archive
    again = generate(archive, dates=(LANDSAT_DATE, SENTINEL_DATE))
    assert again == manifest
    assert is_complete(archive)


def test_an_archive_with_a_truncated_file_is_not_complete(small_archive, tmp_path):
    archive, _, _ = small_archive
    copy = tmp_path / "copy"
    for path in archive.rglob("*"):
        if path.is_file():
            target = copy / path.relative_to(archive)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(path)
    # with an item that somebody has posted, too
    (copy / "posted.json").write_text("{}")
    assert is_complete(copy)
    (copy / "posted.json").unlink()
    victim = next(copy.rglob("SCL.tif"))
    content = victim.read_bytes()
    victim.unlink()
    victim.write_bytes(content[:-1])
    assert not is_complete(copy)


def test_an_unknown_date_is_named_before_anything_is_written(tmp_path):
    with pytest.raises(UnknownNameError, match="2019-01-01"):
        generate(tmp_path / "archive", dates=["2019-01-01"])
    assert list(tmp_path.iterdir()) == []


def test_a_directory_with_other_things_in_it_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("do not overwrite")
    with pytest.raises(ConfigurationError, match="not empty"):
        generate(tmp_path, dates=[LANDSAT_DATE])
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_importing_the_package_loads_no_scientific_library():
    code = "import sys, eo_assets.sample; print({'numpy', 'rasterio'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "set()"


def test_every_raster_is_a_cloud_optimized_geotiff(small_archive):
    archive, _, _ = small_archive
    rasters = sorted(archive.rglob("*.tif"))
    assert len(rasters) == 2 * len(SENTINEL_KEYS) + len(LANDSAT_KEYS) + 1 + 6
    for path in rasters:
        valid, errors, _ = cog_validate(path)
        assert valid, (path.name, errors)
        with rasterio.open(path) as raster:
            assert raster.compression.name == "deflate"


@pytest.mark.parametrize("collection", ["sentinel-2-l2a", "landsat-c2-l2", "cop-dem-glo-30"])
def test_items_read_as_stac_and_name_existing_files(small_archive, collection):
    archive, _, _ = small_archive
    collected = pystac.Collection.from_file(archive / collection / "collection.json")
    assert collected.id == collection
    for path, document in documents(archive, collection).items():
        item = pystac.Item.from_file(path)
        assert path.stem == path.parent.name == document["id"] == item.id
        assert item.collection_id == collection
        for asset in item.assets.values():
            assert asset.href.startswith("./")
            assert (path.parent / asset.href).is_file()
        west, south, east, north = document["bbox"]
        assert 25.3 < west < east < 25.7
        assert 45.2 < south < north < 45.6


def test_sentinel_assets_describe_their_files(tiles):
    for tile in tiles:
        document = json.loads((tile / f"{tile.name}.json").read_text())
        assert sorted(document["assets"]) == sorted(SENTINEL_KEYS)
        for key, asset in document["assets"].items():
            with rasterio.open(tile / f"{key}.tif") as raster:
                assert asset["proj:shape"] == list(raster.shape)
                assert asset["proj:transform"] == list(raster.transform)[:6]
                assert asset["proj:bbox"] == list(raster.bounds)
                assert asset["gsd"] == raster.res[0]
                assert raster.dtypes == (("uint8",) if key == "SCL" else ("uint16",))
                assert raster.nodata == 0
                assert raster.crs.to_epsg() == document["properties"]["proj:epsg"] == 32635
                assert raster.bounds.left % 60 == raster.bounds.top % 60 == 0


def test_both_tiles_are_one_datatake_and_cover_the_region(tiles):
    documents = [json.loads((tile / f"{tile.name}.json").read_text()) for tile in tiles]
    for key in ("datetime", "s2:datatake_id", "sat:relative_orbit"):
        assert documents[0]["properties"][key] == documents[1]["properties"][key]
    boxes = [document["assets"]["B04"]["proj:bbox"] for document in documents]
    union = (
        min(box[0] for box in boxes),
        max(box[1] for box in boxes),
        max(box[2] for box in boxes),
        min(box[3] for box in boxes),
    )
    assert union[0] <= REGION_BOUNDS[0]
    assert union[1] <= REGION_BOUNDS[1]
    assert union[2] >= REGION_BOUNDS[2]
    assert union[3] >= REGION_BOUNDS[3]
    assert 1000 <= boxes[0][2] - boxes[1][0] <= 2000


@pytest.mark.parametrize("key", SENTINEL_KEYS)
def test_the_tiles_agree_where_they_overlap(tiles, key):
    boxes = []
    for tile in tiles:
        with rasterio.open(tile / f"{key}.tif") as raster:
            boxes.append(raster.bounds)
    common = (boxes[1].left, boxes[0].bottom, boxes[0].right, boxes[0].top)
    west, east = (read(tile / f"{key}.tif", common) for tile in tiles)
    assert west.size > 60_000
    assert (west > 0).any()
    np.testing.assert_array_equal(west, east)


def test_the_half_swath_misses_half_of_the_region(small_archive, tiles):
    archive, _, _ = small_archive
    clouds = read(archive / "truth" / "clouds" / f"{SENTINEL_DATE}.tif")
    assert 0.4 < np.mean(clouds == 3) < 0.6
    document = json.loads((tiles[0] / f"{tiles[0].name}.json").read_text())
    nodata = read(tiles[0] / "SCL.tif") == 0
    share = document["properties"]["s2:nodata_pixel_percentage"]
    assert share == pytest.approx(100 * nodata.mean(), abs=1e-5)
    assert not read(tiles[0] / "B04.tif")[np.kron(nodata, np.ones((2, 2), bool))].any()


@pytest.fixture(scope="session")
def east_clear(small_archive, tiles):
    """Truth over the eastern tile's part of the region, and where it says clear."""
    archive, _, _ = small_archive
    with rasterio.open(tiles[1] / "B04.tif") as raster:
        box = raster.bounds
    bounds = (max(box.left, REGION_BOUNDS[0]), REGION_BOUNDS[1], REGION_BOUNDS[2], REGION_BOUNDS[3])
    return bounds, read(archive / "truth" / "clouds" / f"{SENTINEL_DATE}.tif", bounds) == 0


@pytest.mark.parametrize(("number", "band"), [(1, "B04"), (2, "B08")])
def test_digital_numbers_are_the_true_reflectance_plus_1000(
    small_archive, tiles, east_clear, number, band
):
    archive, _, _ = small_archive
    bounds, clear = east_clear
    with rasterio.open(archive / "truth" / "reflectance" / f"{SENTINEL_DATE}.tif") as raster:
        assert raster.descriptions == ("B04", "B08")
        window = rasterio.windows.from_bounds(*bounds, raster.transform)
        truth = raster.read(number, window=window).astype(float)
    error = (read(tiles[1] / f"{band}.tif", bounds) - 1000.0 - truth)[clear]
    assert np.median(error) == pytest.approx(0, abs=3)
    assert np.percentile(np.abs(error), 90) < 40


@pytest.mark.parametrize(("baseline", "offset"), [("02.12", 0), ("03.01", 0), ("04.00", 1000)])
def test_the_offset_follows_the_baseline(baseline, offset):
    rho = np.array([[0.05, 0.3, -0.02]], np.float32)
    inside = np.array([[True, False, True]])
    numbers = digital_numbers(rho, baseline=baseline, inside=inside)
    assert numbers.tolist() == [[500 + offset, 0, max(offset - 200, 1)]]


def disk(radius):
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return x * x + y * y <= radius * radius


def test_usual_masking_leaves_hardly_a_cloudy_pixel(small_archive, tiles, east_clear):
    archive, _, _ = small_archive
    _, south, east, north = REGION_BOUNDS
    box = (REGION_BOUNDS[0] + 9550, south + 10, east - 10, north - 10)  # on the 20 m grid
    scl = read(tiles[1] / "SCL.tif", box)
    truth = read(archive / "truth" / "clouds" / f"{SENTINEL_DATE}.tif", box)
    outside = np.isin(scl, [0, 1])
    flagged = ndimage.binary_opening(np.isin(scl, [3, 8, 9, 10]), disk(2))
    kept = ~(ndimage.binary_dilation(flagged, disk(5)) | outside)
    kept_10m = np.kron(kept, np.ones((2, 2), bool))
    assert kept.mean() > 0.4
    assert np.isin(truth[kept_10m], [1, 2]).mean() < 0.02
    cloudy = ndimage.binary_erosion(truth == 1, iterations=3)[::2, ::2]
    assert np.isin(scl[cloudy], [8, 9, 10]).mean() > 0.95


def test_shadows_lie_away_from_the_sun(small_archive):
    archive, _, _ = small_archive
    truth = read(archive / "truth" / "clouds" / f"{SENTINEL_DATE}.tif")
    rows, columns = (np.nonzero(truth == code) for code in (1, 2))
    # the morning sun stands in the south-east: shadows lie to the north-west
    assert columns[0].mean() < rows[0].mean()
    shifted = ndimage.shift((truth == 1).astype(float), (-30, -20), order=0) > 0.5
    opposite = ndimage.shift((truth == 1).astype(float), (30, 20), order=0) > 0.5
    shadow = truth == 2
    assert (shifted & shadow).sum() > 3 * (opposite & shadow).sum()


def test_landsat_is_centre_aligned_and_scaled(small_archive):
    archive, _, _ = small_archive
    ((path, document),) = documents(archive, "landsat-c2-l2").items()
    assert document["id"] == "LC08_L2SP_183028_20230512_02_T1"
    assert sorted(document["assets"]) == sorted(LANDSAT_KEYS)
    for key, asset in document["assets"].items():
        with rasterio.open(path.parent / f"{key}.tif") as raster:
            assert raster.res == (30, 30)
            assert raster.bounds.left % 30 == raster.bounds.top % 30 == 15
            assert raster.bounds.left <= REGION_BOUNDS[0]
            assert raster.bounds.bottom <= REGION_BOUNDS[1]
            assert raster.bounds.right >= REGION_BOUNDS[2]
            assert raster.bounds.top >= REGION_BOUNDS[3]
            assert raster.nodata == asset["raster:bands"][0]["nodata"]
            assert raster.dtypes[0] == asset["raster:bands"][0]["data_type"]
    clear = read(path.parent / "qa_pixel.tif") == 21824
    celsius = read(path.parent / "lwir11.tif")[clear] * 0.00341802 + 149.0 - 273.15
    assert 5 < np.median(celsius) < 30
    nir = read(path.parent / "nir08.tif")[clear] * 2.75e-05 - 0.2
    assert 0.15 < np.median(nir) < 0.45


def test_the_elevation_model_is_the_true_elevation_on_whole_arc_seconds(small_archive):
    archive, _, _ = small_archive
    ((path, document),) = documents(archive, "cop-dem-glo-30").items()
    with rasterio.open(path.parent / "data.tif") as raster:
        heights = raster.read(1)
        assert raster.dtypes == ("float32",)
        assert list(raster.transform)[:6] == pytest.approx(document["properties"]["proj:transform"])
        half = 0.5 / 3600
        steps = [(raster.bounds.left + half) * 3600, (raster.bounds.top - half) * 3600]
        assert steps == pytest.approx(np.round(steps), abs=1e-5)
        assert raster.bounds.left < 25.35
        assert raster.bounds.bottom < 45.30
        assert raster.bounds.right > 25.60
        assert raster.bounds.top > 45.52
        with rasterio.open(archive / "truth" / "elevation.tif") as truth:
            known = truth.read(1)
            x, y = truth.xy(1200, 1000)
            (lon,), (lat,) = rasterio.warp.transform(truth.crs, raster.crs, [x], [y])
        assert heights[raster.index(lon, lat)] == pytest.approx(known[1200, 1000], abs=12)
    assert 630 < heights.min() < 800
    assert 2450 < heights.max() <= 2505


def test_the_truth_is_on_the_region_s_grid(small_archive):
    archive, _, _ = small_archive
    rasters = sorted((archive / "truth").rglob("*.tif"))
    # land cover, elevation, a day's clouds and reflectance, two years of fires
    assert len(rasters) == 6
    for path in rasters:
        with rasterio.open(path) as raster:
            assert tuple(raster.bounds) == REGION_BOUNDS
            assert raster.shape == (2482, 2004)
    legend = json.loads((archive / "truth" / "landcover.json").read_text())
    cover = read(archive / "truth" / "landcover.tif")
    assert {str(code) for code in np.unique(cover)} == set(legend)
    shares = {legend[str(code)]["name"]: np.mean(cover == code) for code in np.unique(cover)}
    assert shares["beech"] > 0.2
    assert shares["spruce"] > 0.15
    elevation = read(archive / "truth" / "elevation.tif")
    means = {entry["name"]: elevation[cover == int(code)].mean() for code, entry in legend.items()}
    assert means["cereal"] < means["beech"] < means["spruce"] < means["alpine_grassland"]


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("collection", "real_name"),
    [
        ("sentinel-2-l2a", "mpc_sentinel-2-l2a__N05.10__S2B_T47XML_20240419.json"),
        ("landsat-c2-l2", "mpc_landsat-c2-l2__L2SP__LC09_089090_20240417.json"),
        ("cop-dem-glo-30", "mpc_cop-dem-glo-30__S90_W180.json"),
    ],
)
def test_items_have_the_planetary_computers_shape(small_archive, real_data, collection, real_name):
    real = json.loads((real_data / "stac-items" / real_name).read_text())
    archive, _, _ = small_archive
    for ours in documents(archive, collection).values():
        assert set(ours) == set(real)
        assert set(ours["properties"]) == set(real["properties"])
        for name, value in real["properties"].items():
            numbers = (int, float)
            kind = numbers if isinstance(value, numbers) else type(value)
            assert isinstance(ours["properties"][name], kind), name
        assert set(ours["stac_extensions"]) == set(real["stac_extensions"])
        for key, asset in ours["assets"].items():
            assert set(asset) == set(real["assets"][key]), key
            for field in ("eo:bands", "raster:bands"):
                if field in asset:
                    expected = real["assets"][key][field]
                    assert [set(band) for band in asset[field]] == [set(band) for band in expected]
            assert asset["roles"] == real["assets"][key]["roles"]
            assert asset["type"] == real["assets"][key]["type"]
        if collection == "sentinel-2-l2a":
            for key, asset in ours["assets"].items():
                assert asset["title"] == real["assets"][key]["title"]
                assert asset.get("eo:bands") == real["assets"][key].get("eo:bands")


@pytest.mark.integration
def test_the_same_bytes_with_any_number_of_workers(tmp_path):
    contents = []
    for workers in (1, 2):
        archive = tmp_path / f"w{workers}"
        generate(archive, dates=("2021-07-15",), workers=workers)
        contents.append(
            {
                str(path.relative_to(archive)): path.read_bytes()
                for path in archive.rglob("*")
                if path.is_file() and path.name != "sample.json"
            }
        )
    assert contents[0].keys() == contents[1].keys()
    assert [name for name in contents[0] if contents[0][name] != contents[1][name]] == []
