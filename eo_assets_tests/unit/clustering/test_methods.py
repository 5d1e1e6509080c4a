from pathlib import Path

import numpy as np
import pytest

import eo_assets.clustering.methods as methods_package
from eo_assets.clustering.methods import get_method, method_names
from eo_assets.errors import UnknownNameError


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
    centres = np.array([[0, 0, 0], [9, 0, 0], [0, 9, 9]], float)
    truth = rng.integers(0, 3, 900)
    pixels = centres[truth] + rng.normal(size=(900, 3))
    method = get_method(name)
    fit = method.fit(pixels, 3, seed=5)
    again = method.fit(pixels, 3, seed=5)
    labels = method.scores(fit, pixels.T).argmax(axis=0)
    assert np.array_equal(fit.centroids, again.centroids)
    assert len({(a, b) for a, b in zip(truth, labels, strict=True)}) == 3
    found = fit.centroids[np.argsort(fit.centroids @ [1, 2, 0])]
    assert np.allclose(found, centres, atol=0.3)


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
