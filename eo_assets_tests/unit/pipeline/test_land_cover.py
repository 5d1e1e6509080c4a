"""Land cover of a small mosaic whose truth is known: accuracy on ground it has not seen."""

import io
import json
from dataclasses import replace

import geopandas
import numpy as np
import pytest
import rasterio
from PIL import Image
from scipy import ndimage
from shapely.geometry import box
from starlette.testclient import TestClient

from eo_assets.clustering.threads import one_thread
from eo_assets.errors import ConfigurationError, UnknownNameError
from eo_assets.pipeline import land_cover
from eo_assets.pipeline.supervised_classification import classify_mosaic
from eo_assets.pipeline.tasks import InProcess
from eo_assets.pipeline.training_polygons import read_polygons
from eo_assets.settings import load_settings
from eo_assets.supervised.methods import get_method, method_names
from eo_assets.supervised.model import LandCoverModel
from eo_assets.supervised.validation import Training, blocks_at, folds_of, judge_fold
from eo_assets.tiles.app import create_app
from eo_assets_tests.product_files import unchecked
from eo_assets_tests.published_mosaic import PARTITION, store_with_mosaic
from eo_assets_tests.synthetic_scene import SPECTRA

OPTIONS = land_cover.LandCoverOptions(
    folds=2,
    cv_block_km=1.0,
    pixels_per_polygon=12,
    features=("green", "red", "nir", "swir16", "ndvi"),
)
NAMES = tuple(SPECTRA)
LAYER = "/land_cover"


@pytest.fixture(scope="module", autouse=True)
def one_thread_only():
    """Threads that wait for one another take many times longer on a busy machine."""
    with one_thread():
        yield


def polygons_on(truth, geobox, *, per_class=14, seed=3):
    """Squares of four pixels a side, in patches of one class."""
    rng, rows = np.random.default_rng(seed), []
    for code, name in enumerate(NAMES, start=1):
        inner = np.argwhere(ndimage.binary_erosion(truth == code, iterations=2))
        for row, col in rng.permutation(inner)[:per_class]:
            x, y = geobox.affine @ (float(col - 2), float(row + 2))
            rows.append((name, box(x, y, x + 80, y + 80)))
    names, squares = zip(*rows, strict=True)
    return geopandas.GeoDataFrame({"class": names}, geometry=list(squares), crs="EPSG:32635")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return store_with_mosaic(tmp_path_factory.mktemp("land_cover"), shape=(150, 190))


@pytest.fixture(scope="module")
def polygons(store):
    return polygons_on(store.truth, store.grid.geobox)


def make(store, polygons, **changes):
    record = land_cover.materialise(
        PARTITION,
        store=store,
        runner=InProcess(),
        options=replace(OPTIONS, **changes),
        polygons=polygons,
    )
    folder = store.folder(PARTITION, "land_cover")
    return record, {role: folder / name for role, name in record.files.items()}


@pytest.fixture(scope="module")
def made(store, polygons):
    return make(store, polygons)


def truth_by_code(store):
    """The truth in the map's codes, which follow the names' alphabet."""
    order = sorted(NAMES)
    codes = np.array([0] + [order.index(name) + 1 for name in NAMES], np.uint8)
    return codes[store.truth]


@pytest.mark.parametrize("method", method_names())
def test_held_out_accuracy_is_that_of_the_map(store, polygons, method, tmp_path):
    mosaic = str(store.folder(PARTITION, "mosaic") / "mosaic.zarr")
    found = classify_mosaic(
        mosaic, store.grid, polygons_with_colours(polygons), replace(OPTIONS, method=method),
        folder=tmp_path, runner=InProcess(),
    )  # fmt: skip
    codes = np.concatenate(
        [np.load(tmp_path / f"block_{block.index}.npy")[0] for block in found.blocks]
    )
    observed = codes > 0
    true = float((codes == truth_by_code(store))[observed].mean())
    se = found.accuracy.overall_se
    print(
        f"{method}: held-out polygons {found.accuracy.overall:.3f} ± {1.96 * se:.3f}, "
        f"held-out pixels {found.pixel_accuracy:.3f}, the whole map against its truth {true:.3f}"
    )
    assert true > 0.85
    # polygons lie inside patches, away from borders, which flatters; folds learn from fewer of them
    # than the map did, which does not; beyond that it is the chance of which polygons there are
    assert abs(found.accuracy.overall - true) < 3 * se + 0.03


def polygons_with_colours(polygons):
    return polygons.assign(colour="#336699")


def test_nothing_depends_on_the_blocks(store, polygons, made):
    first = {role: path.read_bytes() for role, path in made[1].items()}
    record, files = make(store, polygons, block_px=64)
    again = {role: path.read_bytes() for role, path in files.items()}
    assert {role for role in first if first[role] != again[role]} == set()
    assert record.digest == made[0].digest


def test_the_stored_model_gives_the_stored_map(store, made):
    from eo_assets.supervised.features import features_of
    from eo_assets.supervised.predict import predict

    with rasterio.open(made[1]["land_cover"]) as file:
        codes, colours = file.read(1), file.colormap(1)
    model = LandCoverModel.load(store.folder(PARTITION, "land_cover"))
    assert {one.code for one in model.classes} <= set(colours)
    import xarray as xr

    with xr.open_zarr(
        store.folder(PARTITION, "mosaic") / "mosaic.zarr", consolidated=False, chunks=None
    ) as mosaic:
        rows = {
            str(name): band.to_numpy()[40][codes[40] > 0].astype(np.float32)
            for name, band in mosaic.data_vars.items()
            if "center_wavelength_um" in band.attrs
        }
    found, probabilities = predict(model, features_of(rows, model.features))
    assert np.mean(found == codes[40][codes[40] > 0]) > 0.999
    with rasterio.open(made[1]["probability"]) as file:
        assert file.descriptions[:3] == ("probability", "margin", "entropy")
        assert file.nodata == 255
        stored = file.read(1)[40][codes[40] > 0] * file.scales[0]
    # xarray unpacks with another rounding: now and then a pixel falls to the other side of a split
    assert np.mean(np.abs(stored - probabilities.max(axis=1)) < 0.006) > 0.97


