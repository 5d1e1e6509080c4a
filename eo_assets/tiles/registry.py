"""Layers people made, shared by all worker processes: one file each, named by its content.

Written once and never changed, so that no process has to tell another; the ones nobody looked at
for longest go when there are too many.
"""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from eo_assets.storage.store import storage_errors
from eo_assets.tiles.layer import Layer
from eo_assets.tiles.problems import UnknownLayerError

MAX_LAYERS = 1000
MAX_BYTES = 2_000_000_000
IN_MEMORY = 64
"""Layers a process keeps parsed, with the index of where their scenes lie."""

_ID = re.compile(r"[0-9a-f]{32}")


class Registry:
    """The layers below a folder.

    Args:
        folder: The folder; made when a layer is first added.
        max_layers: Most layers to keep.
    """

    def __init__(self, folder: Path, *, max_layers: int = MAX_LAYERS) -> None:
        self._folder, self._max_layers = folder, max_layers
        self._parsed = lru_cache(maxsize=IN_MEMORY)(self._read)

    def add(self, layer: Layer) -> None:
        """Keep a layer; one that is there already counts as looked at.

        Raises:
            StorageError: The folder cannot be written.
        """
        path = self._path(layer.id)
        with storage_errors(path):
            # hrefs of private archives are nobody else's business
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle, draft = tempfile.mkstemp(prefix=".", dir=self._folder)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(layer.model_dump_json())
            Path(draft).rename(path)
        self._forget_old()

    def get(self, layer_id: str) -> Layer:
        """Give a layer.

        Raises:
            UnknownLayerError: There is none of that id.
        """
        if not _ID.fullmatch(layer_id):
            raise UnknownLayerError("That is no layer's id.", "POST a layer to /layers first.")
        return self._parsed(layer_id)

    def newest(self, count: int) -> Iterator[Layer]:
        """Give the layers looked at last, newest first."""
        for path in self._by_age()[: -count - 1 : -1]:
            with contextlib.suppress(UnknownLayerError):
                yield self.get(path.stem)

    def __len__(self) -> int:
        return len(self._by_age())

    def _path(self, layer_id: str) -> Path:
        return self._folder / f"{layer_id}.json"

    def _read(self, layer_id: str) -> Layer:
        path = self._path(layer_id)
        try:
            text = path.read_text(encoding="utf-8")
            os.utime(path)
            return Layer.model_validate_json(text)
        except (OSError, ValidationError) as error:
            raise UnknownLayerError(
                f"There is no layer {layer_id}, or no longer.", "POST it to /layers again."
            ) from error

    def _by_age(self) -> list[Path]:
        ages: list[tuple[int, Path]] = []
        for path in self._folder.glob("*.json"):
            with contextlib.suppress(FileNotFoundError):  # another process removed it just now
                ages.append((path.stat().st_mtime_ns, path))
        return [path for _, path in sorted(ages)]

    def _forget_old(self) -> None:
        paths = self._by_age()
        total = sum(_size(path) for path in paths)
        while len(paths) > self._max_layers or total > MAX_BYTES:
            total -= _size(paths[0])
            paths.pop(0).unlink(missing_ok=True)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
