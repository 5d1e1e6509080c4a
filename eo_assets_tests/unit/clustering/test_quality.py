import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import silhouette_samples

from eo_assets.clustering.methods import get_method
from eo_assets.clustering.quality import Silhouettes, scan_k, suggest_k


@pytest.fixture
def groups():
    rng = np.random.default_rng(4)
    centres = rng.normal(size=(5, 4)) * 12
    return centres[rng.integers(0, 5, 1500)] + rng.normal(size=(1500, 4))


def test_silhouettes_equal_those_of_scikit_learn():
    rng = np.random.default_rng(1)
    pixels, labels = rng.normal(size=(400, 5)), rng.integers(0, 6, 400)
    labels[labels == 3] = 2
    labels[0] = 6
    assert Silhouettes(pixels).of(labels) == pytest.approx(
        silhouette_samples(pixels, labels), abs=1e-5
    )


def test_silhouettes_of_a_single_class_are_unknown():
    assert np.isnan(Silhouettes(np.eye(4)).of(np.zeros(4, np.intp))).all()


def test_the_scan_finds_the_number_of_groups_there_are(groups):
    scan = scan_k(
        get_method("minibatch_kmeans"), groups, Silhouettes(groups), ks=range(2, 10), seed=0
    )
    assert scan["k"].tolist() == list(range(2, 10))
    assert scan.loc[scan["silhouette"].idxmax(), "k"] == 5
    assert scan.loc[scan["davies_bouldin"].idxmin(), "k"] == 5
    suggestion = suggest_k(scan)
    assert suggestion.n_clusters == 5
    assert "elbow" in suggestion.reason


def test_the_scan_stops_where_pixels_run_out():
    pixels = np.repeat(np.arange(4.0)[:, None], 2, axis=1)
    scan = scan_k(
        get_method("minibatch_kmeans"), pixels, Silhouettes(pixels), ks=range(2, 10), seed=0
    )
    assert scan["k"].tolist() == [2, 3]


def test_without_an_elbow_the_best_silhouette_decides():
    ks = list(range(2, 8))
    scan = pd.DataFrame(
        {
            "k": ks,
            "inertia": [70 - 10 * k for k in ks],
            "silhouette": [0.1, 0.2, 0.6, 0.3, 0.2, 0.1],
        }
    )
    suggestion = suggest_k(scan)
    assert suggestion.n_clusters == 4
    assert "no clear elbow" in suggestion.reason


def test_nothing_is_suggested_when_nothing_was_tried():
    assert suggest_k(pd.DataFrame({"k": [], "inertia": [], "silhouette": []})) is None
