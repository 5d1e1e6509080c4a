import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.preprocessing import RobustScaler

from eo_assets.clustering.bands import StoredBand
from eo_assets.clustering.fitting import fit_classes
from eo_assets.clustering.model import ClusterModel
from eo_assets.clustering.predict import predict
from eo_assets.errors import StaleArtifactError

NAMES = ("blue", "red", "nir")
BANDS = tuple(StoredBand(name, name, 0.5, "1", 0.0001, -0.1, 0) for name in NAMES)


@pytest.fixture(scope="module")
def packed():
    rng = np.random.default_rng(11)
    planes = rng.integers(1, 9000, (3, 211, 97)).astype(np.uint16)
    planes[:, :5, :7] = 0
    planes[1, 20, 20] = 0
    return planes


@pytest.fixture(scope="module")
def reflectance(packed):
    return (packed.reshape(3, -1).T * 0.0001 - 0.1)[(packed.reshape(3, -1) > 0).all(axis=0)]


@pytest.fixture(scope="module")
def model(reflectance):
    fitted = fit_classes(
        reflectance,
        NAMES,
        method="minibatch_kmeans",
        n_clusters=6,
        k_scan=pd.DataFrame(),
        seed=0,
    )
    return fitted.model


def test_labels_equal_those_of_scikit_learn(packed, reflectance, model):
    standardised = RobustScaler(unit_variance=True).fit(reflectance).transform(reflectance)
    judge = KMeans(6, init=model.fit.centroids, n_init=1, max_iter=1).fit(standardised)
    judge.cluster_centers_ = model.fit.centroids
    expected = judge.predict(standardised) + 1
    labels = predict(model, packed, BANDS)
    assert np.array_equal(labels[(packed > 0).all(axis=0)], expected)


def test_pixels_without_an_observation_in_any_feature_have_no_class(packed, model):
    labels = predict(model, packed, BANDS)
    assert labels.dtype == np.uint8
    assert np.array_equal(labels == 0, (packed == 0).any(axis=0))


def test_labels_do_not_depend_on_the_block(packed, model):
    whole = predict(model, packed, BANDS)
    parts = [predict(model, packed[:, row : row + 13], BANDS) for row in range(0, 211, 13)]
    assert np.array_equal(whole, np.concatenate(parts))


def test_ids_rise_with_ndvi(model):
    red, nir = model.centroids[:, 1], model.centroids[:, 2]
    assert (np.diff((nir - red) / (nir + red)) > 0).all()


def test_a_model_survives_json_to_the_last_digit(packed, model):
    restored = ClusterModel.from_json(model.to_json())
    assert restored.to_json() == model.to_json()
    assert np.array_equal(restored.fit.centroids, model.fit.centroids)
    assert np.array_equal(predict(restored, packed, BANDS), predict(model, packed, BANDS))


def test_a_model_of_another_schema_is_stale(model):
    text = model.to_json().replace('"schema": 1', '"schema": 0')
    with pytest.raises(StaleArtifactError, match="clusters"):
        ClusterModel.from_json(text)
