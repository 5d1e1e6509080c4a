"""Pictures of change: a difference of an index, and what class became what."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from eo_assets.reporting import maps
from eo_assets.reporting.figures import Sketch
from eo_assets.reporting.overview import Image
from eo_assets.reporting.style import NO_DATA

_TRANSITIONS = ("#D55E00", "#0072B2", "#F0E442", "#CC79A7", "#009E73", "#56B4E9", "#000000")
"""Okabe and Ito's colours: told apart by every kind of sight. Other changes share one grey."""

_OTHER = "#8a6d3b"
_SAME = "#eef1f4"
_RANGE = 0.5


def sketch_difference(
    index: str, difference: Image, *, pixel_m: float, words: tuple[str, str], summary: str
) -> Sketch:
    """Sketch the map of a difference.

    Args:
        index: Name of the index.
        difference: Later minus earlier, ``(y, x)``, NaN where either date has no observation.
        pixel_m: Size of a pixel, metres.
        words: The earlier and the later date.
        summary: Its main numbers in a sentence.
    """
    return Sketch(
        key="difference",
        title=f"Change of {index.upper()}",
        alt=f"Map of {index.upper()} on {words[1]} minus {words[0]}. {summary}",
        note="Purple: less than before; orange: more; grey: not seen on both dates.",
        draw=maps.draw_values,
        arguments={
            "values": difference,
            "pixel_m": pixel_m,
            "limits": (-_RANGE, _RANGE),
            "ramp": "PuOr_r",
            "label": f"{index.upper()} {words[1]} minus {words[0]} (dimensionless)",
        },
        photo=True,
    )


def sketch_transitions(
    codes: npt.NDArray[np.uint16], table: pd.DataFrame, *, pixel_m: float
) -> Sketch:
    """Sketch the map of what class became what.

    Args:
        codes: ``from * 256 + to``, ``(y, x)``; 0 where either is missing.
        table: ``from_id, to_id, from_name, to_name, area_ha``, largest first.
        pixel_m: Size of a pixel, metres.
    """
    changed = table[table["from_id"] != table["to_id"]]
    shown = np.full(codes.shape, _N_OTHER, np.uint8)
    shown[codes == 0] = 0
    shown[(codes > 0) & (codes // 256 == codes % 256)] = _N_SAME
    key = {0: ("no class on one of the dates", NO_DATA), _N_SAME: ("same class", _SAME)}
    rows = changed.head(len(_TRANSITIONS)).to_dict("records")
    for number, (row, colour) in enumerate(zip(rows, _TRANSITIONS, strict=False), start=1):
        shown[codes == row["from_id"] * 256 + row["to_id"]] = number
        name = f"{row['from_id']} → {row['to_id']}  {row['area_ha']:,.0f} ha"
        key[number] = (name, colour)
    if len(changed) > len(_TRANSITIONS):
        rest = changed["area_ha"].iloc[len(_TRANSITIONS) :].sum()
        key[_N_OTHER] = (f"other  {rest:,.0f} ha", _OTHER)
    total = table["area_ha"].sum()
    share = 100 * changed["area_ha"].sum() / total if total else 0.0
    largest = (
        f"; the largest change is class {rows[0]['from_id']} to {rows[0]['to_id']}, "
        f"{rows[0]['area_ha']:,.0f} ha"
        if rows
        else ""
    )
    return Sketch(
        key="transitions",
        title="What class became what",
        alt=f"Map of class changes: {share:.1f} per cent of the ground seen on both dates has "
        f"another class{largest}.",
        note="Classes stand for reflectance: seasons change them as well as events on the ground.",
        draw=maps.draw_codes,
        arguments={"codes": shown, "key": key, "pixel_m": pixel_m},
    )


_N_SAME, _N_OTHER = 100, 101
