"""Linear functions of pixels, and one after another as a single one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Linear:
    """``weights @ values + bias``.

    Attributes:
        weights: ``(out, in)``.
        bias: ``(out, 1)``.
    """

    weights: FloatArray
    bias: FloatArray

    def apply(self, values: npt.NDArray[Any]) -> FloatArray:
        """Results ``(out, pixel)`` of values ``(in, pixel)``, integers or floats; in float64."""
        results: FloatArray = self.weights @ values.astype(np.float64, copy=False)
        results += self.bias
        return results

    def after(self, first: Linear) -> Linear:
        """This function of the results of another."""
        return Linear(self.weights @ first.weights, self.apply(first.bias))
