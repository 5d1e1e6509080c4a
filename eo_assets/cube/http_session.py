"""HTTP sessions of this process, with access to the private catalogue if there is one."""

from __future__ import annotations

from typing import Any

import requests
from requests.adapters import HTTPAdapter

from eo_assets.cube.private_catalog import headers_for


class PrivateHeaders(HTTPAdapter):
    """Adds the headers as a request leaves.

    Later than anything that logs a request, and to a copy of it, so that a redirection to another
    host does not take them along.
    """

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # type: ignore[override]
        """Send a request with the headers its address is to get."""
        headers = headers_for(request.url or "")
        if headers:
            request = request.copy()
            request.headers.update(headers)
        return super().send(request, **options)


def open_session(*, max_retries: Any = 0) -> requests.Session:
    """Open an HTTP session that has access to the private catalogue, if there is one.

    Args:
        max_retries: As in ``requests.adapters.HTTPAdapter``.

    Returns:
        The session.
    """
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, PrivateHeaders(max_retries=max_retries))
    return session
