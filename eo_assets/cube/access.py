"""Reading a source file wherever it lies: GDAL's settings, retries, errors.

The only module that hands an href to GDAL. Hrefs arrive unsigned and are signed here, on the
worker, right before opening; a signed address never leaves this module.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import rasterio
from rasterio import DatasetReader
from rasterio.env import hasenv

from eo_assets.cube.answers import Answer, ask
from eo_assets.cube.diagnosis import (
    UnclearReadError,
    final,
    is_remote,
    speaks_http,
    translated,
    verdict,
)
from eo_assets.cube.handles import IdleFiles, OpenFile
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
_remote = IdleFiles(most_files=256, most_bytes=128 * 2**20)
"""Three bands of ten scenes at four scales, as a map shows, and twice as many."""

_on_disk = IdleFiles(most_files=128, most_bytes=32 * 2**20)
"""Fewer: these are opened again in no time, others take a request."""


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


def file_size(href: str) -> int | None:
    """Tell how long a file is.

    Args:
        href: Unsigned address.

    Returns:
        Bytes; None where its server does not say.

    Raises:
        SourceUnavailableError: The one that signs does not answer.
    """
    if not is_remote(href):
        return Path(href).stat().st_size
    return ask(sign(href).url).size if speaks_http(href) else None


def with_file(
    read: Callable[[DatasetReader], T], href: str, overview: int | None = None
) -> tuple[T, int]:
    """Read a file, again if that may help.

    A server that is unavailable is asked again later and later, or when it says so. A token that
    has expired is replaced, one that is refused for no visible reason once. A file that is absent,
    or damaged, stays so and is not asked for again.

    Args:
        read: Gives what is wanted of the open file, which stays open for the next read: it must
            neither be closed nor kept.
        href: Unsigned address of the file.
        overview: Which of its overviews to see as the file, from 0, the finest; None for itself.

    Returns:
        What ``read`` gave, and the number of attempts it took.

    Raises:
        SourceReadError: The file is absent, not a GeoTIFF, or cannot be decoded.
        SourceUnavailableError: Its server, or the one that signs, did not answer, attempt after
            attempt.
    """
    started, attempt, renewals = time.monotonic(), 1, 0
    while True:
        file = None
        try:
            file = _take(href, overview)
            return _once(read, file, again=attempt > 1), attempt
        except (SourceUnavailableError, UnclearReadError) as caught:
            failure: SourceError = caught
        # what else is open of it has the same address
        _idle(href).drop(href)
        address = file.address if file else None
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


def _idle(href: str) -> IdleFiles:
    return _remote if is_remote(href) else _on_disk


def _take(href: str, overview: int | None) -> OpenFile:
    stamp = file_stamp(href)
    while file := _idle(href).take(href, overview):
        if not file.address.due and file.stamp == stamp:
            return file
        # GDAL would go on with the old token and hide that it is refused, or with the old file
        file.close()
    return OpenFile(href, overview, sign(href), stamp)


def _once(read: Callable[[DatasetReader], T], file: OpenFile, *, again: bool) -> T:
    try:
        with _options(file, again=again):
            dataset = file.opened(_open(file)) if file.dataset is None else file.dataset
            values = translated(lambda: read(dataset), file.href)
    except BaseException:
        file.close()
        raise
    _idle(file.href).put(file)
    return values


def _open(file: OpenFile) -> DatasetReader:
    href = file.href
    name = gdal_name(href) if is_own(href) else file.address.url
    open_it = _open_remote if is_remote(href) else _open_on_disk
    # one driver only: a file that claims to be a VRT could point anywhere
    options = {"driver": "GTiff", "sharing": False}
    if file.overview is not None:
        options["overview_level"] = file.overview
    return translated(lambda: open_it(name, **options), href)


def _open_remote(name: str, **options: Any) -> DatasetReader:
    # a handle keeps what it has read; of files on disk the system does, once for all handles
    with rasterio.Env(VSI_CACHE="TRUE"):
        return rasterio.open(name, **options)


def _open_on_disk(name: str, **options: Any) -> DatasetReader:
    # looking for credentials takes a quarter of the time of opening, and files on disk need none
    return DatasetReader(name, **options) if hasenv() else rasterio.open(name, **options)


@contextmanager
def _options(file: OpenFile, *, again: bool) -> Iterator[None]:
    """Set GDAL up for one file: what its server wants to see, and to look again."""
    if is_own(file.href):
        with gdal_access(file.href):
            yield
        return
    options = dict(_AGAIN) if again else {}
    if headers_for(file.href):
        options |= gdal_options(file.address.url)
    if not options:
        # entering and leaving an environment takes as long as reading a tile from GDAL's cache
        yield
        return
    with rasterio.Env(**options):
        yield


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
