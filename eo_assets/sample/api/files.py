"""Names and writes of single files."""

from __future__ import annotations

import json
import os
import re
import secrets
from pathlib import Path
from typing import Any

from stac_fastapi.types.errors import InvalidQueryParameter

from eo_assets.errors import StorageError

FOLDER_NAME = re.compile(r"[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]{0,199}")


def folder_name(stac_id: str) -> str:
    """An id as the name of a folder, unchanged.

    Raises:
        InvalidQueryParameter: It would leave its parent folder, be hidden, or be too long.
    """
    if not FOLDER_NAME.fullmatch(stac_id):
        message = (
            f"id: {stac_id[:80]!r} cannot name a folder: at most 200 letters, digits and "
            "characters other than / and \\, the first of them no dot."
        )
        raise InvalidQueryParameter(message)
    return stac_id


def to_json(document: dict[str, Any], *, indent: int | None = None) -> bytes:
    """A document as UTF-8 JSON, on one line unless indented.

    Raises:
        ValueError: It holds what JSON and UTF-8 cannot say, although Python's parser lets it
            through: NaN, an infinity, half a surrogate pair.
    """
    return json.dumps(document, indent=indent, ensure_ascii=False, allow_nan=False).encode()


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write a document so that a reader finds the whole of it or nothing.

    Raises:
        StorageError: The disk is full or read-only, or the folder may not be written.
    """
    content = to_json(document, indent=1)
    # the leading dot hides an unfinished file from readers of the directory
    unfinished = path.with_name(f".{secrets.token_hex(8)}.json")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with unfinished.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}.",
            "Free space or grant the right to write, then send it again.",
        ) from error


def remove_file(path: Path, *, root: Path) -> None:
    """Remove a file, and its folder if that leaves it empty and it is not the root.

    Raises:
        StorageError: The folder may not be written.
    """
    try:
        path.unlink(missing_ok=True)
        if path.parent != root and not any(path.parent.iterdir()):
            path.parent.rmdir()
    except OSError as error:
        raise StorageError(
            f"{path} cannot be removed: {error.strerror}.",
            "Grant the right to write, then try again.",
        ) from error
