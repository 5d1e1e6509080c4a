from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from odc.geo.geobox import GeoBox
from sklearn.metrics import adjusted_rand_score

from eo_assets.errors import (
    ConfigurationError,
    GridMismatchError,
    MissingArtifactError,
    UnknownNameError,
)
from eo_assets.pipeline.classification import ClusterOptions, make_clusters
from eo_assets.pipeline.tasks import InProcess
from eo_assets_tests.synthetic_scene import LANDSAT, write_scene

QUICK = ClusterOptions(k_range=(2, 3), sample_size=2500)


class Processes:
    """Worker processes, as a Dask cluster has them: tasks and results are pickled."""

    def __init__(self, pool):
        self.pool = pool

    def map(self, function, tasks, *, label):
        return list(self.pool.map(function, tasks))


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp("scene") / "mosaic.zarr", shape=(130, 170), chunk=64)


@pytest.fixture(scope="module")
def clusters(scene):
    return make_clusters(scene.path, scene.geobox, QUICK, runner=InProcess())


def test_the_sample_is_nearly_as_large_as_asked_for(clusters):
    assert 2200 < clusters.model.n_sample <= 2500


def same(one, other):
    assert np.array_equal(one.labels, other.labels)
    assert one.model.to_json() == other.model.to_json()
    for table in ("classes", "signatures", "k_scan", "sample"):
        pd.testing.assert_frame_equal(getattr(one, table), getattr(other, table), check_exact=True)


def test_classes_agree_with_the_true_land_cover(scene, clusters):
    valid = scene.truth > 0
    assert adjusted_rand_score(scene.truth[valid], clusters.labels[valid]) > 0.6


def test_with_the_true_number_of_classes_most_pixels_are_right(scene):
    options = replace(QUICK, n_clusters=6)
    found = make_clusters(scene.path, scene.geobox, options, runner=InProcess())
    valid = scene.truth > 0
    assert adjusted_rand_score(scene.truth[valid], found.labels[valid]) > 0.7


def test_pixels_without_an_observation_are_class_0_and_all_others_have_one(scene, clusters):
    assert np.array_equal(clusters.labels == 0, scene.truth == 0)
    assert clusters.n_valid == np.count_nonzero(scene.truth)
    assert set(np.unique(clusters.labels)) == set(range(9))


def test_signatures_are_the_statistics_of_the_labelled_pixels(scene, clusters):
    mosaic = xr.open_zarr(scene.path, chunks=None, consolidated=False)
    signatures = clusters.signatures.set_index(["class_id", "band"])
    for class_id in (1, 5, 8):
        pixels = mosaic["nir"].to_numpy()[clusters.labels == class_id]
        row = signatures.loc[(class_id, "nir")]
        assert row["mean"] == pytest.approx(pixels.mean(), rel=1e-9)
        assert row["sd"] == pytest.approx(pixels.std(), rel=1e-6)
        assert row["count"] == pixels.size
        assert row["area_ha"] == pytest.approx(pixels.size * 0.04)


@pytest.mark.parametrize("block_px", [48, 129, 1024])
def test_nothing_depends_on_the_size_of_blocks(scene, clusters, block_px):
    options = replace(QUICK, block_px=block_px)
    same(clusters, make_clusters(scene.path, scene.geobox, options, runner=InProcess()))


def test_nothing_depends_on_the_chunks_of_the_mosaic(tmp_path, scene, clusters):
    other = write_scene(tmp_path / "mosaic.zarr", shape=(130, 170), chunk=77)
    same(clusters, make_clusters(other.path, scene.geobox, QUICK, runner=InProcess()))


@pytest.mark.integration
def test_nothing_depends_on_the_workers(scene, clusters):
    options = replace(QUICK, block_px=90)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        found = make_clusters(scene.path, scene.geobox, options, runner=Processes(pool))
    same(clusters, found)


