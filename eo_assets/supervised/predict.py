"""Applying a model: features in, classes and probabilities out; nothing else is looked at."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eo_assets.supervised.method import Codes, Features
from eo_assets.supervised.model import LandCoverModel

Probabilities = npt.NDArray[np.float32]

_PIXELS_AT_A_TIME = 65_536


def predict(model: LandCoverModel, features: Features) -> tuple[Codes, Probabilities]:
    """Classify pixels; each on its own, so the same pixel gets the same class in any company.

    Args:
        model: The model.
        features: ``(pixel, feature)`` in the order of ``model.features``; finite.

    Returns:
        Codes of the most probable classes, uint8 ``(pixel,)``, the first of equals; and the
        probability of each class, float32 ``(pixel, class)`` in the order of ``model.classes``, 0
        for a class the training did not hold.
    """
    codes = np.array([one.code for one in model.classes], np.uint8)
    columns = np.searchsorted(codes, model.estimator.classes_)
    probabilities = np.zeros((len(features), len(codes)), np.float32)
    for start in range(0, len(features), _PIXELS_AT_A_TIME):
        part = slice(start, start + _PIXELS_AT_A_TIME)
        found = model.estimator.predict_proba(features[part].astype(np.float64))
        # sums in another order differ in their last digits: those are dropped
        probabilities[part, columns] = np.round(found, 5)
    return codes[probabilities.argmax(axis=1)], probabilities


def entropy(probabilities: Probabilities) -> npt.NDArray[np.float32]:
    """How undecided each pixel is: 0 certain, 1 all classes alike.

    Shannon's entropy over the logarithm of the number of classes; Shannon 1948,
    doi:10.1002/j.1538-7305.1948.tb01338.x.
    """
    p = np.clip(probabilities, 1e-12, 1)
    return -(p * np.log(p)).sum(axis=1) / np.float32(np.log(max(p.shape[1], 2)))


def margin(probabilities: Probabilities) -> npt.NDArray[np.float32]:
    """By how much the most probable class leads the second: 0 none, 1 certain."""
    if probabilities.shape[1] < 2:
        return np.ones(len(probabilities), np.float32)
    highest = np.partition(probabilities, -2, axis=1)[:, -2:]
    return highest[:, 1] - highest[:, 0]
