"""Products on object storage: versions below prefixes, one of which a record names.

Object storage renames nothing, so that a product is written where it stays, below a prefix of its
own, and becomes visible by one conditional request that puts its record::

    <prefix>/bucegi/sentinel-2-l2a/2023-07-16/mosaic/record.json       names the version
    <prefix>/bucegi/sentinel-2-l2a/2023-07-16/mosaic@20261201T031500-1f0c77aa/...

Versions that are no longer named stay for an hour, because somebody may be reading them: a chunk
that is gone would be taken for ground that nobody has seen.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass

from eo_assets.errors import StorageError
from eo_assets.places import ObjectPlace, Superseded, object_errors
from eo_assets.places.objects import existing
from eo_assets.places.swapping import read_tagged, swap_text
from eo_assets.storage.record import RECORD

GRACE_S = 3600.0
"""How long a version that is no longer named can still be read."""

ABANDONED_S = 86_400.0
"""A version no record has come to name in so long is what a killed run has left."""

_STAMP = "%Y%m%dT%H%M%S"
_VERSION = "version"


@dataclass(frozen=True)
class _Current:
    """The version that can be seen.

    Attributes:
        version: Name of its prefix.
        text: Its record.
        e_tag: Of the object that names it.
    """

    version: str
    text: str
    e_tag: str


class Prefixes:
    """Products below a prefix; see ``eo_assets.storage.store.Store`` for what its methods promise.

    Attributes:
        root: The prefix.
    """

    def __init__(self, root: ObjectPlace) -> None:
        self.root = root

    def folder(self, product: str) -> ObjectPlace:
        """Give the prefix of a product's current version; one with nothing below if there is none.

        Raises:
            StorageError: The service refuses, or does not answer.
        """
        place = self.root / product
        current = self._current(place)
        return place.with_name(current.version) if current else place

    def read(self, product: str) -> tuple[ObjectPlace, str]:
        """Give the prefix of a product's current version and the text of its record.

        Raises:
            FileNotFoundError: There is no such product.
            StorageError: The service refuses, or does not answer.
        """
        place = self.root / product
        current = self._current(place)
        if current is None:
            raise FileNotFoundError(2, "There is no such product", str(place))
        return place.with_name(current.version), current.text

    def products(self, step: str, *, below: str = "*/*") -> list[str]:
        """Give the ids of a step's products, sorted; of regions and collections ``below`` fits."""
        region, collection = below.split("/")
        dates = [
            date
            for one in self.root.glob(region)
            for other in one.glob(collection)
            for date in other.glob("*")
        ]
        records = existing([date / step / RECORD for date in dates])
        return sorted(str(record.parent.relative_to(self.root)) for record in records)

    @contextlib.contextmanager
    def publish(self, product: str, *, needs_bytes: int) -> Iterator[ObjectPlace]:  # noqa: ARG002
        """Offer a prefix that becomes the product's version if nothing is raised.

        Raises:
            StorageError: The service refuses, or another run has published the product meanwhile,
                made from something else.
        """
        place = self.root / product
        before = self._current(place)
        self._remove_leftovers(place, before)
        stamp = dt.datetime.now(dt.UTC).strftime(_STAMP)
        draft = place.with_name(f"{place.name}@{stamp}-{secrets.token_hex(4)}")
        try:
            with object_errors(draft):
                yield draft
            if not self._name(place, draft, before):
                draft.remove_tree()
                return
        except BaseException:
            with contextlib.suppress(StorageError):
                draft.remove_tree()
            raise
        _put_item(place, draft)

    def _current(self, place: ObjectPlace) -> _Current | None:
        found = read_tagged(place / RECORD)
        if found is None:
            return None
        text, e_tag = found
        try:
            fields = json.loads(text)
            version = str(fields.pop(_VERSION))
        except (ValueError, KeyError, AttributeError):  # of another form: reading it says so
            return _Current(place.name, text, e_tag)
        return _Current(version, json.dumps(fields), e_tag)

    def _name(self, place: ObjectPlace, draft: ObjectPlace, before: _Current | None) -> bool:
        """Make a version the visible one; False where an equal one is already.

        Raises:
            StorageError: Another one is, or the service refuses.
        """
        fields = json.loads((draft / RECORD).read_text())
        text = json.dumps({_VERSION: draft.name, **fields}, indent=2) + "\n"
        try:
            swap_text(place / RECORD, text, e_tag=before.e_tag if before else None)
        except Superseded:
            winner = self._current(place)
            # an answer may have been lost and the request repeated: then the winner is this one
            if winner is not None and winner.version == draft.name:
                return True
            if winner is not None and json.loads(winner.text).get("digest") == fields["digest"]:
                return False
            raise StorageError(
                f"Another run has published {place} while this one made it from something else; "
                "what it made stays, this is dropped.",
                "Materialise it again if it is to be made from what is there now.",
            ) from None
        return True

    def _remove_leftovers(self, place: ObjectPlace, current: _Current | None) -> None:
        """Remove versions that nobody reads or writes any more."""
        named = (place / RECORD).stat().st_mtime if current else 0.0
        now = time.time()
        for version in place.parent.glob(f"{place.name}@*"):
            begun = _begun(version.name)
            if current and version.name == current.version:
                continue
            # whoever began before the current one was named can no longer become it
            lost = begun < named and now - named > GRACE_S
            if lost or now - begun > ABANDONED_S:
                with contextlib.suppress(StorageError):  # the keys may not allow it
                    version.remove_tree()


def _begun(version: str) -> float:
    stamp = version.rpartition("@")[2].partition("-")[0]
    try:
        return dt.datetime.strptime(stamp, _STAMP).replace(tzinfo=dt.UTC).timestamp()
    except ValueError:  # none of ours
        return float("inf")


def _put_item(place: ObjectPlace, version: ObjectPlace) -> None:
    """Put the STAC item where it stays whatever the version, last of all."""
    name = json.loads((version / RECORD).read_text())["files"].get("stac_item")
    if name is None:
        return
    item = json.loads((version / name).read_text())
    for described in item["assets"].values():
        if str(described["href"]).startswith("./"):
            described["href"] = f"../{version.name}/{described['href'][2:]}"
    (place / name).write_text(json.dumps(item, indent=2, ensure_ascii=False) + "\n")
