"""Relief as functions a graph may name: what ``eo_assets.terrain`` computes, from ``elevation``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from eo_assets.cube.functions import Parameter, Registered, register
from eo_assets.terrain import surface

Array = npt.NDArray[Any]


def _framed(function: Callable[..., Array]) -> Callable[..., Array]:
    """Give a function of ``surface`` the shape of its input back; its frame is unknown."""

    def framed(elevation: Array, *, pixel_m: tuple[Array, Array], **parameters: float) -> Array:
        width, height = (size[1:-1] for size in pixel_m)
        inner = function(elevation, dx_m=width, dy_m=height, **parameters)
        return np.pad(inner, surface.HALO_PX, constant_values=np.nan)

    return framed


def _register(
    name: str, function: Callable[..., Array], title: str, **parameters: Parameter
) -> Registered:
    return register(
        name,
        _framed(function),
        inputs=("elevation",),
        halo_px=surface.HALO_PX,
        parameters=parameters,
        takes_pixel_size=True,
        title=title,
    )


_LIGHT = {
    "altitude_deg": Parameter(default=45, minimum=0, maximum=90),
    "exaggeration": Parameter(default=1, minimum=0.01, maximum=100),
}
SLOPE = _register("slope", surface.slope_deg, "Slope, degrees")
ASPECT = _register("aspect", surface.aspect_deg, "Aspect, degrees clockwise from north")
HILLSHADE = _register(
    "hillshade",
    surface.hillshade,
    "Shaded relief",
    azimuth_deg=Parameter(default=315, minimum=0, maximum=360),
    **_LIGHT,
)
MULTIDIRECTIONAL = _register(
    "multidirectional_hillshade",
    surface.multidirectional_hillshade,
    "Relief shaded from four directions",
    **_LIGHT,
)
