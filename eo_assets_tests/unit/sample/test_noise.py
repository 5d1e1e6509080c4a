import hashlib
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from eo_assets.sample import noise

SHAPE = (300, 200)


def digest(name):
    field = noise.fractal(name, SHAPE, 30, octaves=4)
    return hashlib.sha256(field.tobytes()).hexdigest()


def test_a_field_is_the_same_in_another_process_and_after_other_fields():
    first = digest("a")
    digest("b")
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        elsewhere = pool.submit(digest, "a").result()
    assert first == digest("a") == elsewhere


def test_fields_of_different_names_are_unrelated():
    a, b = (noise.spline(name, SHAPE, 5).ravel() for name in ("a", "b"))
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.1


@pytest.mark.parametrize("cell", [2.5, 7, 13])
def test_spline_noise_is_standard_normal_whatever_its_feature_size(cell):
    field = noise.spline("unit", (900, 900), cell)
    assert field.dtype == np.float32
    assert field.mean() == pytest.approx(0, abs=0.06)
    assert field.std() == pytest.approx(1, abs=0.06)


def test_features_have_the_size_asked_for():
    field = noise.spline("unit", (1, 4000), 20)[0]
    beyond = np.corrcoef(field[:-80], field[80:])[0, 1]
    assert np.corrcoef(field[:-5], field[5:])[0, 1] > 0.8
    assert abs(beyond) < 0.3
