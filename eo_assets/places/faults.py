"""What object storage complains of, in the project's words; never with an address' signature."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Never

from obstore.exceptions import (
    BaseError,
    NotFoundError,
    PermissionDeniedError,
    UnauthenticatedError,
)

from eo_assets.errors import StorageError

_CODE = re.compile(r"<Code>(\w+)</Code>|\b(?:code|Code)[\"']?\s*[:=]\s*[\"']?(\w+)")

_KEYS = (
    "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AZURE_STORAGE_ACCOUNT_NAME and "
    "AZURE_STORAGE_ACCOUNT_KEY or AZURE_STORAGE_SAS_TOKEN, here and on the workers."
)

_NO_BUCKET = (
    "the bucket or container does not exist",
    "Create it, or correct EO_ASSETS_OUTPUTS.",
)
_FULL = "its quota is used up", "Free some space, or have the quota raised."
_EXPIRED = "the credentials have expired", "Get new ones and start again with them."
_WRONG_KEYS = "the keys are wrong", f"Correct {_KEYS}"
_DENIED = (
    "access is denied",
    f"Check {_KEYS} They have to allow reading, writing, listing and deleting below the prefix.",
)
_NO_TLS = (
    "its endpoint is to be reached without TLS, which is not allowed",
    "Use https, or set AWS_ALLOW_HTTP or AZURE_ALLOW_HTTP to true.",
)
_SILENT = (
    "its endpoint does not answer",
    "Check AWS_ENDPOINT_URL or AZURE_STORAGE_ENDPOINT, and the network.",
)

_BY_CODE = {
    "NoSuchBucket": _NO_BUCKET,
    "ContainerNotFound": _NO_BUCKET,
    "ContainerBeingDeleted": _NO_BUCKET,
    "QuotaExceeded": _FULL,
    "AccountQuotaExceeded": _FULL,
    "ExpiredToken": _EXPIRED,
    "ExpiredAuthenticationToken": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "InvalidAccessKeyId": _WRONG_KEYS,
    "SignatureDoesNotMatch": _WRONG_KEYS,
    "InvalidAuthenticationInfo": _WRONG_KEYS,
    "RequestTimeTooSkewed": ("the clock of this machine is wrong", "Set it."),
}
_BY_WORDS = {
    "not valid in the specified time frame": _EXPIRED,
    "url scheme is not allowed": _NO_TLS,
    "error sending request": _SILENT,
    "tcp connect": _SILENT,
    "connection refused": _SILENT,
    "timed out": _SILENT,
    "dns": _SILENT,
}
"""What is in obstore's text where the service gives no code, in small letters."""


@contextlib.contextmanager
def object_errors(address: object) -> Iterator[None]:
    """Turn obstore's complaints about a place into ones that say what to do.

    Args:
        address: What is being read or written: a place, or its address.

    Raises:
        FileNotFoundError: There is no such object.
        StorageError: Anything else: wrong keys, no bucket, a quota, no answer.
    """
    try:
        yield
    except BaseError as error:
        # not as a cause: its text quotes the request's address, which may be signed
        _complain(error, str(address))


def _complain(error: BaseError, where: str) -> Never:
    text = str(error)
    code = next((a or b for a, b in _CODE.findall(text)), "")
    if isinstance(error, NotFoundError) and _BY_CODE.get(code) is not _NO_BUCKET:
        raise FileNotFoundError(2, "There is no such object", where) from None
    problem, remedy = _explained(error, code, text.lower())
    said = f" ({code})" if code else ""
    raise StorageError(f"{where} cannot be used: {problem}{said}.", remedy) from None


def _explained(error: BaseError, code: str, text: str) -> tuple[str, str]:
    if code in _BY_CODE:
        return _BY_CODE[code]
    known = next((said for words, said in _BY_WORDS.items() if words in text), None)
    if known is not None:
        return known
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return _DENIED
    return f"the service refuses, {type(error).__name__}", "The service's own log says why."
