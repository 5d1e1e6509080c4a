"""The course of a year from a few dates: gaps filled, noise smoothed, and when it turns green.

Two ways. *Whittaker*: the smoothest curve near the observations, P. H. C. Eilers, "A perfect
smoother", Analytical Chemistry 75 (2003), each observation weighted by how much of the parcel was
seen. *Double logistic*: a rest level, a rise and a fall, P. S. A. Beck et al., "Improved monitoring
of vegetation dynamics at very high latitudes", Remote Sensing of Environment 100 (2006); it knows
what a season looks like and so needs fewer dates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import solveh_banded
from scipy.optimize import least_squares

Float = npt.NDArray[np.float64]

SMOOTHNESS = 3000.0
"""Of Whittaker's curve on a daily grid; see docs/applications.md for what others give."""

MIN_AMPLITUDE = 0.1
"""Of NDVI; less is no season."""


@dataclass(frozen=True)
class Phenology:
    """When a season starts, peaks and ends.

    Attributes:
        start: Day of the year (1 is 1 January, with fractions); NaN when not seen.
        peak: Likewise.
        end: Likewise.
        base: NDVI at rest: the mean of the lowest before and after the peak.
        top: NDVI at the peak.
    """

    start: float
    peak: float
    end: float
    base: float
    top: float


_NONE = Phenology(*[float("nan")] * 5)


def whittaker(days: Float, values: Float, weights: Float, *, smoothness: float) -> Float:
    """Smooth observations onto every day from the first to the last.

    Minimises ``sum w (y - z)² + smoothness * sum (second difference of z)²``.

    Args:
        days: Whole days, rising.
        values: Observations on them.
        weights: 0 and more; some above 0 on at least two days.
        smoothness: The larger, the stiffer.

    Returns:
        Values on ``days[0] .. days[-1]``, one a day.
    """
    n = int(days[-1] - days[0]) + 1
    at = (days - days[0]).astype(int)
    bands = np.zeros((3, n))
    if n > 2:
        # D'D of second differences, upper bands
        row = np.array([1.0, -2.0, 1.0])
        for shift in range(3):
            for k in range(3 - shift):
                bands[2 - shift, k + shift : n - 2 + k + shift] += row[k] * row[k + shift]
    bands *= smoothness
    right = np.zeros(n)
    np.add.at(bands[2], at, weights)
    np.add.at(right, at, weights * values)
    return solveh_banded(bands, right)


def double_logistic(day: Float, parameters: npt.ArrayLike) -> Float:
    """NDVI on a day: ``w + (m - w)(1/(1+e^-a(t-S)) + 1/(1+e^b(t-A)) - 1)``.

    Args:
        day: Days of the year.
        parameters: ``w`` at rest, ``m`` in full leaf, ``S`` and ``a`` of the rise, ``A`` and ``b``
            of the fall.

    Returns:
        NDVI on each day.
    """
    w, m, start, rise, end, fall = np.asarray(parameters, float)
    up = 1 / (1 + np.exp(np.clip(-rise * (day - start), -60, 60)))
    down = 1 / (1 + np.exp(np.clip(fall * (day - end), -60, 60)))
    return w + (m - w) * (up + down - 1)


_STEEPNESS = 0.1
"""1/day: what the fit is drawn to where the dates do not tell; of annual vegetation."""


def fit_double_logistic(days: Float, values: Float, weights: Float) -> Float | None:
    """Fit a double logistic to a year's observations.

    With fewer than about a dozen dates the steepness of rise and fall is not determined by them;
    it is drawn towards 0.1 a day, and the level at rest towards the lowest observation, with the
    weight of a small part of one observation.

    Args:
        days: Days of the year, rising.
        values: NDVI on them.
        weights: 0 and more.

    Returns:
        Parameters as ``double_logistic`` takes them; None with fewer than five dates.
    """
    used = weights > 0
    if used.sum() < 5:
        return None
    t, y, root = days[used], values[used], np.sqrt(weights[used])
    low, high = float(y.min()), float(y.max())
    middle = low + (high - low) / 2
    above = t[y >= middle]
    first = [low, high, above[0] - 10, _STEEPNESS, above[-1] + 10, _STEEPNESS]
    lower = [low - 0.25, low, t[0] - 60, 0.02, t[0], 0.02]
    upper = [high, min(high + 0.25, 1.0) + 1e-6, t[-1], 0.4, t[-1] + 60, 0.4]
    first = list(np.clip(first, np.array(lower) + 1e-6, np.array(upper) - 1e-6))

    def residuals(p: Float) -> Float:
        prior = [0.1 * (p[0] - low), 0.02 * np.log(p[3] / 0.1), 0.02 * np.log(p[5] / 0.1)]
        return np.concatenate([root * (double_logistic(t, p) - y), prior])

    scale = [0.1, 0.1, 10, 0.05, 10, 0.05]
    fitted = least_squares(residuals, first, bounds=(lower, upper), x_scale=scale)
    return np.asarray(fitted.x)


def phenology(
    days: Float,
    curve: Float,
    *,
    threshold: float = 0.5,
    seen: tuple[float, float] = (-np.inf, np.inf),
) -> Phenology:
    """Find when a curve rises above and falls below a share of its amplitude.

    The amplitude before the peak is counted from the lowest value before it, after the peak from
    the lowest after it (P. Jönsson and L. Eklundh, TIMESAT, Computers & Geosciences 30 (2004)). A
    half, the default, is where a season changes fastest and depends least on noise (M. A. White,
    P. E. Thornton, S. W. Running, Global Biogeochemical Cycles 11 (1997)).

    Args:
        days: Days of the year, rising, one a day.
        curve: NDVI on them.
        threshold: Share of the amplitude, 0-1.
        seen: First and last day that was observed.

    Returns:
        The dates; NaN outside of ``seen``, where the amplitude is below 0.1, and on a side whose
        lowest value is still above half of the whole amplitude: its turn lies beyond the curve.
    """
    at = int(np.argmax(curve))
    top = float(curve[at])
    before, after = float(curve[: at + 1].min()), float(curve[at:].min())
    if top - min(before, after) < MIN_AMPLITUDE:
        return _NONE
    start = end = float("nan")
    # a side that never comes down to half of the other was not seen at rest: no date is invented
    half = (top + min(before, after)) / 2
    if top - before >= MIN_AMPLITUDE and before <= half:
        level = before + threshold * (top - before)
        i = int(np.flatnonzero(curve[: at + 1] < level)[-1])
        start = _crossing(days, curve, i, level)
    if top - after >= MIN_AMPLITUDE and after <= half:
        level = after + threshold * (top - after)
        i = at + int(np.flatnonzero(curve[at:] < level)[0]) - 1
        end = _crossing(days, curve, i, level)

    def known(day: float) -> float:
        return day if seen[0] <= day <= seen[1] else float("nan")

    base = (before + after) / 2
    return Phenology(known(start), known(float(days[at])), known(end), base, top)


def _crossing(days: Float, curve: Float, i: int, level: float) -> float:
    """Day between ``days[i]`` and the next on which the curve passes a level."""
    step = float(curve[i + 1] - curve[i])
    share = (level - float(curve[i])) / step if step else 0.0
    return float(days[i] + share * (days[i + 1] - days[i]))
