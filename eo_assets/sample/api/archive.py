"""The directory itself: collections and items read from it, and changes written back.

Every change is on disk, in full, before it is visible, so a restart sees the same archive.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stac_fastapi.types.errors import ConflictError, NotFoundError

from eo_assets.errors import ConfigurationError
from eo_assets.sample.api.files import folder_name, remove_file, to_json, write_json
from eo_assets.sample.api.snapshot import Entry, Snapshot, entry_of

logger = logging.getLogger(__name__)

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CollectionRecord:
    """A collection: its document, if the directory has one, and the folder of its new items."""

    id: str
    document: Document | None
    folder: Path


class Archive:
    """The items and collections below a directory. Safe for use by several threads.

    Args:
        root: Any directory with STAC items, and perhaps ``collection.json`` files, below it.

    Attributes:
        root: The directory, absolute.
        problems: What could not be read, one sentence a file.

    Raises:
        ConfigurationError: The directory does not exist or holds no STAC at all.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.problems: list[str] = []
        self._lock = threading.RLock()
        self._collections: dict[str, CollectionRecord] = {}
        self._entries: dict[tuple[str, str], Entry] = {}
        self._snapshot: Snapshot | None = None
        if not self.root.is_dir():
            raise ConfigurationError(
                f"The archive directory {self.root} does not exist.",
                "Give a directory with STAC items, or make a sample archive first.",
            )
        self._read()
        if not self._entries and not self._collections:
            listed = " ".join(self.problems[:3])
            raise ConfigurationError(
                f"There is no readable STAC item or collection below {self.root}. {listed}".strip(),
                "Give a directory with STAC items, or make a sample archive first.",
            )

    def _read(self) -> None:
        documents = list(self._stac_documents())
        for path, document in documents:
            if document["type"] == "Collection":
                self._read_collection(path, document)
        folders = {record.folder: record.id for record in self._collections.values()}
        for path, document in documents:
            if document["type"] == "Feature":
                self._read_item(path, document, folders)
        for problem in self.problems:
            logger.warning("%s", problem)

    def _stac_documents(self) -> Iterator[tuple[Path, Document]]:
        """Every STAC document below the root, by path; other JSON is not ours to judge."""
        for folder, names, files in os.walk(self.root):
            names[:] = sorted(name for name in names if not name.startswith("."))
            for name in sorted(files):
                if not name.endswith((".json", ".geojson")) or name.startswith("."):
                    continue
                path = Path(folder, name)
                try:
                    document = json.loads(path.read_bytes())
                except (OSError, ValueError, RecursionError) as error:
                    self._note(path, f"cannot be read as JSON: {error}")
                    continue
                if not isinstance(document, dict) or "stac_version" not in document:
                    continue
                if document.get("type") in {"Feature", "Collection"}:
                    yield path, document

    def _note(self, path: Path, problem: str) -> None:
        self.problems.append(f"{path.relative_to(self.root)}: {problem}")

    def _read_collection(self, path: Path, document: Document) -> None:
        collection_id = document.get("id")
        try:
            to_json(document)
        except ValueError as error:
            self._note(path, f"the collection is not served: {error}")
            return
        if not isinstance(collection_id, str) or not collection_id:
            self._note(path, "the collection has no id.")
        elif collection_id in self._collections:
            self._note(path, f"collection '{collection_id}' was already read from another file.")
        else:
            record = CollectionRecord(collection_id, document, path.parent)
            self._collections[collection_id] = record

    def _read_item(self, path: Path, item: Document, folders: dict[Path, str]) -> None:
        if "collection" not in item:
            above = next((folders[p] for p in path.parents if p in folders), None)
            item["collection"] = above
        try:
            entry = entry_of(item, path)
        except ValueError as error:
            self._note(path, f"the item is not served: {error}")
            return
        known = self._entries.get(entry.key)
        if known is not None:
            other = known.path.relative_to(self.root)
            self._note(path, f"item '{entry.key[1]}' was already read from {other}.")
            return
        self._entries[entry.key] = entry
        self._ensure_collection(entry.key[0])

    def _ensure_collection(self, collection_id: str) -> None:
        if collection_id not in self._collections:
            folder = self.root / collection_id
            self._collections[collection_id] = CollectionRecord(collection_id, None, folder)

    @property
    def snapshot(self) -> Snapshot:
        """All items as they are now; later changes do not touch it."""
        with self._lock:
            if self._snapshot is None:
                self._snapshot = Snapshot(self._entries.values())
            return self._snapshot

    def collections(self) -> list[CollectionRecord]:
        """All collections, by id."""
        with self._lock:
            return [self._collections[name] for name in sorted(self._collections)]

    def collection(self, collection_id: str) -> CollectionRecord:
        """One collection.

        Raises:
            NotFoundError: There is none of that id.
        """
        record = self._collections.get(collection_id)
        if record is None:
            message = f"There is no collection '{collection_id}'."
            raise NotFoundError(message)
        return record

    def entry(self, collection_id: str, item_id: str) -> Entry:
        """One item.

        Raises:
            NotFoundError: There is none of that collection and id.
        """
        entry = self._entries.get((collection_id, item_id))
        if entry is None:
            message = f"There is no item '{item_id}' in collection '{collection_id}'."
            raise NotFoundError(message)
        return entry

    def path_for(self, collection_id: str, item_id: str) -> Path:
        """Where an item goes: where it is, or else its own folder below its collection's.

        Raises:
            NotFoundError: There is no such collection.
            InvalidQueryParameter: The id cannot be the name of a folder.
        """
        known = self._entries.get((collection_id, item_id))
        if known is not None:
            return known.path
        folder = self.collection(collection_id).folder
        if folder == self.root / collection_id:
            folder = self.root / folder_name(collection_id)
        return folder / folder_name(item_id) / f"{item_id}.json"

    def add(self, entries: list[Entry]) -> None:
        """Write new items, all or, if one of them exists already, none.

        Raises:
            ConflictError: An item of that collection and id, or its file, exists already.
        """
        with self._lock:
            seen: set[tuple[str, str]] = set()
            for entry in entries:
                if entry.key in self._entries or entry.key in seen or entry.path.exists():
                    message = f"Item '{entry.key[1]}' exists already in '{entry.key[0]}'."
                    raise ConflictError(message)
                seen.add(entry.key)
            for entry in entries:
                write_json(entry.path, entry.item)
                self._entries[entry.key] = entry
                self._snapshot = None

    def replace(self, entry: Entry) -> None:
        """Write an item over the one of the same collection and id."""
        with self._lock:
            self.entry(*entry.key)
            write_json(entry.path, entry.item)
            self._entries[entry.key] = entry
            self._snapshot = None

    def remove(self, collection_id: str, item_id: str) -> Entry:
        """Withdraw an item: its JSON goes, the files it describes stay."""
        with self._lock:
            entry = self.entry(collection_id, item_id)
            remove_file(entry.path, root=self.root)
            del self._entries[entry.key]
            self._snapshot = None
            return entry

    def add_collection(self, document: Document) -> CollectionRecord:
        """Write a new collection to ``<root>/<id>/collection.json``.

        Raises:
            ConflictError: A collection of that id, or its file, exists already.
            InvalidQueryParameter: The id cannot be the name of a folder.
        """
        with self._lock:
            folder = self.root / folder_name(document["id"])
            record = CollectionRecord(document["id"], document, folder)
            known = self._collections.get(record.id)
            path = record.folder / "collection.json"
            if (known is not None and known.document is not None) or path.exists():
                message = f"Collection '{record.id}' exists already."
                raise ConflictError(message)
            write_json(path, document)
            self._collections[record.id] = record
            return record
