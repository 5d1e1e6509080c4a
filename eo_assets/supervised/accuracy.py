"""How accurate a map is and how large its classes are, with intervals.

Estimators for stratified samples whose strata are the map's classes: Olofsson et al. 2014, "Good
practices for estimating area and assessing accuracy of land change", Remote Sensing of Environment
148, 42-57, doi:10.1016/j.rse.2014.02.015. Numbers of equations are the paper's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

Z_95 = 1.959963984540054
"""Quantile of the standard normal distribution for intervals of 95 %."""


@dataclass(frozen=True, kw_only=True)
class Accuracy:
    """Accuracy of a map, and unbiased areas of its classes.

    Attributes:
        overall: Share of the area that is mapped rightly.
        overall_se: Its standard error.
        users: By class: share of what is mapped as the class that is the class.
        users_se: Standard errors.
        producers: By class: share of the class that is mapped as it.
        producers_se: Standard errors.
        share: By class: its share of the area, corrected for the map's errors.
        share_se: Standard errors.
        mapped: By class: its share of the map.
        left_out: Share of the map whose class has fewer than two sampled units: nothing is known
            of it, and all other figures are about the rest.
    """

    overall: float
    overall_se: float
    users: Floats
    users_se: Floats
    producers: Floats
    producers_se: Floats
    share: Floats
    share_se: Floats
    mapped: Floats
    left_out: float


def estimate(counts: npt.NDArray[np.integer], mapped: npt.NDArray[np.number]) -> Accuracy:
    """Estimate accuracy and areas.

    Args:
        counts: Sampled units by class on the map (rows) and in truth (columns).
        mapped: Size of each class on the map, in any unit.

    Returns:
        Shares of 1; NaN for a class that cannot be judged.
    """
    n = counts.sum(axis=1)
    known = n >= 2
    weights = np.where(known, mapped, 0) / max(float(mapped[known].sum()), 1e-300)
    with np.errstate(divide="ignore", invalid="ignore"):
        rows = np.where(known[:, None], counts / n[:, None], 0.0)
        p = weights[:, None] * rows  # eq. 4
        u = np.diag(rows)
        spread = np.where(known, 1 / (n - 1), 0.0)
        users_v = u * (1 - u) * spread  # eq. 6
        share = p.sum(axis=0)  # eq. 9
        producers = np.diag(p) / share  # eq. 3
        # eq. 10, and the same sums for eq. 7
        scatter = np.square(weights)[:, None] * rows * (1 - rows) * spread[:, None]
        own = np.square(weights) * np.square(1 - producers) * users_v
        others = np.square(producers) * (scatter.sum(axis=0) - np.diag(scatter))
        producers_v = (own + others) / np.square(share)  # eq. 7
    missing = np.where(known, 0.0, np.nan)
    return Accuracy(
        overall=float(np.trace(p)),  # eq. 1
        overall_se=float(np.sqrt((np.square(weights) * users_v).sum())),  # eq. 5
        users=u + missing,
        users_se=np.sqrt(users_v) + missing,
        producers=producers,
        producers_se=np.sqrt(producers_v),
        share=share,
        share_se=np.sqrt(scatter.sum(axis=0)),
        mapped=mapped / mapped.sum(),
        left_out=float(mapped[~known].sum() / mapped.sum()),
    )


def accuracy_table(
    accuracy: Accuracy, names: Sequence[str], counts: npt.NDArray[np.integer], *, area_ha: float
) -> pd.DataFrame:
    """Put what is known of each class into a row.

    Args:
        accuracy: The estimates.
        names: Names of the classes.
        counts: Sampled units, map by truth.
        area_ha: Area of the map.

    Returns:
        ``name``; ``users, producers`` with half-widths of 95 % intervals ``users_ci95,
        producers_ci95``, shares of 1; ``mapped_ha``; ``area_ha`` corrected for the map's errors,
        with ``area_ci95_ha``; ``units_mapped, units_true``, sampled units.
    """
    return pd.DataFrame(
        {
            "name": list(names),
            "users": accuracy.users,
            "users_ci95": Z_95 * accuracy.users_se,
            "producers": accuracy.producers,
            "producers_ci95": Z_95 * accuracy.producers_se,
            "mapped_ha": accuracy.mapped * area_ha,
            "area_ha": accuracy.share * area_ha,  # eq. 11
            "area_ci95_ha": Z_95 * accuracy.share_se * area_ha,
            "units_mapped": counts.sum(axis=1),
            "units_true": counts.sum(axis=0),
        }
    )
