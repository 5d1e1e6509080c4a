"""Clients of buckets and containers, and the credentials of this process for them.

A ``CloudAccess`` belongs to a process and stays in it: it cannot be pickled, so that it never
enters a task, a record or an item. A Dask worker has its own from its own environment; what is not
given here obstore looks for itself, such as the identity of a machine or a container in the cloud.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Never

from obstore.exceptions import BaseError
from obstore.store import AzureStore, ObjectStore, S3Store

from eo_assets.errors import ConfigurationError

_RETRIES: Any = {
    "max_retries": 6,
    "retry_timeout": dt.timedelta(seconds=60),
    "backoff": {
        "init_backoff": dt.timedelta(milliseconds=200),
        "max_backoff": dt.timedelta(seconds=8),
        "base": 2,
    },
}
"""Of answers 5xx and lost connections; what is refused is not asked for again."""


@dataclass(frozen=True)
class CloudAccess:
    """What this process may use to reach object storage, in obstore's names.

    Attributes:
        s3: Of S3: ``access_key_id``, ``secret_access_key``, ``session_token``, ``region``,
            ``endpoint``, ``virtual_hosted_style_request``.
        azure: Of Azure: ``account_name``, ``account_key``, ``sas_key``, ``endpoint``.
        allow_http: Schemes (``s3``, ``az``) whose endpoint may be reached without TLS.
        root: Address of the products, empty when they lie in a folder. An archive may lie on
            object storage too; only what lies below this is read with this access by GDAL.
    """

    s3: Mapping[str, str] = field(default_factory=dict, repr=False)
    azure: Mapping[str, str] = field(default_factory=dict, repr=False)
    allow_http: frozenset[str] = frozenset()
    root: str = ""

    def __reduce__(self) -> Never:
        raise TypeError("a CloudAccess holds secrets and stays in its process")


class _InUse:
    access = CloudAccess()


def use_cloud(access: CloudAccess) -> None:
    """Use this access in this process from now on."""
    if access != _InUse.access:
        _InUse.access = access
        client_of.cache_clear()


def cloud_in_use() -> CloudAccess:
    """Give the access this process uses."""
    return _InUse.access


def is_own(address: object) -> bool:
    """Tell whether an address is one of the products on object storage."""
    root = _InUse.access.root
    return bool(root) and f"{address}/".startswith(f"{root}/")


@lru_cache(maxsize=32)
def client_of(scheme: str, bucket: str, prefix: str | None = None) -> ObjectStore:
    """Give the client of a bucket or container; one a process, which keeps its connections.

    Args:
        scheme: ``s3`` or ``az``.
        bucket: Name of the bucket or container.
        prefix: What all keys given to it are below.

    Returns:
        The client.

    Raises:
        ConfigurationError: What it is to use makes no sense, such as an endpoint that is none.
    """
    access = _InUse.access
    options: dict[str, Any] = {
        "client_options": {
            "allow_http": scheme in access.allow_http,
            "timeout": dt.timedelta(seconds=120),
            "connect_timeout": dt.timedelta(seconds=10),
        },
        "retry_config": _RETRIES,
    }
    try:
        if scheme == "s3":
            return S3Store(bucket, prefix=prefix, config=dict(access.s3), **options)  # type: ignore[arg-type]
        return AzureStore(bucket, prefix=prefix, config=dict(access.azure), **options)  # type: ignore[arg-type]
    except BaseError as error:
        names = "AWS_*" if scheme == "s3" else "AZURE_*"
        missing = " No account is named." if "account" in str(error).lower() else ""
        raise ConfigurationError(
            f"The client of {scheme}://{bucket} cannot be set up.{missing}",
            f"Check the variables {names} of the environment; see docs/storage.md.",
        ) from None
