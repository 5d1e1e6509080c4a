"""Reducing a series of images to one, band by band: what has no packed form is float32.

Like ``eo_assets.cube.reducers`` this looks at one pixel at a time, in order of time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from eo_assets.cube.compositing import Status
from eo_assets.cube.graph.operations import Reduce
from eo_assets.cube.raster import Plane, Raster
from eo_assets.cube.reducers import reduce_observations

Float = npt.NDArray[np.float32]

OF_SPECTRA = ("medoid", "geomedian", "max_ndvi")


def reduce_series(series: Sequence[Raster], rule: Reduce, template: Raster) -> Raster:
    """Reduce a series to one image.

    Args:
        series: The images in order of time, on one grid, with the same bands.
        rule: How.
        template: An image without observations, for an empty series.

    Returns:
        The image: packed where the method keeps values as loaded (``first`` and those of whole
        spectra, and ``median`` of packed bands), else float32, NaN without observation; ``count``
        is 0 there.
    """
    if not series:
        series = [template]
    names = tuple(series[0].bands)
    packed = all(series[0].bands[name].packed for name in names)
    source = np.zeros_like(series[0].source)
    if packed and rule.method in (*OF_SPECTRA, "median"):
        bands, source = _packed(series, names, rule.method)
    elif rule.method == "first":
        bands, source = _first(series, names)
    else:
        bands = {name: _reduced(series, name, rule) for name in names}
    status = _status(series)
    seen = sum((one.status == Status.VALID).astype(np.uint16) for one in series)
    return Raster(
        bands=bands,
        status=status,
        observations=np.minimum(seen, np.iinfo(np.uint8).max).astype(np.uint8),
        source=source,
        reads=tuple(read for one in series for read in one.reads),
    )


def _packed(
    series: Sequence[Raster], names: tuple[str, ...], method: str
) -> tuple[dict[str, Plane], npt.NDArray[np.uint16]]:
    shape = series[0].status.shape
    values = np.stack([[one.bands[name].values.ravel() for name in names] for one in series])
    valid = np.stack([one.status.ravel() == Status.VALID for one in series])
    reduced = reduce_observations(method, values, valid, names)
    bands = {
        name: Plane(band.reshape(shape), series[0].bands[name].attributes)
        for name, band in zip(names, reduced.values, strict=True)
    }
    if reduced.choice is None:
        return bands, np.zeros(shape, np.uint16)
    sources = np.stack([one.source.ravel() for one in series])
    chosen = np.take_along_axis(sources, reduced.choice[np.newaxis], axis=0)[0]
    done = (reduced.values != 0).any(axis=0)
    return bands, np.where(done, chosen, 0).reshape(shape).astype(np.uint16)


def _first(
    series: Sequence[Raster], names: tuple[str, ...]
) -> tuple[dict[str, Plane], npt.NDArray[np.uint16]]:
    valid = np.stack([one.status == Status.VALID for one in series])
    choice = valid.argmax(axis=0)[np.newaxis]
    any_valid = valid.any(axis=0)

    def taken(layers: list[npt.NDArray[np.generic]]) -> npt.NDArray[np.generic]:
        return np.take_along_axis(np.stack(layers), choice, axis=0)[0]

    bands = {}
    for name in names:
        plane = series[0].bands[name]
        nothing = plane.attributes["_FillValue"] if plane.packed else np.nan
        values = taken([one.bands[name].values for one in series])
        values = np.where(any_valid, values, np.asarray(nothing, values.dtype))
        bands[name] = Plane(values, plane.attributes)
    return bands, np.where(any_valid, taken([one.source for one in series]), 0).astype(np.uint16)


def _reduced(series: Sequence[Raster], name: str, rule: Reduce) -> Plane:
    plane = series[0].bands[name]
    stack = np.stack([one.bands[name].decoded() for one in series])
    known = {k: v for k, v in plane.attributes.items() if k not in _PACKING}
    long_name = f"{known.get('long_name', name)}, {rule.method} over time"
    units = "1" if rule.method == "count" else known.get("units", "1")
    return Plane(_statistic(stack, rule), {**known, "long_name": long_name, "units": units})


_PACKING = ("scale_factor", "add_offset", "_FillValue", "standard_name")


def _statistic(stack: Float, rule: Reduce) -> Float:
    """Compute a statistic along the first axis, leaving NaN out."""
    observed = ~np.isnan(stack)
    n = observed.sum(axis=0)
    if rule.method == "count":
        return n.astype(np.float32)
    if rule.method in ("min", "max"):
        pick = np.fmin if rule.method == "min" else np.fmax
        extreme: Float = pick.reduce(stack, axis=0)
        return extreme
    if rule.method in ("mean", "std"):
        return _moments(stack, observed, n, spread=rule.method == "std")
    percentile = rule.percentile if rule.method == "percentile" else 50.0
    # NaN sorts to the end, behind every observation
    ordered = np.sort(stack, axis=0)
    position = np.maximum(n - 1, 0) * (percentile / 100)
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(n - 1, 0))
    low = np.take_along_axis(ordered, below[np.newaxis], axis=0)[0].astype(np.float64)
    high = np.take_along_axis(ordered, above[np.newaxis], axis=0)[0]
    return (low + (high - low) * (position - below)).astype(np.float32)


def _moments(
    stack: Float, observed: npt.NDArray[np.bool_], n: npt.NDArray[np.intp], *, spread: bool
) -> Float:
    count = np.where(n > 0, n, np.nan)
    mean = np.zeros(stack.shape[1:])
    # one after the other: a library's summation order may depend on array sizes
    for values, seen in zip(stack, observed, strict=True):
        mean += np.where(seen, values, 0)
    mean /= count
    if not spread:
        return mean.astype(np.float32)
    total = np.zeros(stack.shape[1:])
    for values, seen in zip(stack, observed, strict=True):
        total += np.where(seen, values - mean, 0) ** 2
    return np.sqrt(total / count).astype(np.float32)


def _status(series: Sequence[Raster]) -> npt.NDArray[np.uint8]:
    """Give the best any image says of a pixel; what failed outranks what is masked."""
    stack = np.stack([one.status for one in series])
    status = stack[0].copy()
    for rank in (Status.NO_COVERAGE, Status.MASKED, Status.FAILED_READ, Status.VALID):
        status[(stack == rank).any(axis=0)] = rank
    return status
