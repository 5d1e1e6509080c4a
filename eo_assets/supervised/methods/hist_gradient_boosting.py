"""Gradient boosting on histograms: trees that correct one another.

Friedman 2001, doi:10.1214/aos/1013203451; on histograms: Ke et al. 2017, "LightGBM".
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class HistGradientBoosting:
    """Often the most accurate where there is much training."""

    name = "hist_gradient_boosting"
    title = "Histogram gradient boosting"
    parameters: Mapping[str, Any] = MappingProxyType(
        {"max_iter": 60, "learning_rate": 0.15, "max_leaf_nodes": 15, "min_samples_leaf": 10,
         "class_weight": "balanced", "early_stopping": False}
    )  # fmt: skip

    def estimator(self, *, seed: int) -> Any:
        """See ``Method.estimator``."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        return HistGradientBoostingClassifier(**self.parameters, random_state=seed)


METHOD = HistGradientBoosting()
