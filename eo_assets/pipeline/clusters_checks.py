"""Whether the classes of a date are those of the dates before."""

from __future__ import annotations

from collections.abc import Mapping

from eo_assets.storage.verdicts import Verdict

LEAST_MATCHED_PCT = 80.0
"""Of the classified area; more than a fifth that matches no earlier class wants a look."""


def judge_stability(summary: Mapping[str, float | int | str]) -> Verdict:
    """Judge how much of the region falls into classes known from earlier dates.

    Args:
        summary: Of the clusters' record: ``matched_share_pct``, and ``drift`` if it is known. Both
            are absent when there is no earlier date.

    Returns:
        The verdict; a failure is a warning.
    """
    matched = summary.get("matched_share_pct")
    if not isinstance(matched, int | float):
        text = "There is no earlier date of the region to compare with."
        return Verdict(check="class_stability", passed=True, warning=True, text=text)
    numbers = {k: summary[k] for k in ("matched_share_pct", "drift") if k in summary}
    numbers["limit_pct"] = LEAST_MATCHED_PCT
    text = f"{matched:.1f} % of the classified area belongs to classes known from earlier dates"
    passed = matched >= LEAST_MATCHED_PCT
    advice = (
        "."
        if passed
        else f"; {LEAST_MATCHED_PCT:g} % were expected. Compare true colour and class map in the "
        "report with the date before: snow, harvest and fire change classes, and so does cloud "
        "that was not masked."
    )
    return Verdict(
        check="class_stability", passed=passed, warning=True, text=text + advice, numbers=numbers
    )
