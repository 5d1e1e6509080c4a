"""Stored GeoTIFFs read by ranges, by GDAL's own clients of object storage.

Only where a part of a file is wanted, as for a map tile; whole files come as copies, see
``eo_assets.places.copies``. GDAL is given the credentials obstore uses, for this thread and while
the block lasts: reading an archive on other buckets is not touched.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import rasterio
from rasterio.session import Session

from eo_assets.places.cloud import cloud_in_use
from eo_assets.places.objects import ObjectPlace, is_object


class _CloudSession(Session):  # type: ignore[misc]
    """Hands credentials to GDAL; rasterio takes them from sessions only."""

    def __init__(self, options: dict[str, str]) -> None:
        self._options = options

    @classmethod
    def hascreds(cls, config: dict[str, Any]) -> bool:  # noqa: ARG003
        """They are given, whatever GDAL has already."""
        return False

    def get_credential_options(self) -> dict[str, str]:
        """GDAL's configuration options."""
        return self._options


def gdal_name(address: str | Path | ObjectPlace) -> str:
    """Give the name GDAL opens a file by: a path, ``/vsis3/bucket/key``, ``/vsiaz/...``."""
    if not is_object(address):
        return str(address)
    where = ObjectPlace.parse(str(address))
    return f"/vsi{where.scheme}/{where.bucket}/{where.key}"


@contextlib.contextmanager
def gdal_access(address: str | Path | ObjectPlace) -> Iterator[None]:
    """Give GDAL the credentials for a file on object storage while the block lasts.

    Args:
        address: The file; for one in a folder nothing is done.
    """
    if not is_object(address):
        yield
        return
    options = _s3_options() if str(address).startswith("s3:") else _azure_options()
    with rasterio.Env(session=_CloudSession(options), GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
        yield


@contextlib.contextmanager
def open_raster(address: str | Path | ObjectPlace, **options: Any) -> Iterator[Any]:
    """Open a raster file where it lies, to read parts of it.

    Args:
        address: The file.
        options: Of ``rasterio.open``.

    Yields:
        The open dataset; to be used by this thread.

    Raises:
        RasterioIOError: It cannot be opened.
    """
    with gdal_access(address), rasterio.open(gdal_name(address), **options) as file:
        yield file


def _s3_options() -> dict[str, str]:
    given = cloud_in_use().s3
    names = {
        "access_key_id": "AWS_ACCESS_KEY_ID",
        "secret_access_key": "AWS_SECRET_ACCESS_KEY",
        "session_token": "AWS_SESSION_TOKEN",
        "region": "AWS_REGION",
    }
    options = {gdal: given[own] for own, gdal in names.items() if own in given}
    if endpoint := given.get("endpoint"):
        parts = urlsplit(endpoint)
        hosted = given.get("virtual_hosted_style_request", "false").lower() in {"true", "1"}
        options |= {
            "AWS_S3_ENDPOINT": parts.netloc + parts.path.rstrip("/"),
            "AWS_HTTPS": "YES" if parts.scheme == "https" else "NO",
            "AWS_VIRTUAL_HOSTING": "TRUE" if hosted else "FALSE",
        }
    return options


def _azure_options() -> dict[str, str]:
    given = cloud_in_use().azure
    account, endpoint = given.get("account_name", ""), given.get("endpoint")
    key, sas = given.get("account_key"), given.get("sas_key", "").lstrip("?")
    if endpoint:
        right = f"AccountKey={key}" if key else f"SharedAccessSignature={sas}"
        scheme = urlsplit(endpoint).scheme
        connection = f"DefaultEndpointsProtocol={scheme};AccountName={account};{right}"
        return {"AZURE_STORAGE_CONNECTION_STRING": f"{connection};BlobEndpoint={endpoint}"}
    options = {"AZURE_STORAGE_ACCOUNT": account} if account else {}
    if key:
        options["AZURE_STORAGE_ACCESS_KEY"] = key
    elif sas:
        options["AZURE_STORAGE_SAS_TOKEN"] = sas
    return options
