"""How a product did in its checks; stored in its record, so that later steps know too."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Verdict(BaseModel):
    """What came of one check.

    Attributes:
        check: Name of the check, see ``eo_assets.catalog.checks``.
        passed: Whether the product keeps the promise.
        warning: A failure is only worth a look.
        text: What was found, for people; after a failure also what to do.
        numbers: What was measured and its limits, names with units.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    check: str
    passed: bool
    warning: bool = False
    text: str
    numbers: dict[str, float | int | str] = {}
