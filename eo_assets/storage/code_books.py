"""Code books of classes: one file a region, collection and recipe, whatever the date.

They lie beside the dates they hold together::

    outputs/bucegi/sentinel-2-l2a/code_books/minibatch_kmeans-8-4f1c0a92d7e3.json

Several runs may enter dates at the same time: each change is made to what the file holds at that
moment, and takes its place whole: in a folder under a lock, on object storage if nobody else was
quicker, and else once more.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from eo_assets.catalog.regions import Region
from eo_assets.clustering.code_book import CodeBook
from eo_assets.places import ObjectPlace, Place, replace_text, update_text
from eo_assets.storage.store import Store, locked, storage_errors

FOLDER = "code_books"

Change = Callable[[CodeBook | None], CodeBook]


def code_book_path(store: Store, region: Region, key: str) -> Place:
    """Give the file of a code book, whether it exists or not."""
    return store.region_folder(region) / FOLDER / f"{key}.json"


def code_book_keys(store: Store, region: Region) -> list[str]:
    """Keys of the code books a region has, sorted."""
    folder = store.region_folder(region) / FOLDER
    return sorted(path.stem for path in folder.glob("*.json"))


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
        change: Gives the new code book for the one there is, None when there is none; quick, as
            others wait for it, and called again where they do not.

    Returns:
        The code book as it is now.

    Raises:
        StaleArtifactError: The one there is was written by an incompatible version.
        StorageError: It cannot be stored.
    """
    path = code_book_path(store, region, key)

    def changed(text: str | None) -> str:
        former = None if text is None else CodeBook.from_json(text)
        book = change(former)
        # what is equal is left as it is, whoever wrote it
        same = former is not None and book.to_json() == former.to_json()
        return text if same and text is not None else book.to_json()

    if isinstance(path, ObjectPlace):
        return CodeBook.from_json(update_text(path, changed))
    return CodeBook.from_json(_update_file(path, changed))


def _update_file(path: Path, changed: Callable[[str | None], str]) -> str:
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(path.parent):
            former = path.read_text(encoding="utf-8") if path.exists() else None
            text = changed(former)
            if text != former:
                replace_text(path, text)
            return text
