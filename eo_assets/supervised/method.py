"""What a classifier has to offer; each method is one file in ``methods/``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8]

NODATA = 0
"""Code of pixels without an observation; classes count from 1."""


class Method(Protocol):
    """A way to learn classes from labelled pixels.

    Attributes:
        name: The name people choose it by; the name of its file.
        title: For people.
        parameters: What it is set to, JSON-ready, for the record.
    """

    name: str
    title: str
    parameters: Mapping[str, Any]

    def estimator(self, *, seed: int) -> Any:
        """Give an estimator of scikit-learn's that is yet to be fitted.

        Args:
            seed: Fixes every random choice.

        Returns:
            Something with ``fit``, ``predict_proba`` and ``classes_``, running in one thread.
        """
        ...
