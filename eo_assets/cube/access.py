"""Opening a source file wherever it lies: GDAL's settings, handles kept open, retries, errors.

The only module that hands an href to GDAL. Hrefs arrive unsigned and are signed here, on the
worker, right before opening; a signed address never leaves this module.
"""

from __future__ import annotations

import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import urlsplit

import rasterio
from rasterio.errors import RasterioError, RasterioIOError

from eo_assets.errors import SourceError, SourceReadError, SourceUnavailableError

T = TypeVar("T")

ATTEMPTS = 4
FIRST_DELAY_S = 0.5
OPEN_FILES = 64
"""Files a thread keeps open; a block of ten bands of a few scenes fits."""

_GDAL = {
    # without it GDAL lists the folder of every remote file: ten times slower
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    # header and block index in one request
    "GDAL_INGESTED_BYTES_AT_OPEN": 32768,
    "GDAL_HTTP_MERGE_CONSECUTIVE_RANGES": "YES",
    "GDAL_HTTP_MULTIPLEX": "YES",
    "GDAL_HTTP_CONNECTTIMEOUT": 20,
    "GDAL_HTTP_TIMEOUT": 120,
    "GDAL_CACHEMAX": 64,
    "VSI_CACHE": "TRUE",
}
_AGAIN = {
    # GDAL remembers that a file could not be opened: without it no second request is ever sent
    "CPL_VSIL_CURL_NON_CACHED": "/vsicurl/http"
}
_STATUS = re.compile(r"http response code: (\d{3})")
_UNAVAILABLE = {"408", "429", "500", "502", "503", "504"}
_handles = threading.local()


class _UnclearReadError(SourceReadError):
    """A remote file was not read, and only another try tells whether it ever can be."""


_RETRIED = (SourceUnavailableError, _UnclearReadError)


@contextmanager
def gdal_environment() -> Iterator[None]:
    """Set GDAL up for reading Cloud Optimized GeoTIFFs, near or far."""
    with rasterio.Env(**_GDAL):
        yield


def is_remote(href: str) -> bool:
    """Tell whether an href is read over a network."""
    return urlsplit(href).scheme in {"http", "https", "s3", "az", "gs"}


def reader_threads(href: str) -> int:
    """Choose how many files to read at once: decoding is bound by cores, a network by latency."""
    return 12 if is_remote(href) else 2


def open_file(href: str, *, signed: Callable[[str], str] | None = None) -> rasterio.DatasetReader:
    """Open a source file, or take it from this thread's open ones.

    Args:
        href: Unsigned address.
        signed: Signs an address; nothing is signed when None.

    Returns:
        The open file; it stays open for the next call and must not be closed.

    Raises:
        SourceReadError: The file is absent or not a GeoTIFF.
        SourceUnavailableError: Its server does not answer.
    """
    open_files: OrderedDict[str, rasterio.DatasetReader]
    open_files = _handles.__dict__.setdefault("open", OrderedDict())
    dataset = open_files.get(href)
    if dataset is None:
        address = (signed or sign)(href)
        # one driver only: a file that claims to be a VRT could point anywhere
        dataset = _translated(lambda: rasterio.open(address, driver="GTiff", sharing=False), href)
        open_files[href] = dataset
        if len(open_files) > OPEN_FILES:
            open_files.popitem(last=False)[1].close()
    open_files.move_to_end(href)
    return dataset


def forget_file(href: str) -> None:
    """Close this thread's handle on a file, so that it is opened afresh."""
    open_files = _handles.__dict__.get("open", {})
    dataset = open_files.pop(href, None)
    if dataset is not None:
        dataset.close()


def sign(href: str) -> str:
    """Sign an address of the Planetary Computer's storage; give any other back as it is.

    Args:
        href: Unsigned address.

    Returns:
        An address to open now and then forget.
    """
    if not _is_signed(href):
        return href
    import planetary_computer

    # the package leaves an address that looks signed alone, even when it has expired
    return str(planetary_computer.sign_url(href.partition("?")[0]))


def _is_signed(href: str) -> bool:
    return (urlsplit(href).hostname or "").endswith(".blob.core.windows.net")


def with_retries(read: Callable[[], T], href: str) -> tuple[T, int]:
    """Read, again if the source is unavailable.

    Args:
        read: Opens and reads.
        href: The file read; its handle is dropped before another attempt.

    Returns:
        What ``read`` gave, and the number of attempts it took.

    Raises:
        SourceReadError: The file is absent or cannot be decoded.
        SourceUnavailableError: Its server did not answer, attempt after attempt.
    """
    attempt = 1
    while True:
        try:
            with rasterio.Env(**(_AGAIN if attempt > 1 else {})):
                return _translated(read, href), attempt
        except _RETRIED:
            forget_file(href)
            if attempt == ATTEMPTS:
                raise
        time.sleep(FIRST_DELAY_S * 2 ** (attempt - 1))
        attempt += 1


def _translated(read: Callable[[], T], href: str) -> T:
    try:
        return read()
    except SourceError:
        raise
    except (RasterioIOError, RasterioError) as error:
        translated = _translation(error, href)
    # GDAL quotes the address it was given, token and all: not even as context does its text go on
    raise translated


def _translation(error: Exception, href: str) -> SourceError:
    causes = " ".join(str(e) for e in _chain(error)).lower()
    clean = href.partition("?")[0]
    stated = _STATUS.search(causes)
    status = stated[1] if stated else ""
    if is_remote(href) and (status in _UNAVAILABLE or "curl error" in causes):
        return SourceUnavailableError(f"{clean} is unavailable.", "Try again later.")
    # a server that fails half-way looks like a damaged file, an expired token is refused
    unclear = is_remote(href) and (not status or (status == "403" and _is_signed(href)))
    return (_UnclearReadError if unclear else SourceReadError)(
        f"{clean} cannot be read: {_reason(causes, status, clean)}.",
        "Check that the file exists and is a complete GeoTIFF.",
    )


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _reason(causes: str, status: str, href: str) -> str:
    """Say in a few words why GDAL refused, without quoting an address."""
    if status == "404" or "no such file" in causes or "does not exist" in causes:
        return "it does not exist"
    if status == "403":
        return "access is denied"
    if "not recognized as" in causes:
        return "it is not a GeoTIFF"
    return f"decoding {href.rsplit('/', 1)[-1]} failed; it is damaged or cut short"
