"""Files that stay open from one read to the next, for whichever thread reads them then."""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np
import rasterio

from eo_assets.cube.diagnosis import is_remote
from eo_assets.cube.signing import Address

KEPT_REMOTE = 128 * 2**20
"""Bytes that open files hold on to, about; to open one again takes a request."""

KEPT_ON_DISK = 32 * 2**20
"""The same of files on disk, which are opened again in no time."""


@dataclass
class OpenFile:
    """A file that is open, or is going to be.

    Attributes:
        href: Unsigned address.
        overview: Which of its overviews is seen as the file; None for itself.
        address: What it is opened under.
        stamp: Its version, see ``eo_assets.cube.access.file_stamp``.
        dataset: The open file; None before it has been opened.
    """

    href: str
    overview: int | None
    address: Address
    stamp: tuple[int, int]
    dataset: rasterio.DatasetReader | None = None

    @property
    def kept_bytes(self) -> int:
        """What GDAL keeps for it: the block that was decoded last."""
        if self.dataset is None:
            return 0
        rows, columns = self.dataset.block_shapes[0]
        return rows * columns * int(np.dtype(self.dataset.dtypes[0]).itemsize)

    def close(self) -> None:
        """Close it; it is not put back."""
        if self.dataset is not None:
            self.dataset.close()


class IdleFiles:
    """Open files that nobody reads just now.

    GDAL's handles are not for several threads at once: whoever reads takes one out, and puts it
    back afterwards.
    """

    def __init__(self) -> None:
        self._files: list[OpenFile] = []  # the longest unused first
        self._lock = threading.Lock()

    def take(self, href: str, overview: int | None) -> OpenFile | None:
        """Take the one used last out.

        Args:
            href: Unsigned address.
            overview: See ``OpenFile``.

        Returns:
            The file; None where no idle one is open.
        """
        with self._lock:
            for file in reversed(self._files):
                if file.href == href and file.overview == overview:
                    self._remove(file)
                    return file
        return None

    def put(self, file: OpenFile) -> None:
        """Put a file back; those unused for longest are closed where they hold too much.

        Args:
            file: An open file.
        """
        remote = is_remote(file.href)
        with self._lock:
            self._files.append(file)
            alike = [one for one in self._files if is_remote(one.href) == remote]
            spare = sum(one.kept_bytes for one in alike) - (KEPT_REMOTE if remote else KEPT_ON_DISK)
            closed = []
            for one in alike[:-1]:
                if spare <= 0:
                    break
                spare -= one.kept_bytes
                self._remove(one)
                closed.append(one)
        for one in closed:
            one.close()

    def drop(self, href: str) -> None:
        """Close what is open of a file.

        Args:
            href: Unsigned address.
        """
        with self._lock:
            dropped = [file for file in self._files if file.href == href]
            for file in dropped:
                self._remove(file)
        for file in dropped:
            file.close()

    def _remove(self, file: OpenFile) -> None:
        # by identity: two handles of a file are equal
        self._files = [one for one in self._files if one is not file]
