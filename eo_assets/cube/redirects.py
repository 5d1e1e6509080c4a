"""Where the files of a private catalogue lie, found out before GDAL is given its headers.

GDAL sends every header but ``Authorization`` along to wherever a server redirects it, and has no
option against that. A catalogue that answers with an address in object storage would have its keys
handed to the storage. So its redirections are followed here, by a session that gives the headers
to the catalogue alone, and GDAL opens what they lead to.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from eo_assets.cube.answers import ask
from eo_assets.cube.private_catalog import headers_for
from eo_assets.errors import SourceUnavailableError

KEPT = 8192
"""Addresses a process remembers: a question each, the next time they are opened."""

_leads_to: OrderedDict[str, str] = OrderedDict()
_lock = threading.Lock()


def followed(href: str) -> str:
    """Give the address a file is read from.

    Args:
        href: Address as the catalogue states it.

    Returns:
        What the private catalogue redirects it to, once asked; other addresses as they are.

    Raises:
        SourceUnavailableError: The catalogue does not answer.
    """
    if not headers_for(href):
        return href
    with _lock:
        if href in _leads_to:
            return _leads_to[href]
    answer = ask(href)
    if answer.unavailable:
        raise SourceUnavailableError(f"{href.partition('?')[0]} is unavailable.", "Try again.")
    with _lock:
        _leads_to[href] = answer.url
        while len(_leads_to) > KEPT:
            _leads_to.popitem(last=False)
    return answer.url


def forget(href: str, leads_to: str) -> bool:
    """Tell that the address a file led to was refused: made for a while, as a rule.

    Args:
        href: Address as the catalogue states it.
        leads_to: What ``followed`` gave.

    Returns:
        Whether asking again may give another.
    """
    with _lock:
        if _leads_to.get(href) == leads_to:
            del _leads_to[href]
    return leads_to != href
