"""Code books of classes: one file a region, collection and recipe, whatever the date.

They lie beside the dates they hold together::

    outputs/bucegi/sentinel-2-l2a/code_books/minibatch_kmeans-8-4f1c0a92d7e3.json

Several runs may enter dates at the same time: each change is made to what the file holds at that
moment, under a lock, and takes its place by renaming.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from eo_assets.catalog.regions import Region
from eo_assets.clustering.code_book import CodeBook
from eo_assets.storage.store import Store, locked, storage_errors

FOLDER = "code_books"

Change = Callable[[CodeBook | None], CodeBook]


def code_book_path(store: Store, region: Region, key: str) -> Path:
    """Give the file of a code book, whether it exists or not."""
    return store.root / region.id / region.collection / FOLDER / f"{key}.json"


def code_book_keys(store: Store, region: Region) -> list[str]:
    """Keys of the code books a region has, sorted."""
    return sorted(path.stem for path in code_book_path(store, region, "*").parent.glob("*.json"))


def read_code_book(store: Store, region: Region, key: str) -> CodeBook | None:
    """Read a code book.

    Args:
        store: The product store.
        region: The region, its collection included.
        key: Which: see ``ClusterOptions.key``.

    Returns:
        The code book, None when there is none yet.

    Raises:
        StaleArtifactError: It was written by an incompatible version.
    """
    try:
        text = code_book_path(store, region, key).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return CodeBook.from_json(text)


def update_code_book(store: Store, region: Region, key: str, change: Change) -> CodeBook:
    """Change a code book, safely while others do.

    Args:
        store: The product store.
        region: The region, its collection included.
        key: Which.
        change: Gives the new code book for the one there is, None when there is none. Quick, as
            others wait for it.

    Returns:
        The code book as it is now.

    Raises:
        StaleArtifactError: The one there is was written by an incompatible version.
        StorageError: It cannot be stored.
    """
    path = code_book_path(store, region, key)
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.parent):
            former = read_code_book(store, region, key)
            book = change(former)
            if former is None or book.to_json() != former.to_json():
                _replace(path, book.to_json())
    return book


def _replace(path: Path, text: str) -> None:
    handle, draft = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(0o644)
        Path(draft).replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(draft).unlink()
