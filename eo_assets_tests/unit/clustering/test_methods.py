from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

import eo_assets.clustering.methods as methods_package
from eo_assets.clustering.methods import get_method, method_names
from eo_assets.errors import ConfigurationError, UnknownNameError


def test_every_file_of_the_room_is_a_method_of_its_name():
    files = {path.stem for path in Path(methods_package.__file__).parent.glob("*.py")}
    assert set(method_names()) == files - {"__init__"}
    assert [get_method(name).name for name in method_names()] == method_names()


def test_an_unknown_method_lists_the_known_ones():
    with pytest.raises(UnknownNameError, match=r"dbscan.*minibatch_kmeans"):
        get_method("dbscan")


@pytest.mark.parametrize("name", method_names())
def test_a_method_finds_separate_groups_and_repeats_itself(name):
    rng = np.random.default_rng(0)
    centres = np.array([[0, 0, 9], [9, 0, 0], [0, 9, 0]], float)
    truth = rng.integers(0, 3, 900)
    pixels = centres[truth] + rng.normal(0, 0.5, size=(900, 3))
    method = get_method(name)
    fit = method.fit(pixels, 3, seed=5)
    again = method.fit(pixels, 3, seed=5)
    labels = method.scores(fit, pixels.T).argmax(axis=0)
    assert np.array_equal(fit.centroids, again.centroids)
    assert len({(a, b) for a, b in zip(truth, labels, strict=True)}) == 3
    # those of spectral angle have length 1
    found = fit.centroids / np.linalg.norm(fit.centroids, axis=1, keepdims=True)
    found = found[np.argsort(found @ [1, 2, 0])]
    assert np.allclose(found, centres / 9, atol=0.03)


def test_a_mixture_chooses_the_class_scikit_learn_chooses():
    from sklearn.mixture import GaussianMixture

    rng = np.random.default_rng(3)
    pixels = rng.normal(size=(4000, 5)) @ rng.normal(size=(5, 5)) + 3 * rng.integers(
        0, 2, (4000, 1)
    )
    method = get_method("gaussian_mixture", {"fit_pixels": 3000})
    fit = method.fit(pixels, 4, seed=1)
    judge = GaussianMixture(4, random_state=1, reg_covar=1e-3).fit(pixels[:3000])
    assert np.allclose(fit.centroids, judge.means_)
    assert np.array_equal(method.scores(fit, pixels.T).argmax(axis=0), judge.predict(pixels))
    likelihood = method.scores(fit, pixels.T) - 2.5 * np.log(2 * np.pi)
    assert np.log(np.exp(likelihood).sum(axis=0)) == pytest.approx(judge.score_samples(pixels))


def test_spectral_angle_does_not_see_shade():
    rng = np.random.default_rng(5)
    spectra = np.array([[1, 2, 8, 3], [2, 3, 4, 5], [3, 2, 1, 0.5]])
    truth = rng.integers(0, 3, 3000)
    light = rng.uniform(0.2, 1.8, (3000, 1))
    pixels = spectra[truth] * light + rng.normal(0, 0.01, (3000, 4))
    agreement = {}
    for name in ("spectral_angle_kmeans", "minibatch_kmeans"):
        method = get_method(name)
        labels = method.scores(method.fit(pixels, 3, seed=0), pixels.T).argmax(axis=0)
        agreement[name] = adjusted_rand_score(truth, labels)
    assert agreement["spectral_angle_kmeans"] > 0.99
    assert agreement["minibatch_kmeans"] < 0.8


@pytest.mark.parametrize(
    ("parameters", "error", "words"),
    [
        ({"n_inits": 3}, UnknownNameError, "n_inits.*batch_size"),
        ({"runs": 0}, ConfigurationError, "runs"),
        ({"init": "middle"}, ConfigurationError, "init"),
    ],
)
def test_parameters_that_cannot_work_are_refused(parameters, error, words):
    with pytest.raises(error, match=words):
        get_method("minibatch_kmeans", parameters)


def test_parameters_are_used():
    assert get_method("minibatch_kmeans", {"runs": 1}).parameters["runs"] == 1


def test_scores_choose_the_centre_scikit_learn_chooses():
    from sklearn.cluster import MiniBatchKMeans

    pixels = np.random.default_rng(2).normal(size=(5000, 6))
    method = get_method("minibatch_kmeans")
    fit = method.fit(pixels, 7, seed=1)
    settings = {k: v for k, v in method.parameters.items() if k != "runs"}
    judges = [
        MiniBatchKMeans(7, random_state=int(seed), **settings).fit(pixels)
        for seed in np.random.SeedSequence(1).generate_state(method.parameters["runs"])
    ]
    best = min(judges, key=lambda judge: judge.inertia_)
    assert fit.inertia == best.inertia_ < max(judge.inertia_ for judge in judges)
    assert np.array_equal(fit.centroids, best.cluster_centers_)
    assert np.array_equal(method.scores(fit, pixels.T).argmax(axis=0), best.predict(pixels))
