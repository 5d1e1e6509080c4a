"""Whether a product lies where its region says."""

from __future__ import annotations

import math

from odc.geo.geobox import GeoBox

from eo_assets.storage.verdicts import Verdict

TOLERANCE_PX = 0.001
"""Rounding of stored coordinates stays far below it."""


def judge_grid(name: str, found: GeoBox, wanted: GeoBox, *, again: str) -> Verdict:
    """Compare the grid of a product with the one of its region.

    Args:
        name: Name of the check.
        found: Where the product's pixels lie.
        wanted: The region's grid.
        again: The step to materialise again when they differ.

    Returns:
        The verdict; its numbers give the shift in pixels, to the east and south.
    """
    same_crs = found.crs == wanted.crs
    crs = str(wanted.crs) if same_crs else _short(found)
    numbers: dict[str, float | int | str] = {
        "crs": crs,
        "resolution_m": abs(found.transform.a),
        "width_px": int(found.shape[1]),
        "height_px": int(found.shape[0]),
    }
    faults = []
    if not same_crs:
        faults.append(f"its CRS is {crs}, not {wanted.crs}")
    else:
        # in the region's pixels, so that a shift reads as one
        column, row = ~wanted.transform * (found.transform.c, found.transform.f)
        numbers |= {"shift_east_px": round(column, 4), "shift_south_px": round(row, 4)}
        if max(abs(column), abs(row)) > TOLERANCE_PX:
            faults.append(f"it is shifted by {column:g} pixels to the east, {row:g} to the south")
        sizes = [(found.transform.a, wanted.transform.a), (found.transform.e, wanted.transform.e)]
        if not all(math.isclose(own, region, rel_tol=1e-9) for own, region in sizes):
            faults.append(f"its pixels are {found.transform.a:g} m wide, not {sizes[0][1]:g} m")
    if tuple(found.shape) != tuple(wanted.shape):
        faults.append(
            f"it has {found.shape[1]} × {found.shape[0]} pixels, not "
            f"{wanted.shape[1]} × {wanted.shape[0]}"
        )
    if not faults:
        return Verdict(check=name, passed=True, text="It is the region's grid.", numbers=numbers)
    found_text = "; ".join(faults)
    return Verdict(
        check=name,
        passed=False,
        text=f"{found_text[0].upper()}{found_text[1:]}. Was the region changed since {again}? "
        f"Materialise from {again} on.",
        numbers=numbers,
    )


def _short(geobox: GeoBox) -> str:
    epsg = geobox.crs.to_epsg() if geobox.crs else None
    return f"EPSG:{epsg}" if epsg else str(geobox.crs)
