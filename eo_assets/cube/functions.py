"""Functions a graph may name: NumPy code that somebody registered, never code in the graph.

A function works pixel by pixel, or looks ``halo_px`` pixels around each. The graph holds its name
and its parameters; whoever evaluates the graph has to have registered it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from eo_assets.errors import ConfigurationError, UnknownNameError

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A number a function takes.

    Attributes:
        default: Its value unless the graph says otherwise.
        minimum: Smallest value.
        maximum: Largest value.
    """

    default: float
    minimum: float
    maximum: float


@dataclass(frozen=True, kw_only=True)
class Registered:
    """A registered function.

    Attributes:
        name: What graphs call it.
        function: Takes one float32 array ``(y, x)`` an input by position, NaN where invalid, and
            its parameters by name; with ``takes_pixel_size`` also ``pixel_m=(x, y)``: the true
            size of each row's pixels on the ground, metres, arrays ``(y, 1)``. Gives one array.
        inputs: Names of the bands it takes unless the graph names others.
        halo_px: How many pixels around each it looks at.
        parameters: Its parameters by name.
        takes_pixel_size: Whether it is given the size of pixels.
        title: For people.
    """

    name: str
    function: Callable[..., Array]
    inputs: tuple[str, ...]
    halo_px: int = 0
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    takes_pixel_size: bool = False
    title: str = ""

    def settings(self, given: Mapping[str, float]) -> dict[str, float]:
        """Complete and check parameters.

        Raises:
            ConfigurationError: One is unknown or out of range.
        """
        unknown = sorted(set(given) - set(self.parameters))
        if unknown:
            raise ConfigurationError(
                f"{self.name} has no parameter {', '.join(unknown)}.",
                f"Its parameters: {', '.join(self.parameters) or 'none'}.",
            )
        complete = {name: given.get(name, p.default) for name, p in self.parameters.items()}
        for name, value in complete.items():
            limits = self.parameters[name]
            if not limits.minimum <= value <= limits.maximum:
                raise ConfigurationError(
                    f"{name} of {self.name} is {value:g}.",
                    f"Use {limits.minimum:g} to {limits.maximum:g}.",
                )
        return complete


MAX_HALO_PX = 64
_FUNCTIONS: dict[str, Registered] = {}


def register(
    name: str,
    function: Callable[..., Array],
    *,
    inputs: Sequence[str],
    halo_px: int = 0,
    parameters: Mapping[str, Parameter] | None = None,
    takes_pixel_size: bool = False,
    title: str = "",
) -> Registered:
    """Register a function under a name graphs can use; see ``Registered``.

    Raises:
        ConfigurationError: Another function has the name, or the halo is out of range.
    """
    entry = Registered(
        name=name,
        function=function,
        inputs=tuple(inputs),
        halo_px=halo_px,
        parameters=dict(parameters or {}),
        takes_pixel_size=takes_pixel_size,
        title=title or name,
    )
    if not 0 <= halo_px <= MAX_HALO_PX:
        raise ConfigurationError(
            f"{name} looks {halo_px} pixels around each.", f"At most {MAX_HALO_PX} are allowed."
        )
    if _FUNCTIONS.get(name, entry).function is not function:
        raise ConfigurationError(f"{name!r} is registered already.", "Choose another name.")
    _FUNCTIONS[name] = entry
    return entry


def get_function(name: str) -> Registered:
    """Look up a registered function.

    Raises:
        UnknownNameError: Nobody registered one of that name.
    """
    try:
        return _FUNCTIONS[name]
    except KeyError:
        raise UnknownNameError(
            f"Function {name!r} is not registered.", f"Use one of: {', '.join(_FUNCTIONS)}."
        ) from None


Classifier = Callable[[Mapping[str, Any], Mapping[str, Array]], npt.NDArray[np.uint8]]
"""Takes a model's parameters, whose ``bands`` names the bands it needs, and those bands, float32,
NaN where invalid; gives class ids from 1, 0 where there is none."""

_CLASSIFIERS: list[Classifier] = []


def register_classifier(classifier: Classifier) -> None:
    """Say how ``classify`` applies a model; rooms above this one know models."""
    _CLASSIFIERS[:] = [classifier]


def classify(model: Mapping[str, Any], bands: Mapping[str, Array]) -> npt.NDArray[np.uint8]:
    """Apply a classification model; see ``Classifier``.

    Raises:
        ConfigurationError: Nobody registered how.
    """
    if not _CLASSIFIERS:
        raise ConfigurationError(
            "No classifier is registered in this process.", "Import eo_assets.pipeline.sources."
        )
    return _CLASSIFIERS[0](model, bands)
