"""Estimators, judged by the worked example of the paper they are from.

Olofsson et al. 2014, doi:10.1016/j.rse.2014.02.015, section 5: table 8, and the estimates stated
in the text after it.
"""

import numpy as np
import pytest

from eo_assets.supervised.accuracy import Z_95, accuracy_table, estimate

NAMES = ("deforestation", "forest gain", "stable forest", "stable non-forest")
COUNTS = np.array([[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]])
MAPPED_PX = np.array([200_000, 150_000, 3_200_000, 6_450_000])
HECTARES = MAPPED_PX.sum() * 0.09


@pytest.fixture(scope="module")
def published():
    return estimate(COUNTS, MAPPED_PX)


def test_overall_accuracy_of_the_worked_example(published):
    assert published.overall == pytest.approx(0.95, abs=0.005)
    assert Z_95 * published.overall_se == pytest.approx(0.02, abs=0.005)


def test_accuracies_by_class_of_the_worked_example(published):
    assert published.users == pytest.approx([0.88, 0.73, 0.93, 0.96], abs=0.005)
    assert Z_95 * published.users_se == pytest.approx([0.07, 0.10, 0.04, 0.02], abs=0.005)
    assert published.producers == pytest.approx([0.75, 0.85, 0.93, 0.96], abs=0.005)
    assert Z_95 * published.producers_se[[0, 2]] == pytest.approx([0.21, 0.03], abs=0.005)


def test_standard_errors_are_the_scatter_of_repeated_samples(published):
    """Judged by drawing the sample again, four thousand times, and counting."""
    rng = np.random.default_rng(7)
    n = COUNTS.sum(axis=1)
    draws = [
        np.stack([rng.multinomial(size, row / size) for size, row in zip(n, COUNTS, strict=True)])
        for _ in range(4000)
    ]
    joint = [(MAPPED_PX / MAPPED_PX.sum())[:, None] * d / n[:, None] for d in draws]
    scatter = np.std([np.diag(p) / p.sum(axis=0) for p in joint], axis=0)
    assert published.producers_se == pytest.approx(scatter, rel=0.12)
    assert published.share_se == pytest.approx(
        np.std([p.sum(axis=0) for p in joint], axis=0), rel=0.06
    )


def test_areas_of_the_worked_example(published):
    table = accuracy_table(published, NAMES, COUNTS, area_ha=HECTARES)
    # the paper rounds standard errors before it multiplies
    assert table["area_ha"][0] == pytest.approx(21_158, rel=1e-3)
    assert table["area_ci95_ha"][0] == pytest.approx(6_158, rel=0.01)
    assert table["area_ha"].sum() == pytest.approx(HECTARES)
    assert table["mapped_ha"].tolist() == (MAPPED_PX * 0.09).tolist()


def test_intervals_hold_the_truth_as_often_as_they_say():
    """Drawn a thousand times from a known map, 95 % of the intervals hold the true share."""
    rng = np.random.default_rng(1)
    mapped = np.array([0.6, 0.3, 0.1])
    given = np.array([[0.9, 0.06, 0.04], [0.1, 0.85, 0.05], [0.2, 0.1, 0.7]])
    true_share, true_overall = mapped @ given, float(mapped @ np.diag(given))
    held = np.zeros(4)
    for _ in range(1000):
        counts = np.stack([rng.multinomial(120, row) for row in given])
        found = estimate(counts, mapped)
        held[:3] += np.abs(found.share - true_share) <= Z_95 * found.share_se
        held[3] += abs(found.overall - true_overall) <= Z_95 * found.overall_se
    assert (np.abs(held / 1000 - 0.95) < 0.03).all(), held


def test_a_class_that_was_hardly_sampled_is_left_out_and_said_so():
    found = estimate(np.array([[50, 2, 0], [3, 40, 0], [0, 1, 0]]), np.array([70, 20, 10]))
    assert found.left_out == pytest.approx(0.1)
    assert np.isnan(found.users[2])
    assert found.overall == pytest.approx(70 / 90 * 50 / 52 + 20 / 90 * 40 / 43)
