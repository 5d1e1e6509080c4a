"""Features made comparable and rotated, judged by scikit-learn."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.preprocessing import Normalizer, RobustScaler, StandardScaler

from eo_assets.clustering.space import FeatureSpace

NAMES = ("red", "nir", "swir16", "swir22")
SCALERS = {
    # the interquartile range of a normal distribution is 1.349 standard deviations
    "robust": RobustScaler(unit_variance=True),
    "standard": StandardScaler(),
    "unit": Normalizer(),
}


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(11)
    mixed = rng.normal(size=(4, 4)) @ rng.normal(size=(4, 3000)) * [[0.1], [0.3], [0.2], [0.05]]
    return 0.4 + 0.1 * mixed


@pytest.mark.parametrize("scaling", SCALERS)
def test_standardising_is_that_of_scikit_learn(values, scaling):
    space = FeatureSpace.of(values, NAMES, scaling=scaling)
    expected = SCALERS[scaling].fit_transform(values.T)
    assert np.allclose(space.apply(values).T, expected, atol=1e-9)


@pytest.mark.parametrize("share", [0.6, 0.9, 0.99, 1.0])
def test_components_are_those_of_scikit_learn_up_to_their_sign(values, share):
    space = FeatureSpace.of(values, NAMES, scaling="standard", pca_share=share)
    scaled = StandardScaler().fit_transform(values.T)
    judge = PCA(n_components=None if share == 1 else share, svd_solver="full").fit(scaled)
    assert space.n_dimensions == judge.n_components_
    assert np.allclose(space.explained, judge.explained_variance_ratio_)
    found, expected = space.apply(values).T, judge.transform(scaled)
    assert np.allclose(np.abs(found), np.abs(expected), atol=1e-9)


def test_the_sign_of_a_component_does_not_depend_on_the_order_of_pixels(values):
    spaces = [
        FeatureSpace.of(pixels, NAMES, scaling="standard", pca_share=1.0)
        for pixels in (values, values[:, ::-1])
    ]
    assert np.allclose(spaces[0].rotation, spaces[1].rotation)
    assert (spaces[0].rotation[np.arange(4), np.abs(spaces[0].rotation).argmax(axis=1)] > 0).all()


def test_a_feature_that_never_varies_keeps_its_size():
    flat = np.vstack([np.full(50, 0.3), np.linspace(0, 1, 50)])
    space = FeatureSpace.of(flat, ("red", "nir"), scaling="robust")
    assert space.spread[0] == 1
    assert (space.apply(flat)[0] == 0).all()