def test_the_map_is_a_layer_with_its_own_colours(store, made, tmp_path):
    """Every pixel of a picture has the colour the legend gives the class of the file there."""
    settings = load_settings(
        catalog=str(tmp_path), outputs=store.root, tiles_dir=tmp_path / "layers", tiles_token=""
    )
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        [entry] = [one for one in client.get("/catalog").json()["products"] if LAYER in one["id"]]
        legend = client.get(f"/products/{entry['id']}/classes").json()["classes"]
        answer = client.get(f"/products/{entry['id']}/preview.png?max_size=1024")
    assert answer.status_code == 200, answer.text
    picture = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGBA"))
    with rasterio.open(made[1]["land_cover"]) as file:
        codes = file.read(1)
    assert picture.shape[:2] == codes.shape
    assert {one["title"] for one in legend} == set(NAMES)
    for one in legend:
        own = picture[codes == one["value"]]
        assert set(map(tuple, own)) <= {(*bytes.fromhex(one["colour"][1:]), 255)}
    assert not picture[codes == 0][:, 3].any()


def test_the_product_says_what_is_known_of_it(made):
    record, files = made
    numbers = json.loads(files["accuracy"].read_text(encoding="utf-8"))
    assert sum(map(sum, numbers["confusion_polygons_map_by_truth"])) == record.summary["polygons"]
    assert [one["name"] for one in numbers["classes"]] == sorted(NAMES)
    page = files["report"].read_text(encoding="utf-8")
    assert page.count("<img ") == 4
    assert "no probability sample" in page
    assert geopandas.read_parquet(files["training"])["class"].nunique() == len(NAMES)
    assert unchecked(files["stac_item"].parent) == set()


def clustered(rng, n_blocks=30, per_block=20):
    """Pixels whose features tell where they are: each place has a look of its own."""
    place = np.repeat(np.arange(n_blocks), per_block)
    codes = (place % 3 + 1).astype(np.uint8)
    look = rng.normal(0, 3, (n_blocks, 3))
    features = look[place] + 0.3 * codes[:, None] + rng.normal(0, 0.2, (len(place), 3))
    return Training(features.astype(np.float32), codes, place, place)


@pytest.mark.parametrize("method", method_names())
def test_pixels_held_out_one_by_one_flatter(method):
    training = clustered(np.random.default_rng(5))
    accuracies = {}
    for by_block in (True, False):
        folds = folds_of(training, 3, by_block=by_block)
        results = [
            (judge_fold(get_method(method), training, folds == fold, seed=0), folds == fold)
            for fold in range(3)
        ]
        right = [np.mean(r.predicted == training.codes[out]) for r, out in results]
        accuracies[by_block] = float(np.mean(right))
    print(f"{method}: by block {accuracies[True]:.3f}, one by one {accuracies[False]:.3f}")
    assert accuracies[True] < 0.6
    assert accuracies[False] > accuracies[True] + 0.2


def test_no_block_and_no_polygon_is_in_two_folds():
    training = clustered(np.random.default_rng(2))
    folds = folds_of(training, 5)
    assert set(folds) == set(range(5))
    assert all(len(set(folds[training.blocks == block])) == 1 for block in range(30))


def test_blocks_are_fixed_on_the_ground():
    x, y = np.array([0.0, 1999, 2000, -1, 0]), np.array([0.0, 10, 10, 10, 2000])
    assert len(set(blocks_at(x, y, 2000).tolist())) == 4
    assert blocks_at(x, y, 2000)[0] == blocks_at(x, y, 2000)[1]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"method": "svm"}, UnknownNameError, "random_forest"),
        ({"folds": 1}, ConfigurationError, "At least 2 folds"),
        ({"features": ("red", "pan")}, ConfigurationError, "no feature pan"),
        ({"cv_block_km": 100.0}, ConfigurationError, "one block"),
    ],
)
def test_options_that_cannot_work_are_refused(store, polygons, change, error, words):
    with pytest.raises(error, match=words):
        make(store, polygons, **change)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda p: p.drop(columns="class"), "column 'class'"),
        (lambda p: p.set_geometry(p.centroid), "not polygons"),
        (lambda p: p[p["class"] == "water"], "1 classes"),
        (lambda p: p.set_geometry(p.translate(1e6)), "0 classes"),
    ],
)
def test_polygons_that_cannot_be_used_are_refused(store, polygons, spoil, words):
    with pytest.raises(ConfigurationError, match=words):
        make(store, spoil(polygons))


def test_polygons_are_read_from_the_regions_own_file(tmp_path, polygons):
    polygons.to_crs(4326).to_file(tmp_path / "bucegi.geojson", driver="GeoJSON")
    assert len(read_polygons(tmp_path, "bucegi")) == len(polygons)
    with pytest.raises(ConfigurationError, match=r"elsewhere\.geojson"):
        read_polygons(tmp_path, "elsewhere")
