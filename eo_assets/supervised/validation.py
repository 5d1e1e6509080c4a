"""Judging a method on ground it has not seen: cross-validation by blocks of the map.

Pixels of one polygon, and polygons side by side, resemble each other. Held out one by one they are
predicted from their neighbours, and the accuracy that comes out is not that of the map between
polygons. So whole blocks are held out: Roberts et al. 2017, doi:10.1111/ecog.02881.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eo_assets.errors import ConfigurationError
from eo_assets.supervised.method import Codes, Features, Method

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Training:
    """Labelled pixels.

    Attributes:
        features: ``(pixel, feature)``, float32.
        codes: Class of each pixel.
        polygons: Number of the polygon each lies in; pixels of one follow each other.
        blocks: Number of the block of the map each polygon's centre lies in, by pixel.
    """

    features: Features
    codes: Codes
    polygons: Ints
    blocks: Ints

    def part(self, chosen: npt.NDArray[np.bool_]) -> Training:
        """Some of the pixels."""
        return Training(
            self.features[chosen], self.codes[chosen], self.polygons[chosen], self.blocks[chosen]
        )


def blocks_at(x_m: npt.NDArray[np.float64], y_m: npt.NDArray[np.float64], block_m: float) -> Ints:
    """Number the square blocks of the ground that places lie in.

    Args:
        x_m: Eastings.
        y_m: Northings.
        block_m: Side of a block; blocks lie on multiples of it.
    """
    places = np.stack([np.floor(x_m / block_m), np.floor(y_m / block_m)], axis=1)
    _, numbers = np.unique(places, axis=0, return_inverse=True)
    return numbers.reshape(-1).astype(np.int64)


def folds_of(training: Training, n_folds: int, *, by_block: bool = True, seed: int = 0) -> Ints:
    """Say in which fold each pixel is held out.

    Args:
        training: The labelled pixels.
        n_folds: Number of folds; fewer where there are fewer blocks.
        by_block: Keep blocks together. Otherwise pixels are drawn one by one, which flatters every
            method; it is here to show by how much.
        seed: Of the drawing.

    Returns:
        Fold of each pixel, from 0.

    Raises:
        ConfigurationError: All training lies in one block.
    """
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

    n_blocks = len(np.unique(training.blocks))
    if n_blocks < 2:
        raise ConfigurationError(
            "All training polygons lie in one block: nothing is left to judge by.",
            "Add polygons elsewhere, or choose smaller blocks.",
        )
    kind = StratifiedGroupKFold if by_block else StratifiedKFold
    splits = kind(min(n_folds, n_blocks), shuffle=True, random_state=seed).split(
        training.features, training.codes, training.blocks if by_block else None
    )
    folds = np.empty(len(training.codes), np.int64)
    for number, (_, held_out) in enumerate(splits):
        folds[held_out] = number
    return folds


@dataclass(frozen=True)
class FoldResult:
    """What came of holding one fold out.

    Attributes:
        predicted: Class of each held-out pixel, in their order.
        importance: By feature: accuracy lost when its values are shuffled among them.
    """

    predicted: Codes
    importance: npt.NDArray[np.float64]


def judge_fold(
    method: Method, training: Training, held_out: npt.NDArray[np.bool_], *, seed: int
) -> FoldResult:
    """Learn from all other pixels and predict the held-out ones.

    Args:
        method: How.
        training: All labelled pixels.
        held_out: Which are held out.
        seed: Of every random choice.

    Returns:
        Predictions, and the importance of each feature by permutation (Breiman 2001).
    """
    learned, judged = training.part(~held_out), training.part(held_out)
    estimator = fit(method, learned, seed=seed)
    predicted = estimator.predict(judged.features)
    right = np.mean(predicted == judged.codes)
    order = np.random.default_rng(seed).permutation(len(judged.codes))
    lost = []
    for column in range(judged.features.shape[1]):
        shuffled = judged.features.copy()
        shuffled[:, column] = shuffled[order, column]
        lost.append(right - np.mean(estimator.predict(shuffled) == judged.codes))
    return FoldResult(predicted.astype(np.uint8), np.array(lost))


def fit(method: Method, training: Training, *, seed: int) -> Any:
    """Fit a method's estimator."""
    return method.estimator(seed=seed).fit(training.features.astype(np.float64), training.codes)


def count_units(training: Training, predicted: Codes, n_classes: int) -> npt.NDArray[np.int64]:
    """Count predictions by truth, one pixel a polygon.

    Pixels of a polygon are not independent of each other: counting them all would make intervals
    several times too narrow. The first pixel of each polygon stands for it; which that is has been
    drawn by lot.

    Args:
        training: The labelled pixels.
        predicted: Class of each, predicted while it was held out.
        n_classes: Number of classes, whose codes count from 1.

    Returns:
        Polygons by predicted class (rows) and labelled class (columns).
    """
    _, first = np.unique(training.polygons, return_index=True)
    counts = np.zeros((n_classes, n_classes), np.int64)
    np.add.at(counts, (predicted[first] - 1, training.codes[first].astype(int) - 1), 1)
    return counts
