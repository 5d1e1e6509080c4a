"""Files as local paths: those of a folder as they are, objects as copies.

GDAL, pandas and Matplotlib read and write files. What lies on object storage is copied for them:
to a cache of this process before reading, and from a temporary folder after writing.
"""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import obstore

from eo_assets.places.faults import object_errors
from eo_assets.places.objects import ObjectPlace

CACHED_BYTES = 2_000_000_000
"""Copies a process keeps on its disk; one that is in use is never removed."""


@contextlib.contextmanager
def reading(place: Path | ObjectPlace) -> Iterator[Path]:
    """Give a local file to read.

    Args:
        place: The file.

    Yields:
        Its path; of an object, that of a copy that stays while the block lasts.

    Raises:
        FileNotFoundError: There is no such object. A path is given whether it exists or not.
        StorageError: The service refuses, or does not answer.
    """
    if isinstance(place, Path):
        yield place
        return
    with _CACHE.held(place) as path:
        yield path


@contextlib.contextmanager
def writing(place: Path | ObjectPlace) -> Iterator[Path]:
    """Give a local file to write; an object is put, whole, when nothing was raised.

    Args:
        place: Where the file belongs.

    Yields:
        The path to write to, in a folder of its own for an object.

    Raises:
        StorageError: The service refuses, or does not answer.
    """
    if isinstance(place, Path):
        yield place
        return
    with tempfile.TemporaryDirectory(prefix="eo-assets-") as folder:
        path = Path(folder, place.name)
        yield path
        # whoever writes nothing into a folder leaves nothing there, either
        if path.exists():
            with object_errors(place):
                obstore.put(place.client, place.key, path)


@dataclass
class _Copy:
    path: Path
    size: int
    users: int = 0


class _Cache:
    """Copies by object and ETag, the one used longest ago removed first."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._lock = threading.Lock()
        self._copies: OrderedDict[tuple[ObjectPlace, str], _Copy] = OrderedDict()
        self._folder: Path | None = None
        self._number = 0

    @contextlib.contextmanager
    def held(self, place: ObjectPlace) -> Iterator[Path]:
        key = (place, place.stat().e_tag)
        with self._lock:
            copy = self._copies.get(key)
            if copy is not None:
                copy.users += 1
                self._copies.move_to_end(key)
        if copy is None:
            copy = self._enter(key, self._fetched(place))
        try:
            yield copy.path
        finally:
            with self._lock:
                copy.users -= 1
                self._evict()

    def _enter(self, key: tuple[ObjectPlace, str], path: Path) -> _Copy:
        with self._lock:
            known = self._copies.get(key)
            if known is None:
                known = self._copies[key] = _Copy(path, path.stat().st_size)
            else:  # another thread was quicker
                shutil.rmtree(path.parent, ignore_errors=True)
            known.users += 1
            return known

    def _fetched(self, place: ObjectPlace) -> Path:
        with self._lock:
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="eo-assets-copies-"))
                atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
            self._number += 1
            folder = self._folder / str(self._number)
        # its own name: libraries go by suffixes, and people by what an error names
        folder.mkdir()
        path = folder / place.name
        with object_errors(place), path.open("wb") as file:
            for chunk in obstore.get(place.client, place.key).stream(min_chunk_size=8 * 2**20):
                file.write(chunk)
        return path

    def _evict(self) -> None:
        total = sum(copy.size for copy in self._copies.values())
        for key, copy in list(self._copies.items()):
            if total <= self._most:
                return
            if not copy.users:
                total -= copy.size
                del self._copies[key]
                shutil.rmtree(copy.path.parent, ignore_errors=True)


_CACHE = _Cache(CACHED_BYTES)
