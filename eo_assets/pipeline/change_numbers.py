"""The numbers of change: from counted pixels to hectares."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from eo_assets.cube.grid import Grid
from eo_assets.pipeline.change_tasks import FARTHEST, Counts
from eo_assets.pipeline.index_map_tasks import INDEX_SCALE

MUCH = 0.1
"""Differences of an index beyond it are counted as gain or loss."""


def hectares_of(grid: Grid) -> float:
    """Area of a pixel, hectares."""
    return abs(grid.transform[0] * grid.transform[4]) / 10_000


def summarise(counts: Counts, pixel_ha: float) -> dict[str, float | int | str]:
    """Sum up differences.

    Args:
        counts: Pixels by difference, from ``write_difference``.
        pixel_ha: Area of a pixel.
    """
    steps = np.arange(-FARTHEST, FARTHEST + 1)
    much = round(MUCH / INDEX_SCALE)
    total = int(counts.sum())
    if not total:
        return {"compared_ha": 0.0}
    return {
        "compared_ha": round(total * pixel_ha, 2),
        "mean_difference": round(float((steps * counts).sum() / total * INDEX_SCALE), 4),
        "gain_ha": round(float(counts[steps > much].sum() * pixel_ha), 2),
        "loss_ha": round(float(counts[steps < -much].sum() * pixel_ha), 2),
    }


def transition_table(
    pairs: Counts, before: pd.DataFrame, after: pd.DataFrame, pixel_ha: float
) -> pd.DataFrame:
    """Give what class became what, largest area first.

    Args:
        pairs: Pixels by earlier and later class id.
        before: Classes of the earlier date.
        after: Classes of the later date.
        pixel_ha: Area of a pixel.

    Returns:
        ``from_id, to_id, from_name, to_name, pixels, area_ha``.
    """
    known = pd.concat([before, after]).drop_duplicates("class_id", keep="last")
    names = dict(zip(known["class_id"].tolist(), known["name"].tolist(), strict=True))
    rows: list[dict[str, Any]] = [
        {
            "from_id": int(first),
            "to_id": int(second),
            "from_name": names[int(first)],
            "to_name": names[int(second)],
            "pixels": int(pairs[first, second]),
            "area_ha": float(pairs[first, second] * pixel_ha),
        }
        for first, second in np.argwhere(pairs)
    ]
    columns = ["from_id", "to_id", "from_name", "to_name", "pixels", "area_ha"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["area_ha", "from_id", "to_id"], ascending=[False, True, True])


def changed_pct(table: pd.DataFrame) -> float:
    """Share of the ground classified on both dates that has another class."""
    other = table.loc[table["from_id"] != table["to_id"], "area_ha"].sum()
    return round(100 * float(other) / max(float(table["area_ha"].sum()), 1e-9), 3)
