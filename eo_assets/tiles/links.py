"""Addresses in answers: as the caller reaches the service, signed where it has a token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from eo_assets.tiles.access import folder_of, signed_query
from eo_assets.tiles.service import ServiceOf


@dataclass(frozen=True)
class Links:
    """Makes addresses.

    Attributes:
        base: Address of the service, without a final slash.
        token: Key of signatures; empty for none.
    """

    base: str
    token: str

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
            signature = signed_query(self.token, path)
        whole = "&".join(part for part in (query, signature) if part)
        return f"{self.base}{path}" + (f"?{whole}" if whole else "")


def _links(request: Request, service: ServiceOf) -> Links:
    return Links(str(request.base_url).rstrip("/"), service.token)


LinksOf = Annotated[Links, Depends(_links)]
"""The type endpoints ask for links with."""
