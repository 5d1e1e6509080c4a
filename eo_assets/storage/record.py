"""What a step says of its product: the record, stored beside it and written last."""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from eo_assets.catalog.checks import CHECKS
from eo_assets.errors import RejectedArtifactError
from eo_assets.places import Place, reading
from eo_assets.storage.verdicts import Verdict

RECORD = "record.json"
RECORD_SCHEMA: Final = 1


class Record(BaseModel):
    """What a step says of its product; stored beside it, written last.

    Attributes:
        schema_version: Version of this form.
        step: Name of the step: ``mosaic``.
        region: Region id.
        collection: STAC collection id.
        date: Solar day, ISO 8601; ``all`` for what is about no one date.
        empty: Why the product is empty: ``no_scene``, ``all_cloud``...; None when it is not.
        summary: Numbers and words about the product, for people and plots.
        upstream: Digest of each upstream product it was made from.
        files: The files people want, by role, relative to the folder.
        digest: Identifies the product's content.
        verdicts: How it did in its checks.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    schema_version: Literal[1] = RECORD_SCHEMA
    step: str
    region: str
    collection: str
    date: str
    empty: str | None = None
    summary: dict[str, float | int | str] = {}
    upstream: dict[str, str] = {}
    files: dict[str, str] = {}
    digest: str = ""
    verdicts: tuple[Verdict, ...] = ()

    @property
    def product_id(self) -> str:
        """Names the product in the store: ``bucegi/sentinel-2-l2a/2023-07-15/geotiff``."""
        return f"{self.region}/{self.collection}/{self.date}/{self.step}"

    @property
    def rejections(self) -> list[Verdict]:
        """Failed checks because of which no later step may use the product."""
        blocking = {check.name for check in CHECKS.get(self.step, ()) if check.blocking}
        return [
            verdict
            for verdict in self.verdicts
            if verdict.check in blocking and not (verdict.passed or verdict.warning)
        ]

    @property
    def rejection(self) -> RejectedArtifactError:
        """The error of a product that was rejected."""
        found = " ".join(f"{verdict.check}: {verdict.text}" for verdict in self.rejections)
        return RejectedArtifactError(
            f"The {self.step} of {self.region} ({self.collection}) on {self.date} fails a blocking "
            f"check. {found}",
            "It is kept for you to look at; no later step uses it.",
        )


def acquisition_times(record: Record) -> list[dt.datetime]:
    """Give when the scenes of a mosaic were acquired: first and last, as its record states."""
    stated = (record.summary["acquired_first"], record.summary["acquired_last"])
    return [dt.datetime.fromisoformat(str(time)) for time in stated]


def digest_of(*parts: str | bytes) -> str:
    """Hash what determines a product.

    Args:
        parts: Texts or bytes, in a fixed order.

    Returns:
        SHA-256, hexadecimal.
    """
    total = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        total.update(len(content).to_bytes(8, "big"))
        total.update(content)
    return total.hexdigest()


def file_digest(path: Place) -> str:
    """Hash a file's content: SHA-256, hexadecimal."""
    with reading(path) as local, local.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
