"""Access to a private catalogue: headers that go to its own host and nowhere else.

An ``Access`` belongs to a process and stays in it: it cannot be pickled, so that it never enters a
task, and it is not part of items or cubes. A Dask worker makes its own from its own environment
(``eo_assets.settings.run_with_settings``); the workers of a local cluster inherit that of the
process that started them, others have to be given ``EO_ASSETS_CATALOG`` and
``EO_ASSETS_CATALOG_HEADERS``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Never
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Access:
    """What a private catalogue wants to see.

    Attributes:
        url: Address of the catalogue; its scheme, host and port decide who gets the headers.
        headers: HTTP headers by name.
    """

    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def headers_for(self, url: str) -> Mapping[str, str]:
        """Give the headers to send with a request.

        Args:
            url: Address of the request.

        Returns:
            The headers where the address is on the catalogue's own host; none elsewhere.
        """
        return self.headers if self.headers and origin(url) == origin(self.url) else {}

    def __reduce__(self) -> Never:
        raise TypeError("an Access holds secrets and stays in its process")


def origin(url: str) -> tuple[str, str, int | None]:
    """Give scheme, host and port of an address."""
    parts = urlsplit(url)
    scheme = parts.scheme.lower()
    return scheme, parts.hostname or "", parts.port or _PORTS.get(scheme)


class _InUse:
    access = Access()


def use_access(access: Access) -> None:
    """Use an access in this process from now on.

    Args:
        access: The access; ``Access()`` for none.
    """
    _InUse.access = access


def headers_for(url: str) -> Mapping[str, str]:
    """Give the headers to send with a request; see ``Access.headers_for``."""
    return _InUse.access.headers_for(url)


def gdal_options(url: str) -> dict[str, str]:
    """Set GDAL up for a file the catalogue lists, on its own host or where that redirects to."""
    # taken apart at the line end where there are several, but one at the comma
    headers = "".join(f"{name}: {value}\r\n" for name, value in headers_for(url).items())
    # addresses that storage signs are for one method, as a rule
    return {"GDAL_HTTP_HEADERS": headers} if headers else {"CPL_VSIL_CURL_USE_HEAD": "NO"}
