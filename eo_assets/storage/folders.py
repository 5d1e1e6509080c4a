"""Products in a folder: written beside their place, and renamed into it when they are whole."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from eo_assets.errors import StorageError
from eo_assets.storage.record import RECORD

_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS}


class Folders:
    """Products below a folder; see ``eo_assets.storage.store.Store`` for what its methods promise.

    Attributes:
        root: The folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, product: str) -> Path:
        """Give the folder of a product, whether it exists or not."""
        return self.root / product

    def read(self, product: str) -> tuple[Path, str]:
        """Give a product's folder and the text of its record.

        Raises:
            FileNotFoundError: There is no such product.
        """
        final = self.root / product
        with contextlib.suppress(FileNotFoundError):
            return final, (final / RECORD).read_text(encoding="utf-8", errors="replace")
        # a run may be about to replace the product, or was killed while it did
        with locked(final.parent):
            _recover(final)
            return final, (final / RECORD).read_text(encoding="utf-8", errors="replace")

    def products(self, step: str, *, below: str = "*/*") -> list[str]:
        """Give the ids of a step's products, sorted; of regions and collections ``below`` fits."""
        found = self.root.glob(f"{below}/*/{step}/{RECORD}")
        return sorted(path.parent.relative_to(self.root).as_posix() for path in found)

    @contextlib.contextmanager
    def publish(self, product: str, *, needs_bytes: int) -> Iterator[Path]:
        """Offer an empty folder that becomes the product if nothing is raised.

        Raises:
            StorageError: The place is read-only, full, or has less free space than needed.
        """
        final = self.root / product
        with storage_errors(final):
            final.parent.mkdir(parents=True, exist_ok=True)
            self._check_space(final.parent, needs_bytes)
            with locked(final.parent):
                _recover(final)
                _remove_leftovers(final)
            draft = Path(tempfile.mkdtemp(prefix=f".{final.name}-{_owner()}-", dir=final.parent))
            draft.chmod(0o755)
        try:
            with storage_errors(final):
                yield draft
                with locked(final.parent):
                    _replace(draft, final)
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def _check_space(self, folder: Path, needs_bytes: int) -> None:
        free = shutil.disk_usage(folder).free
        if free < needs_bytes:
            raise StorageError(
                f"{self.root} has {free / 1e6:,.0f} MB free; about {needs_bytes / 1e6:,.0f} MB are "
                "needed.",
                "Free some space, or set EO_ASSETS_OUTPUTS to another disk.",
            )


@contextlib.contextmanager
def storage_errors(place: Path) -> Iterator[None]:
    """Turn the operating system's complaints about a place into ones that say what to do.

    Args:
        place: Where something is being written.

    Raises:
        StorageError: The disk is full, or writing is not allowed.
        OSError: Something else went wrong.
    """
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            problem, remedy = "the disk is full", "Free some space"
        elif error.errno in _REFUSED:
            problem, remedy = "writing there is not allowed", "Change the folder's permissions"
        elif isinstance(error, NotADirectoryError | FileExistsError):
            problem, remedy = "a file is in the way", "Remove it"
        else:
            raise
        raise StorageError(
            f"{place} cannot be written: {problem}.",
            f"{remedy}, or set EO_ASSETS_OUTPUTS to another folder.",
        ) from error


_DAY_S = 86_400


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep others from renaming in a folder; the lock of a process that dies is released."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        # some network file systems have no locks; there a look may come at the wrong moment
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _recover(final: Path) -> None:
    # a run that was killed between the two renames of _replace left the former product aside
    former = final.parent / f".{final.name}-former"
    if former.exists() and not final.exists():
        former.rename(final)


def _owner() -> str:
    # processes of another machine or container have numbers of their own
    return f"{os.getpid()}@{socket.gethostname().replace('-', '_')}"


def _remove_leftovers(final: Path) -> None:
    for leftover in final.parent.glob(f".{final.name}-*"):
        owner = leftover.name.removeprefix(f".{final.name}-").split("-")[0]
        pid, _, host = owner.partition("@")
        ours = host == _owner().partition("@")[2]
        gone = ours and Path("/proc").is_dir() and not Path("/proc", pid).exists()
        if gone or owner == "former" or time.time() - leftover.stat().st_mtime > _DAY_S:
            shutil.rmtree(leftover, ignore_errors=True)


def _replace(draft: Path, final: Path) -> None:
    former = final.parent / f".{final.name}-former"
    if final.exists():
        final.rename(former)
    draft.rename(final)
    shutil.rmtree(former, ignore_errors=True)
