"""How cost grows: processor time against size, and the exponent of the curve through it.

    python benchmarks/growth.py [--only ALONG...] [--json FILE]

Each size has a world of its own. Sizes take turns, so that a slow minute of the machine meets all
of them, and the least of a few runs counts, for other processes only ever make a run slower. The
curve is ``a + b nᵖ`` with ``a, b ≥ 0``, the one whose relative errors have the least squares.
``step`` is the exponent between the two largest sizes alone, ``log(c₂/c₁) / log(n₂/n₁)``: it needs
no fit, and a constant part makes it too small. Where the cost of the largest size is within
``FLAT`` of that of the smallest, it does not grow, and the exponent is nought.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from growth_cases import CASES, Case, Work
from scipy.optimize import nnls

FLAT = 1.25
MOST_ROUNDS, ENOUGH_S = 5, 30.0
"""Rounds of all sizes: so many, or as many as begin within so many seconds, but two at least."""


@dataclass(frozen=True)
class Curve:
    """Cost ``constant_s + slope_s * size ** exponent``, seconds."""

    constant_s: float
    slope_s: float
    exponent: float


def fit(sizes: Sequence[int], seconds: Sequence[float]) -> Curve:
    """Fit the curve to costs.

    Args:
        sizes: In rising order.
        seconds: Cost of each, positive.

    Returns:
        The curve; flat, with the median cost as its constant, where nothing grows.
    """
    n, cost = np.asarray(sizes, float), np.asarray(seconds, float)
    if cost[-1] <= FLAT * cost[0]:
        return Curve(float(np.median(cost)), 0.0, 0.0)

    def at(exponent: float) -> tuple[float, Curve]:
        # sizes relative to the largest: powers of small numbers stay comparable with the constant
        columns = np.stack([np.ones_like(n), (n / n[-1]) ** exponent], axis=1)
        (constant, slope), error = nnls(columns / cost[:, np.newaxis], np.ones_like(n))
        return error, Curve(float(constant), float(slope / n[-1] ** exponent), float(exponent))

    return min((at(exponent) for exponent in np.arange(0.05, 3, 0.01)), key=lambda one: one[0])[1]


def least_s(works: Sequence[Work]) -> list[float]:
    """Give the least of a few runs of each, which take turns."""
    started, rounds = time.monotonic(), []
    while len(rounds) < MOST_ROUNDS and (len(rounds) < 2 or time.monotonic() - started < ENOUGH_S):
        rounds.append([work() for work in works])
    return [max(min(runs), 1e-4) for runs in zip(*rounds, strict=True)]


def measure(case: Case) -> dict:
    """Measure all sizes of a case."""
    with contextlib.ExitStack() as worlds:
        works = []
        for size in case.sizes:
            folder = worlds.enter_context(tempfile.TemporaryDirectory())
            works.append(worlds.enter_context(case.world(Path(folder), size)))
        seconds = least_s(works)
    for size, one in zip(case.sizes, seconds, strict=True):
        print(f"{case.along} {size}: {one:.3f} s", flush=True)
    curve = fit(case.sizes, seconds)
    step = math.log(seconds[-1] / seconds[-2]) / math.log(case.sizes[-1] / case.sizes[-2])
    return {
        "with": case.along,
        "cost_of": case.cost,
        "sizes": list(case.sizes),
        "cpu_s": [round(one, 4) for one in seconds],
        "exponent": round(curve.exponent, 2),
        "step": round(step, 2),
        "constant_s": curve.constant_s,
        "slope_s": curve.slope_s,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", choices=[case.along for case in CASES])
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    rows = []
    for case in CASES:
        if options.only and case.along not in options.only:
            continue
        started = time.monotonic()
        rows.append(measure(case))
        took = time.monotonic() - started
        print(f"  {case.along}: exponent {rows[-1]['exponent']:.2f}, step {rows[-1]['step']:.2f}; "
              f"measured in {took:.0f} s", flush=True)  # fmt: skip
        if options.json:
            options.json.write_text(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
