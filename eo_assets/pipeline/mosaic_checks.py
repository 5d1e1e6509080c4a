"""Whether a mosaic may be passed on: complete, in its place, plausible, radiometry in order.

Everything is judged from what was stored, a sample of its chunks, and from the region: from nothing
that the mosaic was computed with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import zarr
from odc.geo.crs import CRS

from eo_assets.catalog.bands import Quantity
from eo_assets.catalog.collections import get_collection
from eo_assets.cube.compositing import Status
from eo_assets.cube.grid import inside, project_outline, region_geobox
from eo_assets.pipeline.grid_verdict import judge_grid
from eo_assets.pipeline.mosaic_samples import sample_windows, sampled, stored_grid
from eo_assets.pipeline.tasks import TaskRunner
from eo_assets.places import Place
from eo_assets.storage.mosaic_zarr import open_arrays
from eo_assets.storage.partition import Partition
from eo_assets.storage.verdicts import Verdict

PLAUSIBLE: Mapping[str, tuple[float, float]] = {
    # sunlit slopes of snow reflect more than a level white surface would
    "reflectance": (0.0, 1.6),
    "temperature": (180.0, 350.0),
    "elevation": (-450.0, 8900.0),
}
IMPLAUSIBLE_PCT = 1.0

GREEN_NDVI = 0.4
GREEN_RED_MAX = 0.09
"""The darkest of green vegetation absorbs more red than that; with an offset of 0.1 left in none
does."""

BLACK_PCT = 20.0
"""More pixels without light in any visible band there are on no clear day; with the offset taken
off twice all vegetation and water is among them."""

FEWEST_PIXELS = 500

THREADS = 2
"""Bands looked at side by side."""

MOST_PIXELS = 250_000
"""Pixels of a band whose radiometry is judged: one place in several of those looked at."""

_VISIBLE = ("coastal", "blue", "green", "red")
_TELLING = (*_VISIBLE, "nir", "nir08")


@dataclass(frozen=True)
class LookTask:
    """A mosaic to look at.

    Attributes:
        mosaic: Path of the Zarr.
        partition: Its partition.
        quantities: What each of its bands measures.
    """

    mosaic: str
    partition: Partition
    quantities: Mapping[str, Quantity]


@dataclass(frozen=True)
class BandRange:
    """How many stored pixels of a band are plausible.

    Attributes:
        band: Name of the band.
        valid_px: Pixels with a value.
        low_px: Those below what is plausible.
        high_px: Those above.
        lowest: Lowest value; NaN without one.
        highest: Highest value; NaN without one.
    """

    band: str
    valid_px: int
    low_px: int
    high_px: int
    lowest: float
    highest: float


def check_mosaic(
    partition: Partition,
    mosaic: Place,
    *,
    bands: Sequence[str],
    failed_read_pct: float,
    failure_budget: float,
    runner: TaskRunner,
) -> tuple[Verdict, ...]:
    """Judge a mosaic.

    Args:
        partition: Its partition.
        mosaic: The Zarr.
        bands: Its bands.
        failed_read_pct: Share of its pixels lost to files that could not be read, per cent.
        failure_budget: How much of that may be, 0-1.
        runner: Where pixels are looked at.

    Returns:
        One verdict for each of its checks but ``has_imagery``.
    """
    collection = get_collection(partition.region.collection)
    quantities = {name: collection.band(name).quantity for name in bands}
    task = LookTask(mosaic=str(mosaic), partition=partition, quantities=quantities)
    [verdicts] = runner.map(look_at_mosaic, [task], label="mosaic's checks")
    return judge_completeness(failed_read_pct, failure_budget), *verdicts


def judge_completeness(failed_read_pct: float, failure_budget: float) -> Verdict:
    """Judge how much is missing; a mosaic over its budget fails before it is stored."""
    limit = 100 * failure_budget
    return Verdict(
        check="completeness",
        passed=failed_read_pct <= limit,
        text=f"{failed_read_pct:g} % of the region is missing because files could not be read; "
        f"{limit:g} % may be.",
        numbers={"failed_read_pct": failed_read_pct, "limit_pct": limit},
    )


def look_at_mosaic(task: LookTask) -> tuple[Verdict, Verdict, Verdict]:
    """Judge grid, values and radiometry of a stored mosaic, each band read once; on a worker."""
    mosaic = open_arrays(task.mosaic)
    grid = judge_grid(
        "grid", stored_grid(mosaic), region_geobox(task.partition.region), again="band_stack"
    )
    if grid.passed:
        grid = _with_outline(grid, mosaic, task.partition)

    def look(name: str) -> tuple[BandRange, npt.NDArray[np.uint16] | None]:
        pixels, quantity = sampled(mosaic[name]), task.quantities[name]
        telling = quantity.name == "reflectance" and name in _TELLING
        # of the same places in all bands
        sample = pixels[:: -(-pixels.size // MOST_PIXELS)].copy() if telling else None
        return range_of(name, pixels, quantity), sample

    with ThreadPoolExecutor(THREADS) as pool:
        looked = dict(zip(task.quantities, pool.map(look, task.quantities), strict=True))
    ranges = [found for found, _ in looked.values()]
    samples = {name: sample for name, (_, sample) in looked.items() if sample is not None}
    return grid, judge_ranges(ranges), judge_radiometry(samples)


def range_of(band: str, pixels: npt.NDArray[np.uint16], quantity: Quantity) -> BandRange:
    """Count the plausible pixels of a band.

    Args:
        band: Its name.
        pixels: Stored pixels, one dimension.
        quantity: What they measure.

    Returns:
        The counts.
    """
    steps = np.arange(65_536) * quantity.scale + quantity.offset
    low, high = PLAUSIBLE[quantity.name]
    # values grow with what is stored: two stored numbers bound what is plausible
    first, last = int((steps < low).sum()), int((steps <= high).sum())
    # nothing is copied: OpenCV counts and compares under a mask
    valid = (pixels != quantity.nodata).view(np.uint8)
    n = cv2.countNonZero(valid)
    lowest, highest, _, _ = cv2.minMaxLoc(pixels, valid)
    return BandRange(
        band=band,
        valid_px=n,
        low_px=int(np.count_nonzero((pixels < first) & valid)) if n and lowest < first else 0,
        high_px=int(np.count_nonzero((pixels >= last) & valid)) if n and highest >= last else 0,
        lowest=float(steps[int(lowest)]) if n else float("nan"),
        highest=float(steps[int(highest)]) if n else float("nan"),
    )


def judge_ranges(ranges: Sequence[BandRange]) -> Verdict:
    """Judge whether the values of all bands are plausible."""
    shares = {r.band: 100 * (r.low_px + r.high_px) / r.valid_px for r in ranges if r.valid_px}
    worst = max(shares, key=lambda band: shares[band], default="")
    share = shares.get(worst, 0.0)
    numbers: dict[str, float | int | str] = {
        "worst_band": worst,
        "implausible_pct": round(share, 4),
        "limit_pct": IMPLAUSIBLE_PCT,
    }
    for one in ranges:
        if one.band == worst:
            numbers |= {"lowest": round(one.lowest, 4), "highest": round(one.highest, 4)}
    if share <= IMPLAUSIBLE_PCT:
        text = f"At most {share:.2g} % of a band is implausible ({worst or 'no band'})."
        return Verdict(check="value_range", passed=True, text=text, numbers=numbers)
    return Verdict(
        check="value_range",
        passed=False,
        text=f"{share:.1f} % of {worst} are values the ground does not have. Compare scale and "
        "offset of the scenes (probes.json of band_stack) with what their provider documents; "
        "leave a scene out with the region's filters.",
        numbers=numbers,
    )


def _with_outline(
    verdict: Verdict, mosaic: Mapping[str, zarr.Array[Any]], partition: Partition
) -> Verdict:
    geobox = region_geobox(partition.region)
    outline = project_outline(partition.region.geometry, CRS(geobox.crs)).json
    wrong = 0
    status = mosaic["status"]
    for window in sample_windows(status.shape):
        placed = np.asarray(status[window]) != Status.OUTSIDE_REGION
        wrong += int((placed != inside(geobox[window], outline)).sum())
    numbers = verdict.numbers | {"misplaced_px": wrong}
    if not wrong:
        return verdict.model_copy(update={"numbers": numbers})
    text = (
        f"{wrong:,} pixels looked at lie outside the region's outline and have a place in it, or "
        "the reverse: pixels and coordinates do not belong together. Materialise from band_stack "
        "on."
    )
    return Verdict(check=verdict.check, passed=False, text=text, numbers=numbers)


def judge_radiometry(samples: Mapping[str, npt.NDArray[Any]]) -> Verdict:
    """Judge by dark ground whether an offset was left in or taken off twice.

    Args:
        samples: Stored pixels of some bands, all of the same places: 0 is no observation, a step is
            0.0001 of reflectance, 1 what is black or below.

    Returns:
        The verdict; passed when there is too little dark ground to tell. The rule is the project's
        own, see ``eo_assets.cube.selfcheck`` for the one that looks at single scenes.
    """
    visible = [samples[name] for name in _VISIBLE if name in samples]
    seen = [pixels[pixels > 0] for pixels in visible]
    black = min((100 * float((p <= 1).mean()) for p in seen if p.size), default=0.0)
    numbers: dict[str, float | int | str] = {"black_pct": round(black, 3), "limit_pct": BLACK_PCT}
    if black > BLACK_PCT:
        text = (
            f"At least {black:.0f} % of the pixels are black in every visible band: the offset was "
            "probably taken off twice. See the radiometry of each scene in probes.json of "
            "band_stack; leave the scenes at fault out with the region's filters."
        )
        return Verdict(check="radiometry", passed=False, text=text, numbers=numbers)
    red, nir = samples.get("red"), samples.get("nir", samples.get("nir08"))
    vegetation = np.zeros(0) if red is None or nir is None else _vegetation(red, nir)
    if vegetation.size < FEWEST_PIXELS:
        text = "Nothing is black that should not be; too little vegetation to tell more."
        return Verdict(check="radiometry", passed=True, text=text, numbers=numbers)
    dark = float(np.percentile(vegetation, 1))
    numbers |= {"vegetation_red_p01": round(dark, 4), "limit_reflectance": GREEN_RED_MAX}
    if dark < GREEN_RED_MAX:
        text = f"The darkest vegetation reflects {dark:.3f} of red light, as it should."
        return Verdict(check="radiometry", passed=True, text=text, numbers=numbers)
    text = (
        f"Even the darkest vegetation reflects {dark:.3f} of red light, and below {GREEN_RED_MAX} "
        "was expected: an offset was probably left in. See the radiometry of each scene in "
        "probes.json of band_stack; leave the scenes at fault out with the region's filters."
    )
    return Verdict(check="radiometry", passed=False, text=text, numbers=numbers)


def _vegetation(red: npt.NDArray[Any], nir: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Give the red reflectance of what is green."""
    red, nir = red.astype(np.float32), nir.astype(np.float32)
    with np.errstate(invalid="ignore", divide="ignore"):
        ndvi = (nir - red) / (nir + red)
    green: npt.NDArray[np.float32] = red[(red > 0) & (nir > 0) & (ndvi > GREEN_NDVI)] / 10_000
    return green
