"""Files that stay open from one read to the next, for whichever thread reads them then."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
import rasterio

from eo_assets.cube.signing import Address


@dataclass(eq=False)
class OpenFile:
    """A file that is open, or is going to be.

    Attributes:
        href: Unsigned address.
        overview: Which of its overviews is seen as the file; None for itself.
        address: What it is opened under.
        stamp: Its version, see ``eo_assets.cube.access.file_stamp``.
        dataset: The open file; None before it has been opened.
        kept_bytes: What GDAL keeps for it while it is open: the block that was decoded last.
    """

    href: str
    overview: int | None
    address: Address
    stamp: tuple[int, int]
    dataset: rasterio.DatasetReader | None = field(default=None, init=False)
    kept_bytes: int = field(default=0, init=False)

    def opened(self, dataset: rasterio.DatasetReader) -> rasterio.DatasetReader:
        """Take note that it is open now; give what was given."""
        rows, columns = dataset.block_shapes[0]
        self.dataset = dataset
        self.kept_bytes = rows * columns * int(np.dtype(dataset.dtypes[0]).itemsize)
        return dataset

    def close(self) -> None:
        """Close it; it is not put back."""
        if self.dataset is not None:
            self.dataset.close()


class IdleFiles:
    """Open files that nobody reads just now.

    GDAL's handles are not for several threads at once: whoever reads takes one out, and puts it
    back afterwards.

    Args:
        most_files: No more stay open than these.
        most_bytes: Nor more than keep so much, see ``OpenFile``.
    """

    def __init__(self, most_files: int, most_bytes: int) -> None:
        self._most_files, self._most_bytes = most_files, most_bytes
        self._by_age: OrderedDict[int, OpenFile] = OrderedDict()  # the longest unused first
        self._by_href: dict[str, list[OpenFile]] = {}
        self._kept_bytes = 0
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
            for file in reversed(self._by_href.get(href, ())):
                if file.overview == overview:
                    self._remove(file)
                    return file
        return None

    def put(self, file: OpenFile) -> None:
        """Put a file back; those unused for longest are closed where there are too many.

        Args:
            file: An open file.
        """
        closed = []
        with self._lock:
            self._by_age[id(file)] = file
            self._by_href.setdefault(file.href, []).append(file)
            self._kept_bytes += file.kept_bytes
            while len(self._by_age) > self._most_files or (
                self._kept_bytes > self._most_bytes and len(self._by_age) > 1
            ):
                oldest = next(iter(self._by_age.values()))
                self._remove(oldest)
                closed.append(oldest)
        for one in closed:
            one.close()

    def drop(self, href: str) -> None:
        """Close what is open of a file.

        Args:
            href: Unsigned address.
        """
        with self._lock:
            dropped = list(self._by_href.get(href, ()))
            for file in dropped:
                self._remove(file)
        for file in dropped:
            file.close()

    def _remove(self, file: OpenFile) -> None:
        del self._by_age[id(file)]
        alike = self._by_href[file.href]
        alike.remove(file)
        if not alike:
            del self._by_href[file.href]
        self._kept_bytes -= file.kept_bytes
