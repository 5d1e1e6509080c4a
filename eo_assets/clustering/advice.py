"""What people should know before they trust a classification, and what they can do about it."""

from __future__ import annotations

import pandas as pd

from eo_assets.clustering.palette import MAX_DISTINCT
from eo_assets.clustering.quality import Suggestion

DOMINANT_PCT = 60.0
TINY_PCT = 0.1
POOR_SILHOUETTE = 0.25
"""Below it, structure is weak or artificial: Kaufman and Rousseeuw 1990, table 4."""

FAR_DRIFT = 2.0


def warnings_about(
    classes: pd.DataFrame, silhouette: pd.Series, suggestion: Suggestion | None
) -> tuple[str, ...]:
    """Say what is odd about classes, and what would help.

    Args:
        classes: One row a class, see ``tables.class_table``.
        silhouette: Silhouettes of sampled pixels.
        suggestion: Number of classes a scan suggests.

    Returns:
        Sentences, the gravest last; often none.
    """
    found = []
    if len(classes) > MAX_DISTINCT:
        found.append(
            f"{len(classes)} classes: above {MAX_DISTINCT}, colours are hard to tell apart on a "
            "map."
        )
    missing = classes.loc[classes["count"] == 0, "class_id"].tolist()
    if missing:
        found.append(f"No pixel belongs to {_named(missing)[0].lower()} on this date.")
    tiny = classes.query("0 < share_pct < @TINY_PCT")["class_id"].tolist()
    if tiny:
        who, s = _named(tiny)
        found.append(
            f"{who} cover{s} less than {TINY_PCT:g} %: rare cover such as water or "
            "snow, or stray pixels; fewer classes would merge it with another."
        )
    largest = int(classes["share_pct"].argmax())
    share_pct = classes["share_pct"].iloc[largest]
    if share_pct > DOMINANT_PCT:
        found.append(
            f"Class {classes['class_id'].iloc[largest]} covers {share_pct:.0f} %: more classes, or "
            "features such as indices, would divide it."
        )
    far = classes.loc[classes["drift"] > FAR_DRIFT, "class_id"].tolist()
    if far:
        who, s = _named(far)
        found.append(
            f"{who} lie{s} more than {FAR_DRIFT:g} standard deviations from where the reference "
            "date has its mean: the season has changed, and ids stand for reflectance, not for "
            "places."
        )
    if silhouette.mean() < POOR_SILHOUETTE:
        better = f", {suggestion.n_clusters} are suggested," if suggestion else ""
        found.append(
            f"Classes are poorly separated (mean silhouette {silhouette.mean():.2f}): another "
            f"number of classes{better} or other features may fit better."
        )
    return tuple(found)


def _named(ids: list[int]) -> tuple[str, str]:
    """Name classes at the beginning of a sentence, and the ending of its verb."""
    listed = ", ".join(map(str, ids))
    return (f"Class {listed}", "s") if len(ids) == 1 else (f"Classes {listed}", "")
