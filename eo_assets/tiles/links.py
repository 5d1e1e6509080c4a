"""Addresses in answers: as the caller reaches the service, signed where it has a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Request

from eo_assets.tiles.access import EXPIRES, SIGNATURE, folder_of, signed_query
from eo_assets.tiles.service import ServiceOf


@dataclass(frozen=True)
class Links:
    """Makes addresses.

    Attributes:
        base: Address of the service, without a final slash.
        token: Key of signatures; empty for none.
        held: The signature the caller came with, as a query; empty where it had the token.
    """

    base: str
    token: str
    held: str = ""

    def to(self, path: str, *, query: str = "", signed: bool = True) -> str:
        """Give the address of a path.

        Args:
            path: Path from the root of the service; may hold ``{z}``, ``{x}``, ``{y}``.
            query: Its query.
            signed: Whether those who have only the address may use it.

        Returns:
            The absolute address.
        """
        signature = ""
        if signed and folder_of(path) is not None:
            signature = self.signature(path)
        whole = "&".join(part for part in (query, signature) if part)
        return f"{self.base}{path}" + (f"?{whole}" if whole else "")

    def signature(self, path: str) -> str:
        """Give the query that opens a path: the one the caller came with, or else a new one."""
        # whoever has a signature alone cannot make it last longer
        return self.held or signed_query(self.token, path)


def _links(request: Request, service: ServiceOf) -> Links:
    given, held = request.query_params, ""
    if service.token and "authorization" not in request.headers and SIGNATURE in given:
        held = urlencode({EXPIRES: given.get(EXPIRES, ""), SIGNATURE: given[SIGNATURE]})
    return Links(str(request.base_url).rstrip("/"), service.token, held)


LinksOf = Annotated[Links, Depends(_links)]
"""The type endpoints ask for links with."""
