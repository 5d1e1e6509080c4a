"""Opening a source file wherever it lies: GDAL's settings, handles kept open, retries, errors.

The only module that hands an href to GDAL. Hrefs arrive unsigned and are signed here, on the
worker, right before opening; a signed address never leaves this module.
"""

from __future__ import annotations

import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import rasterio
from rasterio import DatasetReader

from eo_assets.cube.answers import Answer, ask
from eo_assets.cube.diagnosis import (
    UnclearReadError,
    final,
    is_remote,
    speaks_http,
    translated,
    verdict,
)
from eo_assets.cube.private_catalog import gdal_options, headers_for
from eo_assets.cube.signing import Address, refuse, sign
from eo_assets.errors import SourceError, SourceUnavailableError
from eo_assets.places import is_own
from eo_assets.places.rasters import gdal_access, gdal_name

T = TypeVar("T")

ATTEMPTS = 5
"""Reads of a file whose server is unavailable."""

UNCLEAR_ATTEMPTS = 3
"""Reads of a file that fails although its server is well, until it is called damaged."""

FIRST_DELAY_S = 0.5
PATIENCE_S = 120.0
"""No attempt begins later than this after the first."""

OPEN_FILES = 128
"""Files a thread keeps open: three bands of ten scenes at four scales. An overview is one too."""

OPEN_ON_DISK = 48
"""The same of files on disk: each holds a compressed block, and is opened again in no time."""

INGESTED_BYTES = 32_768
"""What is asked for of a remote file to begin with: its header and block index, as a rule."""

_GDAL = {
    # without it GDAL lists the folder of every remote file: ten times slower
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    # header and block index in one request
    "GDAL_INGESTED_BYTES_AT_OPEN": INGESTED_BYTES,
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MULTIPLEX": "YES",
    "GDAL_HTTP_CONNECTTIMEOUT": 20,
    "GDAL_HTTP_TIMEOUT": 60,
}
_AGAIN = {
    # GDAL remembers that a file could not be opened: without it no second request is ever sent
    "CPL_VSIL_CURL_NON_CACHED": "/vsicurl/http"
}
_handles = threading.local()


@dataclass
class _OpenFile:
    dataset: rasterio.DatasetReader | None
    address: Address
    stamp: tuple[int, int]


@contextmanager
def gdal_environment(*, cache_mb: int = 64) -> Iterator[None]:
    """Set GDAL up for reading Cloud Optimized GeoTIFFs, near or far.

    Args:
        cache_mb: Decoded blocks the process keeps: neighbouring tiles, and a file's bands, share
            them. More than a little helps only where the same ones are looked at again.
    """
    # rasterio passes a number on as bytes, where GDAL itself takes small ones for megabytes
    with rasterio.Env(**_GDAL, GDAL_CACHEMAX=cache_mb * 2**20):
        yield


def reader_threads(href: str) -> int:
    """Choose how many files to read at once: decoding is bound by cores, a network by latency."""
    return 16 if is_remote(href) else 2


def open_file(href: str, overview: int | None = None) -> rasterio.DatasetReader:
    """Open a source file, or take it from this thread's open ones; see ``gdal_environment``.

    Args:
        href: Unsigned address.
        overview: Which of its overviews to see as the file, from 0, the finest; None for itself.

    Returns:
        The open file; it stays open for the next call and must not be closed.

    Raises:
        SourceReadError: The file is absent or not a GeoTIFF.
        SourceUnavailableError: Its server, or the one that signs, does not answer.
    """
    files, key = _open_files(), (href, overview)
    known = files.get(key)
    stamp = file_stamp(href)
    if known is not None and (known.address.due or known.stamp != stamp):
        # GDAL would go on with the old token and hide that it is refused, or with the old file
        forget_file(href)
    if key not in files:
        files[key] = _OpenFile(None, sign(href), stamp)
        if len(files) > (OPEN_FILES if is_remote(href) else OPEN_ON_DISK):
            _close(files.popitem(last=False)[1])
    file = files[key]
    if file.dataset is None:
        name = gdal_name(href) if is_own(href) else file.address.url
        opened = _open_remote if is_remote(href) else DatasetReader
        # one driver only: a file that claims to be a VRT could point anywhere
        options = {"driver": "GTiff", "sharing": False}
        if overview is not None:
            options["overview_level"] = overview
        file.dataset = translated(lambda: opened(name, **options), href)
    files.move_to_end(key)
    return file.dataset


