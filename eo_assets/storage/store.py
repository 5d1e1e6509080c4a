"""The product store: one place for each step of each partition, published whole or not at all.

A product lies where its id says, below a folder or below a prefix of object storage::

    outputs/bucegi/sentinel-2-l2a/2023-07-16/mosaic/...

How it appears there at once is the business of ``folders`` and of ``prefixes``. Whoever looks sees
the old product or the new one, never half of one.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Iterator

from pydantic import ValidationError

from eo_assets.catalog.regions import Region
from eo_assets.errors import MissingArtifactError, StaleArtifactError
from eo_assets.places import ObjectPlace, Place, place
from eo_assets.storage.folders import Folders, locked, storage_errors
from eo_assets.storage.partition import Subject
from eo_assets.storage.prefixes import Prefixes
from eo_assets.storage.record import (
    RECORD,
    RECORD_SCHEMA,
    Record,
    acquisition_times,
    digest_of,
    file_digest,
)

__all__ = [
    "RECORD",
    "Record",
    "Store",
    "acquisition_times",
    "digest_of",
    "file_digest",
    "locked",
    "storage_errors",
]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


class Store:
    """Products below a folder or a prefix.

    Args:
        root: Where; a folder is made when something is first published.

    Attributes:
        root: The same, as a place.
    """

    def __init__(self, root: str | Place) -> None:
        self.root = place(root)
        self._shelf = (
            Prefixes(self.root) if isinstance(self.root, ObjectPlace) else Folders(self.root)
        )

    def folder(self, partition: Subject, step: str) -> Place:
        """Give the place of a step's product, whether it exists or not.

        On object storage that of its current version, which stays as it is while others publish.

        Raises:
            StorageError: Object storage refuses, or does not answer.
        """
        return self._shelf.folder(_id(partition, step))

    def place_of(self, product: str) -> Place:
        """Give the place of a product by its id, see ``folder``."""
        return self._shelf.folder(product)

    def region_folder(self, region: Region) -> Place:
        """Give the place of what the dates of a region have in common."""
        return self.root / region.id / region.collection

    def products(self, step: str) -> list[str]:
        """Give the ids of all products of a step, sorted: ``bucegi/sentinel-2-l2a/…/mosaic``."""
        return self._shelf.products(step)

    def dates(self, region: Region, step: str) -> list[dt.date]:
        """Give the dates for which a step of a region has been published, in order."""
        found = self._shelf.products(step, below=f"{region.id}/{region.collection}")
        names = (product.split("/")[-2] for product in found)
        return sorted(dt.date.fromisoformat(name) for name in names if _DAY.fullmatch(name))

    def records(self, region: Region, step: str) -> Iterator[Record]:
        """Give the records of a step's products of a region, in order.

        Those that an incompatible version has written are left out.
        """
        for product in self._shelf.products(step, below=f"{region.id}/*"):
            with contextlib.suppress(MissingArtifactError, StaleArtifactError):
                yield self.read_product(product)[1]

    @contextlib.contextmanager
    def publish(self, partition: Subject, step: str, *, needs_bytes: int = 0) -> Iterator[Place]:
        """Offer an empty place that becomes the step's product if nothing is raised.

        Args:
            partition: The partition.
            step: Name of the step.
            needs_bytes: Free space the product is going to need.

        Yields:
            A place to write into. A former product stays as it is until the very end.

        Raises:
            StorageError: The place is read-only, full, does not answer, or has less free space than
                needed; or another run was quicker.
        """
        with self._shelf.publish(_id(partition, step), needs_bytes=needs_bytes) as draft:
            yield draft

    def write_record(self, folder: Place, record: Record) -> None:
        """Write a product's record into its folder; the last thing to write.

        Args:
            folder: The place given by ``publish``.
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

    def has(self, partition: Subject, step: str) -> bool:
        """Tell whether a step has been published for a partition, in whatever state."""
        try:
            self._shelf.read(_id(partition, step))
        except FileNotFoundError:
            return False
        return True

    def read_product(self, product: str) -> tuple[Place, Record]:
        """Read a product by its id.

        Args:
            product: Its id, which the caller has checked to name nothing outside the store:
                ``bucegi/sentinel-2-l2a/2023-07-16/mosaic``.

        Returns:
            Its place, of the version the record is of, and the record.

        Raises:
            MissingArtifactError: There is no such product.
            StaleArtifactError: It was written by an incompatible version.
            StorageError: Object storage refuses, or does not answer.
        """
        step = product.rpartition("/")[2]
        try:
            folder, text = self._shelf.read(product)
        except (FileNotFoundError, NotADirectoryError):
            raise MissingArtifactError(
                f"There is no product {product}.", f"Materialise {step} first."
            ) from None
        return folder, _parsed(text, step, product)

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
            _, text = self._shelf.read(_id(partition, step))
        except FileNotFoundError:
            raise MissingArtifactError(
                f"There is no {step} of {partition}.", f"Materialise {step} first."
            ) from None
        return _parsed(text, step, f"the {step} of {partition}")

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


def _id(partition: Subject, step: str) -> str:
    region = partition.region
    return f"{region.id}/{region.collection}/{partition.period}/{step}"


def _parsed(text: str, step: str, what: str) -> Record:
    try:
        return Record.model_validate_json(text)
    except ValidationError as error:
        raise StaleArtifactError(
            f"The record of {what} is not one of version {RECORD_SCHEMA}, which this version "
            "reads.",
            f"Materialise {step} again.",
        ) from error
