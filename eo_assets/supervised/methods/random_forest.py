"""Random forest: many decision trees, each of a part of the training; the default.

Breiman 2001, "Random forests", doi:10.1023/A:1010933404324.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class RandomForest:
    """Robust, with hardly anything to set."""

    name = "random_forest"
    title = "Random forest"
    parameters: Mapping[str, Any] = MappingProxyType(
        {"n_estimators": 100, "min_samples_leaf": 3, "max_features": "sqrt",
         "class_weight": "balanced"}
    )  # fmt: skip

    def estimator(self, *, seed: int) -> Any:
        """See ``Method.estimator``."""
        from sklearn.ensemble import RandomForestClassifier

        return RandomForestClassifier(**self.parameters, random_state=seed, n_jobs=1)


METHOD = RandomForest()
