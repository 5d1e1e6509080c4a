"""Reflectance of surfaces and clouds per Sentinel-2 band: the table ``signatures.csv``.

Each row of the table names where its figures come from and which of them are unverified.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

BANDS = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")


@cache
def table() -> dict[str, dict[str, float]]:
    """Surface reflectance (0–1) per surface and band, and ``relative_sd`` within the surface."""
    text = files("eo_assets.sample").joinpath("signatures.csv").read_text(encoding="utf-8")
    return {
        row["surface"]: {name: float(row[name]) for name in (*BANDS, "relative_sd")}
        for row in csv.DictReader(text.splitlines())
    }
