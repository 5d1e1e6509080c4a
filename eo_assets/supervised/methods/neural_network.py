"""A neural network of two hidden layers, on standardised features.

Rumelhart, Hinton and Williams 1986, doi:10.1038/323533a0; trained by Adam, arXiv:1412.6980.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any


class NeuralNetwork:
    """Smooth borders between classes, fast to apply."""

    name = "neural_network"
    title = "Neural network"
    parameters: Mapping[str, Any] = MappingProxyType(
        {"hidden_layer_sizes": (48, 24), "alpha": 0.001, "max_iter": 200, "batch_size": 128,
         "learning_rate_init": 0.003, "tol": 0.002, "n_iter_no_change": 8}
    )  # fmt: skip

    def estimator(self, *, seed: int) -> Any:
        """See ``Method.estimator``."""
        from sklearn.neural_network import MLPClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        network = MLPClassifier(**self.parameters, random_state=seed)
        return make_pipeline(StandardScaler(), network)


METHOD = NeuralNetwork()
