"""The product store: one folder for each step of each partition, published whole or not at all.

A step writes into a hidden folder beside its final one; when it has succeeded the folder takes its
place by renaming. Whoever looks sees the old product or the new one, never half of one::

    outputs/bucegi/sentinel-2-l2a/2023-07-16/mosaic/...
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import fcntl
import hashlib
import os
import re
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from eo_assets.catalog.checks import CHECKS
from eo_assets.catalog.regions import Region
from eo_assets.errors import (
    MissingArtifactError,
    RejectedArtifactError,
    StaleArtifactError,
    StorageError,
)
from eo_assets.storage.partition import Subject
from eo_assets.storage.verdicts import Verdict

RECORD = "record.json"
RECORD_SCHEMA: Final = 1
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")

_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}


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


class Store:
    """Products below a folder.

    Attributes:
        root: The folder; made when something is first published.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, partition: Subject, step: str) -> Path:
        """Give the folder of a step's product, whether it exists or not."""
        region = partition.region
        return self.root / region.id / region.collection / partition.period / step

    def dates(self, region: Region, step: str) -> list[dt.date]:
        """Give the dates for which a step of a region has been published, in order."""
        records = (self.root / region.id / region.collection).glob(f"*/{step}/{RECORD}")
        names = (path.parent.parent.name for path in records)
        return sorted(dt.date.fromisoformat(name) for name in names if _DAY.fullmatch(name))

    @contextlib.contextmanager
    def publish(self, partition: Subject, step: str, *, needs_bytes: int = 0) -> Iterator[Path]:
        """Offer an empty folder that becomes the step's product if nothing is raised.

        Args:
            partition: The partition.
            step: Name of the step.
            needs_bytes: Free space the product is going to need.

        Yields:
            A folder to write into. A former product stays as it is until the very end.

        Raises:
            StorageError: The place is read-only, full, or has less free space than needed.
        """
        final = self.folder(partition, step)
        with storage_errors(final):
            final.parent.mkdir(parents=True, exist_ok=True)
            self._check_space(final.parent, needs_bytes)
            with locked(final.parent):
                _recover(final)
                _remove_leftovers(final)
            draft = Path(tempfile.mkdtemp(prefix=f".{step}-{_owner()}-", dir=final.parent))
            draft.chmod(0o755)
        try:
            with storage_errors(final):
                yield draft
                with locked(final.parent):
                    _replace(draft, final)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _check_space(self, folder: Path, needs_bytes: int) -> None:
        free = shutil.disk_usage(folder).free
        if free < needs_bytes:
            raise StorageError(
                f"{self.root} has {free / 1e6:,.0f} MB free; about {needs_bytes / 1e6:,.0f} MB are "
                "needed.",
                "Free some space, or set EO_ASSETS_OUTPUTS to another disk.",
            )

    def write_record(self, folder: Path, record: Record) -> None:
        """Write a product's record into its folder; the last thing to write.

        Args:
            folder: The folder given by ``publish``.
            record: The record.
        """
        (folder / RECORD).write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")

    def publish_empty(
        self, partition: Subject, step: str, *, upstream: Record, reason: str | None = None
    ) -> Record:
        """Publish an empty product: nothing to see, with the reason.

        Args:
            partition: The partition.
            step: Name of the step.
            upstream: Record of the step before.
            reason: Why; that step's reason when not given.

        Returns:
            The record.

        Raises:
            StorageError: The record cannot be stored.
        """
        record = Record(
            step=step,
            region=partition.region.id,
            collection=partition.region.collection,
            date=partition.period,
            empty=reason or upstream.empty,
            upstream={upstream.step: upstream.digest},
            digest=digest_of(step, upstream.digest),
        )
        with self.publish(partition, step) as folder:
            self.write_record(folder, record)
        return record

    def read_record(self, partition: Subject, step: str) -> Record:
        """Read the record of a published product.

        Args:
            partition: The partition.
            step: Name of the step.

        Returns:
            The record.

        Raises:
            MissingArtifactError: The step has not been materialised for this partition.
            StaleArtifactError: It was written by an incompatible version.
        """
        try:
            text = _record_text(self.folder(partition, step))
        except FileNotFoundError:
            raise MissingArtifactError(
                f"There is no {step} of {partition}.", f"Materialise {step} first."
            ) from None
        try:
            return Record.model_validate_json(text)
        except ValidationError as error:
            raise StaleArtifactError(
                f"The record of the {step} of {partition} is not one of version {RECORD_SCHEMA}, "
                f"which this version reads.",
                f"Materialise {step} again.",
            ) from error

    def read_usable(self, partition: Subject, step: str) -> Record:
        """Read the record of a product to make another from, see ``read_record``.

        Raises:
            MissingArtifactError: The step has not been materialised for this partition.
            RejectedArtifactError: The product failed a blocking check.
            StaleArtifactError: It was written by an incompatible version.
        """
        record = self.read_record(partition, step)
        if record.rejections:
            raise record.rejection
        return record


def _record_text(final: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        return (final / RECORD).read_text(encoding="utf-8", errors="replace")
    # a run may be about to replace the product, or was killed while it did
    with locked(final.parent):
        _recover(final)
        return (final / RECORD).read_text(encoding="utf-8", errors="replace")


@contextlib.contextmanager
def storage_errors(place: Path) -> Iterator[None]:
    """Turn the operating system's complaints about a place into ones that say what to do.

    Args:
        place: Where something is being written.

    Raises:
        StorageError: The disk is full, or writing is not allowed.
        OSError: Something else went wrong.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            problem, remedy = "the disk is full", "Free some space"
        elif error.errno in _REFUSED:
            problem, remedy = "writing there is not allowed", "Change the folder's permissions"
        elif isinstance(error, NotADirectoryError | FileExistsError):
            problem, remedy = "a file is in the way", "Remove it"
        else:
            raise
        raise StorageError(
            f"{place} cannot be written: {problem}.",
            f"{remedy}, or set EO_ASSETS_OUTPUTS to another folder.",
        ) from error


_DAY_S = 86_400


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others from renaming in a folder; the lock of a process that dies is released."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        # some network file systems have no locks; there a look may come at the wrong moment
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _recover(final: Path) -> None:
    # a run that was killed between the two renames of _replace left the former product aside
    former = final.parent / f".{final.name}-former"
    if former.exists() and not final.exists():
        former.rename(final)


def _owner() -> str:
    # processes of another machine or container have numbers of their own
    return f"{os.getpid()}@{socket.gethostname().replace('-', '_')}"


def _remove_leftovers(final: Path) -> None:
    for leftover in final.parent.glob(f".{final.name}-*"):
        owner = leftover.name.removeprefix(f".{final.name}-").split("-")[0]
        pid, _, host = owner.partition("@")
        ours = host == _owner().partition("@")[2]
        gone = ours and Path("/proc").is_dir() and not Path("/proc", pid).exists()
        if gone or owner == "former" or time.time() - leftover.stat().st_mtime > _DAY_S:
            shutil.rmtree(leftover, ignore_errors=True)


def _replace(draft: Path, final: Path) -> None:
    former = final.parent / f".{final.name}-former"
    if final.exists():
        final.rename(former)
    draft.rename(final)
    shutil.rmtree(former, ignore_errors=True)


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


def file_digest(path: Path) -> str:
    """Hash a file's content: SHA-256, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
