"""Why a file was not read: from GDAL's words and its server's answer to an error of the project.

None of GDAL's text goes on, for it quotes the address it was given, token and all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import urlsplit

from rasterio.errors import RasterioError, RasterioIOError

from eo_assets.cube.answers import Answer
from eo_assets.cube.signing import may_expire
from eo_assets.errors import SourceError, SourceReadError, SourceUnavailableError

T = TypeVar("T")

_STATUS = re.compile(r"http response code: (\d{3})")
_UNAVAILABLE = {"408", "429", "500", "502", "503", "504"}


class UnclearReadError(SourceReadError):
    """A remote file was not read, and only its server can tell whether it ever can be."""


def is_remote(href: str) -> bool:
    """Tell whether an href is read over a network."""
    return urlsplit(href).scheme in {"http", "https", "s3", "az", "gs"}


def speaks_http(href: str) -> bool:
    """Tell whether an address is one of a web server."""
    return urlsplit(href).scheme in {"http", "https"}


def translated(read: Callable[[], T], href: str) -> T:
    """Call what may fail in GDAL's words, and let it fail in the project's.

    Args:
        read: What to call.
        href: The file it is about.

    Returns:
        What it gave.

    Raises:
        SourceUnavailableError: The file's server does not answer.
        UnclearReadError: The file was not read, and GDAL does not say why.
        SourceReadError: The file is absent, refused, or damaged.
        SourceError: What ``read`` raised of its own accord.
    """
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
    unclear = is_remote(href) and (not status or (status == "403" and may_expire(href)))
    return _unreadable(
        clean, _reason(causes, status, clean), kind=UnclearReadError if unclear else None
    )


def _unreadable(
    clean: str, reason: str, *, kind: type[SourceReadError] | None = None
) -> SourceReadError:
    return (kind or SourceReadError)(
        f"{clean} cannot be read: {reason}.",
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


def verdict(failure: SourceError, href: str, answer: Answer | None) -> SourceError:
    """Judge a failed read by what the file's server says.

    Args:
        failure: What it looked like.
        href: The file.
        answer: Of its server; None where it was not asked.

    Returns:
        What it was.
    """
    clean = href.partition("?")[0]
    if answer and (answer.denied or answer.absent):
        return _unreadable(clean, "it does not exist" if answer.absent else "access is denied")
    if answer and answer.unavailable:
        return SourceUnavailableError(
            f"{clean} is unavailable: {_said(answer)}.", "Try again later."
        )
    return failure


def _said(answer: Answer) -> str:
    if not answer.status:
        return "its server does not answer"
    asked = f" and asks for {answer.retry_after_s:.0f} s" if answer.retry_after_s else ""
    return f"its server answers with HTTP {answer.status}{asked}"


@contextmanager
def naming(scene: str, band: str) -> Iterator[None]:
    """Let an error of unavailability say which file of which scene it is about.

    Args:
        scene: Id of the scene.
        band: Name of the band.

    Yields:
        Nothing.

    Raises:
        SourceUnavailableError: As raised inside, with both names.
    """
    try:
        yield
    except SourceUnavailableError as error:
        problem = f"Scene {scene}, {band}: {error.problem}"
        raise SourceUnavailableError(problem, error.remedy) from error


def final(failure: SourceError, attempts: int) -> SourceError:
    """Give the error to raise when no other attempt is made.

    Args:
        failure: What the last attempt came to.
        attempts: How many there were.

    Returns:
        The error; what stayed unclear while the server was well is a damaged file.
    """
    if isinstance(failure, UnclearReadError):
        failure = SourceReadError(failure.problem, failure.remedy)
    failure.attempts = attempts
    return failure
