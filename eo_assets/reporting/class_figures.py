"""The figures that show a classification, and what they say in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from eo_assets.reporting import class_charts, quality_charts
from eo_assets.reporting.figures import Sketch


def sketch_classes(
    classes: pd.DataFrame,
    signatures: pd.DataFrame,
    sample: pd.DataFrame,
    k_scan: pd.DataFrame,
    *,
    suggested: int | None,
) -> list[Sketch]:
    """Sketch the charts of a classification.

    Args:
        classes: One row a class.
        signatures: One row a class and band.
        sample: Sampled pixels: reflectance by band, ``class_id`` and ``silhouette``.
        k_scan: One row a number of classes; may be empty.
        suggested: Number of classes the scan suggests.
    """
    sketches = [
        Sketch(
            key="signatures",
            title="Spectral signatures",
            alt="Mean reflectance of each class from visible light to short-wave infrared. "
            + _brightest(signatures),
            note="Lines are class means, shades one standard deviation to either side.",
            draw=class_charts.draw_signatures,
            arguments={"signatures": signatures, "classes": classes},
        ),
        Sketch(
            key="class_areas",
            title="Area of each class",
            alt="Bars: "
            + ", ".join(
                f"class {row['class_id']} {row['area_ha']:,.0f} ha"
                for row in classes.to_dict("records")
            )
            + ".",
            note="Valid pixels times the ground area of a pixel.",
            draw=class_charts.draw_areas,
            arguments={"classes": classes},
        ),
        Sketch(
            key="principal_components",
            title="Classes in spectral space",
            alt=f"{len(sample):,} sampled pixels on the first two principal components, coloured "
            "by class.",
            note="Where clouds of colour overlap, classes pass into one another.",
            draw=class_charts.draw_principal_components,
            arguments={"sample": sample, "classes": classes},
        ),
    ]
    if "red" in sample and ("nir" in sample or "nir08" in sample):
        sketches.insert(
            3,
            Sketch(
                key="red_nir",
                title="Red and near infrared",
                alt=f"{len(sample):,} sampled pixels by red and near-infrared reflectance, "
                "coloured by class.",
                note="Vegetation lies at the upper left, bare ground on the diagonal, water at "
                "the origin.",
                draw=class_charts.draw_red_nir,
                arguments={"sample": sample, "classes": classes},
            ),
        )
    # a date that shows a single class has no silhouettes
    if sample["silhouette"].notna().any():
        sketches.append(_sketch_silhouettes(sample, classes))
    if k_scan["silhouette"].notna().any():
        sketches.append(_sketch_k_scan(k_scan, len(classes), suggested))
    return sketches


def _brightest(signatures: pd.DataFrame) -> str:
    reflectance = signatures[(signatures["units"] == "1") & (signatures["count"] > 0)]
    row = max(reflectance.to_dict("records"), key=lambda row: row["mean"])
    return f"The highest mean is {row['mean']:.2f}, class {row['class_id']} in {row['band']}."


def _sketch_silhouettes(sample: pd.DataFrame, classes: pd.DataFrame) -> Sketch:
    by_class = sample.groupby("class_id")["silhouette"].mean()
    return Sketch(
        key="silhouettes",
        title="Silhouettes",
        alt=f"Silhouette of {len(sample):,} sampled pixels by class: mean "
        f"{sample['silhouette'].mean():.2f}, weakest class {by_class.idxmin()} with "
        f"{by_class.min():.2f}.",
        note="1: far from every other class; 0: on a border; below 0: closer to another class.",
        draw=quality_charts.draw_silhouettes,
        arguments={"sample": sample, "classes": classes},
    )


def _sketch_k_scan(k_scan: pd.DataFrame, chosen: int, suggested: int | None) -> Sketch:
    best = k_scan["k"].iloc[int(np.nanargmax(k_scan["silhouette"].to_numpy()))]
    elbow = f"; {suggested} are suggested" if suggested is not None else ""
    return Sketch(
        key="number_of_classes",
        title="How many classes",
        alt=f"Four measures for {k_scan['k'].min()} to {k_scan['k'].max()} classes: the best "
        f"silhouette is at {best}{elbow}; {chosen} are in use.",
        note="Each number of classes was fitted to the same sample.",
        draw=quality_charts.draw_k_scan,
        arguments={"scan": k_scan, "chosen": chosen, "suggested": suggested},
    )
