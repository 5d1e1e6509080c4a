"""What object storage complains of, in the project's words; never with an address' signature."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Never

from obstore.exceptions import (
    BaseError,
    PermissionDeniedError,
    UnauthenticatedError,
)

from eo_assets.errors import StorageError

_CODE = re.compile(r"<Code>(\w+)</Code>")

_VARIABLES = {
    "s3": {
        "keys": "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and, if there is one, AWS_SESSION_TOKEN",
        "endpoint": "AWS_ENDPOINT_URL",
        "allow": "AWS_ALLOW_HTTP",
    },
    "az": {
        "keys": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY or "
        "AZURE_STORAGE_SAS_TOKEN",
        "endpoint": "AZURE_STORAGE_ENDPOINT",
        "allow": "AZURE_ALLOW_HTTP",
    },
}

_NO_BUCKET = (
    "the bucket or container does not exist",
    "Create it, or correct EO_ASSETS_OUTPUTS.",
)
_FULL = "its quota is used up", "Free some space, or have the quota raised."
_EXPIRED = (
    "the credentials have expired",
    "Get new ones, set {keys} here and on the workers, and start again.",
)
_WRONG_KEYS = "the keys are wrong", "Correct {keys} here and on the workers."
_DENIED = (
    "access is denied",
    "Check {keys} here and on the workers, and that they allow all of the prefix.",
)
_NO_TLS = (
    "its endpoint is to be reached without TLS, which is not allowed",
    "Use https, or set {allow} to true.",
)
_SILENT = "its endpoint does not answer", "Check {endpoint} and the network."

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
    "builder error": _NO_TLS,
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
    except FileNotFoundError as error:
        if error.errno is not None:  # of a file of this machine
            raise
        _complain(error, str(address))
    except BaseError as error:
        _complain(error, str(address))


def _complain(error: Exception, where: str) -> Never:
    # it is never the cause of what is raised: its text quotes addresses, which may be signed
    text = str(error)
    code = next(iter(_CODE.findall(text)), "")
    if isinstance(error, FileNotFoundError) and _BY_CODE.get(code) is not _NO_BUCKET:
        raise FileNotFoundError(2, "There is no such object", where) from None
    problem, remedy = _explained(error, code, text.lower())
    said = f" ({code})" if code else ""
    names = _VARIABLES.get(where.partition("://")[0], {})
    raise StorageError(
        f"{where} cannot be used: {problem}{said}.", remedy.format(**names) if names else remedy
    ) from None


def _explained(error: Exception, code: str, text: str) -> tuple[str, str]:
    if code in _BY_CODE:
        return _BY_CODE[code]
    known = next((said for words, said in _BY_WORDS.items() if words in text), None)
    if known is not None:
        return known
    if isinstance(error, PermissionDeniedError | UnauthenticatedError):
        return _DENIED
    return f"the service refuses, {type(error).__name__}", "The service's own log says why."