def _open_remote(name: str, **options: Any) -> rasterio.DatasetReader:
    """Open a file with the credentials its address needs, and keep what is read of it.

    Files on disk need neither, and setting GDAL up takes them a quarter of the time they are
    opened in; what is read of them the system keeps, once for all handles.
    """
    with rasterio.Env(VSI_CACHE="TRUE"):
        return rasterio.open(name, **options)


def file_stamp(href: str) -> tuple[int, int]:
    """Tell versions of a file on disk apart: when it was written, and as what."""
    # a file on disk may be replaced while a worker lives; a remote one is taken to stay
    if is_remote(href):
        return 0, 0
    try:
        status = Path(href).stat()
    except OSError:  # opening it says what is wrong
        return 0, 0
    return status.st_mtime_ns, status.st_ino


def forget_file(href: str) -> Address | None:
    """Close this thread's handles on a file, so that it is signed and opened afresh.

    Args:
        href: Unsigned address.

    Returns:
        The address it had; None when it was not open.
    """
    files = _open_files()
    dropped = [files.pop(key) for key in list(files) if key[0] == href]
    for file in dropped:
        _close(file)
    return dropped[-1].address if dropped else None


def _open_files() -> OrderedDict[tuple[str, int | None], _OpenFile]:
    files: OrderedDict[tuple[str, int | None], _OpenFile] = _handles.__dict__.setdefault(
        "open", OrderedDict()
    )
    return files


def _close(file: _OpenFile) -> None:
    if file.dataset is not None:
        file.dataset.close()


def file_size(href: str) -> int | None:
    """Tell how long a file is that this thread has open.

    Args:
        href: Unsigned address.

    Returns:
        Bytes; None where its server does not say.
    """
    if not is_remote(href):
        return Path(href).stat().st_size
    file = _open_files().get((href, None))
    return ask(file.address.url).size if file and speaks_http(href) else None


def with_retries(read: Callable[[], T], href: str) -> tuple[T, int]:
    """Read, again if that may help.

    A server that is unavailable is asked again later and later, or when it says so. A token that
    has expired is replaced, one that is refused for no visible reason once. A file that is absent,
    or damaged, stays so and is not asked for again.

    Args:
        read: Opens and reads.
        href: The file read; its handle is dropped before another attempt.

    Returns:
        What ``read`` gave, and the number of attempts it took.

    Raises:
        SourceReadError: The file is absent or cannot be decoded.
        SourceUnavailableError: Its server did not answer, attempt after attempt.
    """
    started, attempt, renewals = time.monotonic(), 1, 0
    while True:
        try:
            with _options(href, again=attempt > 1):
                return translated(read, href), attempt
        except (SourceUnavailableError, UnclearReadError) as caught:
            failure: SourceError = caught
        address = forget_file(href)
        answer = ask(address.url) if address and speaks_http(href) else None
        if answer and answer.denied and address and _renewed(href, address, renewals):
            renewals += 1
        else:
            failure = verdict(failure, href, answer)
            delay = _delay_s(attempt, answer)
            late = time.monotonic() + delay > started + PATIENCE_S
            if late or attempt >= _attempts(failure):
                failure = final(failure, attempt)
                raise failure
            time.sleep(delay)
        attempt += 1


@contextmanager
def _options(href: str, *, again: bool) -> Iterator[None]:
    """Set GDAL up for one file: what its server wants to see, and to look again."""
    if is_own(href):
        with gdal_access(href):
            yield
        return
    options = dict(_AGAIN) if again else {}
    if headers_for(href):
        options |= gdal_options(_address(href).url)
    if not options:
        # entering and leaving an environment takes as long as reading a tile from GDAL's cache
        yield
        return
    with rasterio.Env(**options):
        yield


def _address(href: str) -> Address:
    """Give the address under which this thread has a file open, or would open it."""
    opened = (file.address for key, file in _open_files().items() if key[0] == href)
    return next(opened, None) or sign(href)


def _renewed(href: str, address: Address, renewals: int) -> bool:
    """Have what was refused signed anew: if it had expired, or once if nobody knows why."""
    return renewals < (ATTEMPTS if address.expired else 1) and refuse(href, address)


def _attempts(failure: SourceError) -> int:
    if isinstance(failure, SourceUnavailableError):
        return ATTEMPTS
    return UNCLEAR_ATTEMPTS if isinstance(failure, UnclearReadError) else 1


def _delay_s(attempt: int, answer: Answer | None) -> float:
    # spread, so that the readers of a busy server do not all come back at once
    spread = random.uniform(0.5, 1.5)  # noqa: S311 - no secret
    return (answer.retry_after_s if answer else 0) + FIRST_DELAY_S * 2 ** (attempt - 1) * spread
