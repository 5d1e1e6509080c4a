"""Names and writes of single files."""

from __future__ import annotations

import json
import os
import re
import secrets
from pathlib import Path
from typing import Any

from stac_fastapi.types.errors import InvalidQueryParameter

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


def write_json(path: Path, document: dict[str, Any]) -> None:
    """Write a document so that a reader finds the whole of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # the leading dot hides an unfinished file from readers of the directory
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            json.dump(document, file, indent=1, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
