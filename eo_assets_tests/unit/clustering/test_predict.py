import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.preprocessing import RobustScaler

from eo_assets.clustering.bands import StoredBand
from eo_assets.clustering.fitting import Recipe, fit_classes
from eo_assets.clustering.methods import get_method, method_names
from eo_assets.clustering.model import Additions, ClassIdentity, ClusterModel
from eo_assets.clustering.predict import class_rows, predict
from eo_assets.clustering.space import feature_values
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


def fitted(reflectance, method="minibatch_kmeans", **more):
    recipe = Recipe(method=method, n_clusters=6, **{"features": NAMES, **more})
    pixels = np.rint((reflectance.T + 0.1) * 10_000).astype(np.uint16)
    values, _ = feature_values(recipe.features, pixels, BANDS)
    by_band = dict(zip(NAMES, reflectance.T, strict=True))
    return fit_classes(values, by_band, recipe, k_scan=pd.DataFrame())


@pytest.fixture(scope="module")
def model(reflectance):
    return fitted(reflectance)


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


@pytest.mark.parametrize("method", method_names())
def test_ids_rise_with_ndvi(packed, reflectance, method):
    model = fitted(reflectance, method, features=("blue", "ndvi"))
    labels = predict(model, packed, BANDS)[(packed > 0).all(axis=0)]
    means = np.array([reflectance[labels == i].mean(axis=0) for i in model.class_ids])
    assert (np.diff((means[:, 2] - means[:, 1]) / (means[:, 2] + means[:, 1])) > 0).all()


@pytest.mark.parametrize("method", method_names())
@pytest.mark.parametrize("pca_share", [0.0, 0.9])
def test_every_model_survives_json_to_the_last_digit(packed, reflectance, method, pca_share):
    model = fitted(reflectance, method, pca_share=pca_share)
    labels = predict(model, packed, BANDS)
    restored = ClusterModel.from_json(model.to_json())
    assert restored.to_json() == model.to_json()
    assert np.array_equal(restored.fit.centroids, model.fit.centroids)
    assert np.array_equal(predict(restored, packed, BANDS), labels)
    rows = [predict(model, packed[:, row : row + 13], BANDS) for row in range(0, 211, 13)]
    assert np.array_equal(np.concatenate(rows), labels)
    assert len(np.unique(labels)) == 7


def test_added_classes_take_only_pixels_beyond_the_gates(packed, model):
    far = model.space.apply(np.full((3, 1), 3.9)).T
    identity = ClassIdentity(class_id=9, name="new", colour="#C040A0", since="2023-10-13")
    extended = model.with_additions(Additions(centroids=far, identities=(identity,)))
    strange = np.full((3, 4, 4), 40_000, np.uint16)
    assert (predict(extended, strange, BANDS) == 9).all()
    assert (predict(model, strange, BANDS) < 7).all()
    assert np.array_equal(predict(extended, packed, BANDS), predict(model, packed, BANDS))


def test_a_model_of_another_schema_is_stale(model):
    text = model.to_json().replace('"schema": 2', '"schema": 0')
    with pytest.raises(StaleArtifactError, match="clusters"):
        ClusterModel.from_json(text)


@pytest.mark.parametrize("pca_share", [0.0, 0.95])
def test_one_matrix_from_packed_values_labels_as_step_by_step(packed, reflectance, pca_share):
    model = fitted(reflectance, "minibatch_kmeans", pca_share=pca_share)
    method = get_method(model.method, model.parameters)
    flat = packed.reshape(len(packed), -1)
    values, valid = feature_values(model.space.names, flat, BANDS)
    ids = np.array(model.class_ids)
    expected = np.where(valid, ids[class_rows(model, method, model.space.apply(values))], 0)
    assert np.array_equal(predict(model, packed, BANDS).reshape(-1), expected)
