"""What a report says in words and numbers: headline facts, provenance, its JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from eo_assets import __version__
from eo_assets.pipeline.report_inputs import COVERAGE, ReportInputs, UsedScene
from eo_assets.reporting.figures import ndvi_quantiles, ndvi_spread
from eo_assets.reporting.overview import Overview
from eo_assets.reporting.page import Share

_COVERAGE = {
    "valid_pct": ("Valid", "valid"),
    "masked_pct": ("Cloud, shadow or snow", "masked"),
    "no_coverage_pct": ("Not seen by the satellite", "unseen"),
    "failed_read_pct": ("File could not be read", "failed"),
}


def coverage(inputs: ReportInputs) -> list[Share]:
    """Give how the region's pixels divide."""
    return [
        Share(name=_COVERAGE[key][0], percent=inputs.coverage[key], css_class=_COVERAGE[key][1])
        for key in COVERAGE
        if key in inputs.coverage
    ]


def scene_row(position: int, scene: UsedScene) -> dict[str, str]:
    """Give one row of the table of scenes."""
    cloud = scene.cloud_cover_pct
    return {
        "position": str(position),
        "id": scene.id,
        "acquired": f"{scene.acquired:%Y-%m-%d %H:%M:%S}",
        "platform": scene.platform,
        "cloud": "–" if cloud is None else f"{cloud:.1f}",
        "baseline": scene.baseline or "–",
    }


def facts(inputs: ReportInputs, overview: Overview | None) -> list[tuple[str, str]]:
    """Give the headline numbers."""
    found = [("Scenes", str(len(inputs.scenes)))]
    if "valid_pct" in inputs.coverage:
        found.insert(0, ("Region seen", f"{inputs.coverage['valid_pct']:.1f} %"))
    if inputs.geobox is not None:
        found.append(("Pixel", f"{abs(inputs.geobox.affine.a):g} m"))
    if overview is not None and overview.ndvi_counts.sum():
        found.append(("Median NDVI", f"{ndvi_quantiles(overview)[0]:.2f}"))
    if inputs.classes is not None:
        area = inputs.classes.classes["area_ha"].sum()
        found.insert(0, ("Classified area", f"{area:,.0f} ha"))
        found.append(("Classes", str(len(inputs.classes.classes))))
        silhouette = inputs.classes.sample["silhouette"].mean()
        if math.isfinite(silhouette):  # one class has none
            found.append(("Mean silhouette", f"{silhouette:.2f}"))
    return found


def reading(inputs: ReportInputs) -> list[tuple[str, str]]:
    """Say how completely the scenes could be read.

    How often reads were tried again is left to the record of the mosaic: a report says what its
    inputs are, and a mosaic is the same however long a server was busy.
    """
    made = inputs.reading
    found = []
    if "completeness_pct" in made:
        found.append(("Complete", f"{made['completeness_pct']:.1f} % of what the archive offers"))
    if made.get("failed_reads"):
        found.append(("Could not be read", str(made["failed_reads"])))
    return found


_STILL = 0.5
"""Drift in standard deviations up to which classes look as they did."""


def continuity(inputs: ReportInputs) -> list[tuple[str, str]]:
    """Say how the classes of the date continue those of the code book."""
    if inputs.classes is None or "code_book" not in inputs.classes.record.summary:
        return []
    said = inputs.classes.record.summary
    ids = inputs.classes.classes
    new = ids.loc[ids["since"] == inputs.date.isoformat()] if said["new_classes"] else ids[:0]
    drift = float(said["drift"])
    moved = "they look as they did" if drift <= _STILL else "season or ground have changed"
    founder = said["reference_date"] == inputs.date.isoformat()
    found = [
        ("Founded on", "this date" if founder else str(said["reference_date"])),
        ("Known classes", f"{said['matched_share_pct']:.1f} % of the classified area"),
        ("Unlike its class", f"{said['unlike_pct']:.1f} % of the area"),
        ("Drift", f"{drift:.2f} standard deviations of the reference: {moved}"),
        ("New classes", ", ".join(f"{r.class_id} ({r.name})" for r in new.itertuples()) or "none"),
        ("Classes without a pixel", str(said["missing_classes"]) or "none"),
        ("Code book", str(said["code_book"])),
    ]
    return found if not founder else [found[0], *found[2:3], found[-1]]


def class_rows(inputs: ReportInputs) -> pd.DataFrame:
    """Give one row a class; the date that founded the classes has no drift worth telling."""
    if inputs.classes is None:
        return pd.DataFrame()
    rows = inputs.classes.classes
    founder = inputs.classes.record.summary.get("reference_date") == inputs.date.isoformat()
    return rows.assign(drift=math.nan) if founder else rows


def provenance(inputs: ReportInputs) -> list[tuple[str, str]]:
    """Give what the report was made from and with."""
    found = [("Region", inputs.region), ("Software", f"eo_assets {__version__}")]
    geobox = inputs.geobox
    if geobox is not None:
        rows, cols = geobox.shape
        found.append(
            ("Grid", f"{geobox.crs}, {cols} × {rows} pixels of {abs(geobox.affine.a):g} m")
        )
    if inputs.classes is not None:
        model = inputs.classes.model
        found += [
            ("Clustering", f"{model.method}, seed {model.seed}; " + _listed(model.parameters)),
            ("Features", ", ".join(model.features)),
            ("Sample", f"{model.n_sample:,} pixels"),
            ("Fitted with", _listed(model.versions)),
            ("Number of classes", inputs.classes.suggestion),
        ]
    found += [(f"Digest of {step}", digest) for step, digest in inputs.digests.items()]
    return [(label, value) for label, value in found if value]


def numbers(inputs: ReportInputs, overview: Overview | None) -> dict[str, Any]:
    """Give every number of the report, JSON-ready; null where there is none."""
    content: dict[str, Any] = {
        "region": inputs.region,
        "date": inputs.date.isoformat(),
        "collection": inputs.collection,
        "empty": inputs.empty,
        "coverage_pct": dict(inputs.coverage),
        "reading": dict(reading(inputs)),
        "scenes": [
            {
                "id": scene.id,
                "acquired": scene.acquired.isoformat(),
                "platform": scene.platform,
                "cloud_cover_pct": scene.cloud_cover_pct,
                "baseline": scene.baseline,
            }
            for scene in inputs.scenes
        ],
        "provenance": dict(provenance(inputs)),
    }
    if overview is not None and overview.ndvi_counts.sum():
        median, low, high = ndvi_quantiles(overview)
        content["ndvi"] = {"median": median, "p05": low, "p95": high, **ndvi_spread(overview)}
    if inputs.classes is not None:
        tables = inputs.classes
        content |= {
            "classes": _records(tables.classes),
            "signatures": _records(tables.signatures),
            "k_scan": _records(tables.k_scan),
            "suggested_classes": tables.suggested,
            "continuity": dict(continuity(inputs)),
        }
    return content


def _listed(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            str(name): None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in row.items()
        }
        for row in table.to_dict("records")
    ]
