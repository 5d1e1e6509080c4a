"""All that is to be said of a product's checks, those included that emptiness decides."""

from __future__ import annotations

from eo_assets.catalog.checks import CHECKS, HAS_IMAGERY, Check
from eo_assets.storage.emptiness import reason, remedy
from eo_assets.storage.store import Record
from eo_assets.storage.verdicts import Verdict


def verdicts_of(record: Record) -> list[tuple[Check, Verdict]]:
    """Give every check of a product with its verdict.

    Args:
        record: Of the product.

    Returns:
        Checks and verdicts. An empty product breaks no promise but that there is something; a
        product from before a check existed has no verdict of it.
    """
    judged = {verdict.check: verdict for verdict in record.verdicts}
    found = []
    for check in CHECKS.get(record.step, ()):
        if check.name == HAS_IMAGERY:
            found.append((check, _imagery(record)))
        elif check.name in judged:
            found.append((check, judged[check.name]))
        elif record.empty:
            text = f"Nothing to check. {reason(record.empty)}"
            found.append((check, Verdict(check=check.name, passed=True, text=text)))
    return found


def _imagery(record: Record) -> Verdict:
    if record.empty:
        text = f"{reason(record.empty)} {remedy(record.empty)}".strip()
        numbers: dict[str, float | int | str] = {"reason": record.empty, "valid_pct": 0.0}
        return Verdict(check=HAS_IMAGERY, passed=False, warning=True, text=text, numbers=numbers)
    valid = record.summary["valid_pct"]
    text = f"{valid} % of the region has usable pixels."
    return Verdict(check=HAS_IMAGERY, passed=True, text=text, numbers={"valid_pct": valid})