def test_nothing_depends_on_the_blocks_when_all_pixels_are_sampled(scene):
    small, large = (
        make_clusters(
            scene.path,
            scene.geobox,
            replace(QUICK, sample_size=50_000, block_px=block_px),
            runner=InProcess(),
        )
        for block_px in (90, 512)
    )
    assert small.model.n_sample == np.count_nonzero(scene.truth)
    same(small, large)


def test_the_suggested_number_is_taken_when_none_is_given(scene):
    options = replace(QUICK, n_clusters=None, k_range=(2, 9))
    found = make_clusters(scene.path, scene.geobox, options, runner=InProcess())
    assert found.model.n_clusters == found.suggestion.n_clusters
    assert str(found.suggestion.n_clusters) in found.suggestion.reason


def test_heat_is_no_feature_but_has_a_signature(tmp_path):
    scene = write_scene(tmp_path / "landsat.zarr", shape=(90, 110), bands=LANDSAT)
    found = make_clusters(scene.path, scene.geobox, QUICK, runner=InProcess())
    assert "lwir11" not in found.model.features
    assert "nir08" in found.model.features
    heat = found.signatures[found.signatures["band"] == "lwir11"]
    assert heat["units"].unique() == ["K"]
    assert heat["mean"].between(280, 310).all()
    assert found.classes["ndvi"].max() > 0.8


def test_features_can_be_chosen(scene):
    options = replace(QUICK, features=("red", "nir"), n_clusters=3)
    found = make_clusters(scene.path, scene.geobox, options, runner=InProcess())
    assert found.model.features == ("red", "nir")
    assert len(found.signatures) == 3 * 10


@pytest.mark.parametrize(("n_pixels", "enough"), [(0, False), (7, False), (8, True)])
def test_fewer_pixels_than_classes_give_none(tmp_path, n_pixels, enough):
    path = tmp_path / "mosaic.zarr"
    scene = write_scene(path, shape=(20, 20), valid_share=1)
    mosaic = xr.open_zarr(path, chunks=None, mask_and_scale=False, consolidated=False).load()
    keep = np.arange(400).reshape(20, 20) < n_pixels
    for name, variable in mosaic.data_vars.items():
        if variable.dims == ("y", "x"):
            mosaic[name] = variable.where(keep, 0).astype(variable.dtype)
            mosaic[name].encoding.clear()
    mosaic.to_zarr(path, mode="w", consolidated=False)
    found = make_clusters(scene.path, scene.geobox, QUICK, runner=InProcess())
    assert (found is not None) == enough
    if enough:
        assert found.n_valid == n_pixels
        assert found.labels.shape == (20, 20)
        assert (found.labels > 0).sum() == n_pixels


def test_many_classes_come_with_a_warning(scene):
    options = replace(QUICK, n_clusters=11)
    found = make_clusters(scene.path, scene.geobox, options, runner=InProcess())
    assert "colours" in found.warnings[0]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"n_clusters": 1}, ConfigurationError, "from 2 to 64"),
        ({"n_clusters": 65}, ConfigurationError, "from 2 to 64"),
        ({"k_range": (5, 3)}, ConfigurationError, "rising"),
        ({"features": ("red", "pan")}, ConfigurationError, "no band pan, nor is that an index"),
        ({"sample_size": 400_001}, ConfigurationError, "64 to 400,000"),
        ({"method": "dbscan"}, UnknownNameError, "minibatch_kmeans"),
    ],
)
def test_options_that_cannot_work_are_refused(scene, change, error, words):
    with pytest.raises(error, match=words):
        make_clusters(scene.path, scene.geobox, replace(QUICK, **change), runner=InProcess())


def test_a_missing_mosaic_says_what_to_do(scene, tmp_path):
    with pytest.raises(MissingArtifactError, match="Materialise mosaic"):
        make_clusters(str(tmp_path / "none.zarr"), scene.geobox, QUICK, runner=InProcess())


def test_a_grid_that_is_not_the_mosaics_is_refused(scene):
    with pytest.raises(GridMismatchError, match="130"):
        make_clusters(
            scene.path,
            GeoBox((10, 10), scene.geobox.affine, scene.geobox.crs),
            QUICK,
            runner=InProcess(),
        )
