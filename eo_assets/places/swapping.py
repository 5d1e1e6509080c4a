"""Replacing a small file whole, and only if nobody else has meanwhile."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, PreconditionError

from eo_assets.errors import StorageError
from eo_assets.places.faults import object_errors
from eo_assets.places.objects import ObjectPlace

_ATTEMPTS = 20
"""Of a change that others get ahead of; each time one of them succeeded."""


class Superseded(Exception):  # noqa: N818 -- no fault, an answer
    """Somebody else has replaced the object meanwhile."""


def replace_text(place: Path | ObjectPlace, text: str) -> None:
    """Write a file whole: whoever looks sees the former content or the new one.

    Args:
        place: The file; its folder exists.
        text: Its new content.

    Raises:
        OSError: The folder cannot be written.
        StorageError: The service refuses, or does not answer.
    """
    if isinstance(place, ObjectPlace):
        place.write_text(text)
        return
    handle, draft = tempfile.mkstemp(prefix=f".{place.stem}-", dir=place.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).chmod(0o644)
        Path(draft).replace(place)
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(draft).unlink()


def read_tagged(place: ObjectPlace) -> tuple[str, str] | None:
    """Read an object as text with its ETag; None when there is none."""
    try:
        with object_errors(place):
            found = obstore.get(place.client, place.key)
            return bytes(found.bytes()).decode(), str(found.meta["e_tag"])
    except FileNotFoundError:
        return None


def swap_text(place: ObjectPlace, text: str, *, e_tag: str | None) -> None:
    """Put an object if it is still the one that was seen: one conditional request.

    Args:
        place: The object.
        text: Its new content.
        e_tag: Of the object seen; None where there was none.

    Raises:
        Superseded: Somebody else has put it meanwhile.
        StorageError: The service refuses, or does not answer.
    """
    if _put_if(place, text, "create" if e_tag is None else {"e_tag": e_tag}):
        return
    found = read_tagged(place) if e_tag else None
    # Ceph up to its 16th release compares with the ETag's text without its quotes
    if (
        found is not None
        and found[1] == e_tag
        and _put_if(place, text, {"e_tag": e_tag.strip('"')})
    ):
        return
    raise Superseded


def _put_if(place: ObjectPlace, text: str, mode: Any) -> bool:
    try:
        with object_errors(place):
            try:
                obstore.put(place.client, place.key, text.encode(), mode=mode, use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                return False
    except FileNotFoundError:  # it was deleted meanwhile
        return False
    return True


def update_text(place: ObjectPlace, change: Callable[[str | None], str]) -> str:
    """Change an object, safely while others do.

    Args:
        place: The object.
        change: Gives the new text for the one there is, None when there is none; called again when
            somebody else was quicker.

    Returns:
        The text that is there now.

    Raises:
        StorageError: The service refuses, does not answer, or others were quicker every time.
    """
    for _ in range(_ATTEMPTS):
        found = read_tagged(place)
        former, e_tag = found or (None, None)
        text = change(former)
        if text == former:
            return text
        with contextlib.suppress(Superseded):
            swap_text(place, text, e_tag=e_tag)
            return text
    raise StorageError(
        f"{place} is changed by others without a pause.", "Start fewer runs at the same time."
    )


def remove_tree(place: Path | ObjectPlace) -> None:
    """Remove a folder, or what lies below a prefix."""
    if isinstance(place, ObjectPlace):
        place.remove_tree()
    else:
        shutil.rmtree(place)
