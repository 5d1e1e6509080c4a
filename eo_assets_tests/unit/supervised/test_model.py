"""Models: written without pickle, read again exactly, refused when somebody changed them."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io

from eo_assets.clustering.threads import one_thread
from eo_assets.errors import StaleArtifactError, UnknownNameError, UntrustedArtifactError
from eo_assets.supervised.methods import get_method, method_names
from eo_assets.supervised.model import (
    DESCRIPTION,
    ESTIMATOR,
    LandCoverClass,
    LandCoverModel,
    read_estimator,
)
from eo_assets.supervised.predict import entropy, margin, predict

CLASSES = tuple(LandCoverClass(n, f"class {n}", "#102030") for n in (1, 2, 3))


@pytest.fixture(scope="module", autouse=True)
def one_thread_only():
    """Threads that wait for one another take many times longer on a busy machine."""
    with one_thread():
        yield


def scene(seed, n=400):
    rng = np.random.default_rng(seed)
    codes = rng.integers(1, 4, n).astype(np.uint8)
    return (codes[:, None] + rng.normal(0, 0.4, (n, 4))).astype(np.float32), codes


def fitted(name):
    features, codes = scene(0)
    estimator = get_method(name).estimator(seed=0).fit(features.astype(np.float64), codes)
    return LandCoverModel(
        method=name,
        features=("a", "b", "c", "d"),
        classes=CLASSES,
        estimator=estimator,
        seed=0,
        n_pixels=400,
        n_polygons=9,
        versions={"numpy": "2"},
    )


@pytest.mark.parametrize("name", method_names())
def test_a_stored_model_predicts_the_same_bytes(name, tmp_path):
    model, (features, codes) = fitted(name), scene(1)
    model.save(tmp_path)
    again = LandCoverModel.load(tmp_path)
    one, other = predict(model, features), predict(again, features)
    assert all(a.tobytes() == b.tobytes() for a, b in zip(one, other, strict=True))
    assert (again.classes, again.features) == (model.classes, model.features)
    assert np.mean(one[0] == codes) > 0.85


@pytest.mark.parametrize("name", method_names())
def test_a_pixel_gets_the_same_class_in_any_company(name):
    model, (features, _) = fitted(name), scene(2)
    codes, probabilities = predict(model, features)
    parts = [predict(model, features[start : start + 33]) for start in range(0, 400, 33)]
    assert np.array_equal(np.concatenate([part[0] for part in parts]), codes)
    np.testing.assert_allclose(
        np.concatenate([part[1] for part in parts]), probabilities, rtol=0, atol=1.01e-5
    )


def test_a_class_without_training_has_no_probability():
    features, codes = scene(0)
    some = codes != 2
    model = fitted("random_forest")
    model.estimator.fit(features[some].astype(np.float64), codes[some])
    found, probabilities = predict(model, features)
    assert set(found) == {1, 3}
    assert not probabilities[:, 1].any()


def test_entropy_and_margin_of_sure_and_undecided_pixels():
    p = np.array([[1, 0, 0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0]], np.float32)
    assert entropy(p) == pytest.approx([0, 1, np.log(2) / np.log(3)], abs=1e-5)
    assert margin(p) == pytest.approx([1, 0, 0], abs=1e-6)


def test_a_changed_model_file_is_refused(tmp_path):
    fitted("random_forest").save(tmp_path)
    content = bytearray((tmp_path / ESTIMATOR).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / ESTIMATOR).write_bytes(content)
    with pytest.raises(UntrustedArtifactError, match="not the file that was written"):
        LandCoverModel.load(tmp_path)


class Harmful:
    """What an attacker might put in place of an estimator."""

    ran: list[str] = []  # noqa: RUF012

    def __reduce__(self):
        return (self.ran.append, ("ran",))


def test_a_file_with_another_type_is_refused_even_with_the_right_checksum(tmp_path):
    import hashlib

    fitted("random_forest").save(tmp_path)
    content = skops.io.dumps({"estimator": Path("/"), "more": Harmful()})
    (tmp_path / ESTIMATOR).write_bytes(content)
    record = json.loads((tmp_path / DESCRIPTION).read_text(encoding="utf-8"))
    record["sha256"] = hashlib.sha256(content).hexdigest()
    (tmp_path / DESCRIPTION).write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(UntrustedArtifactError, match="Harmful"):
        LandCoverModel.load(tmp_path)
    assert Harmful.ran == []


def test_a_file_that_renames_a_type_is_refused():
    """Somebody edits the schema inside, to have another function called."""
    content = skops.io.dumps(fitted("random_forest").estimator)
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "schema.json":
                data = data.replace(b'"RandomForestClassifier"', b'"system"', 1)
                data = data.replace(b'"sklearn.ensemble._forest"', b'"os"', 1)
            new.writestr(name, data)
    with pytest.raises(UntrustedArtifactError):
        read_estimator(out.getvalue(), origin="model.skops")


def test_what_is_no_model_at_all_is_refused():
    with pytest.raises(UntrustedArtifactError, match="not a model file"):
        read_estimator(b"\x80\x04N.", origin="model.pkl")


def test_a_model_of_another_version_is_stale(tmp_path):
    fitted("random_forest").save(tmp_path)
    record = json.loads((tmp_path / DESCRIPTION).read_text(encoding="utf-8")) | {"schema": 0}
    (tmp_path / DESCRIPTION).write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(StaleArtifactError, match="again"):
        LandCoverModel.load(tmp_path)


def test_an_unknown_method_names_the_known_ones():
    with pytest.raises(UnknownNameError, match="random_forest"):
        get_method("svm")
