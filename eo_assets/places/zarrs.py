"""Zarr groups and arrays, opened where they lie."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import ObjectStore

from eo_assets.places.cloud import client_of
from eo_assets.places.faults import object_errors
from eo_assets.places.objects import ObjectPlace, is_object


class _Below(ObjectStore[Any]):
    """Zarr's own store over obstore, of what lies below a prefix.

    Its errors are the project's, and it is pickled without credentials. The prefix is its root: of
    a group deeper in a store zarr makes groups of all that is above.
    """

    def __init__(self, where: ObjectPlace, *, read_only: bool = False) -> None:
        super().__init__(_client(where), read_only=read_only)
        self._where = where

    def with_read_only(self, read_only: bool = False) -> _Below:  # noqa: FBT001, FBT002 -- zarr's
        """See ``zarr.abc.store.Store``."""
        return _Below(self._where, read_only=read_only)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        # zarr's own would carry the client with its keys
        del state["store"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.store = _client(self._where)

    async def get(
        self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None
    ) -> Buffer | None:
        """See ``zarr.abc.store.Store``."""
        with object_errors(self._where / key):
            return await super().get(key, prototype, byte_range)

    async def exists(self, key: str) -> bool:
        """See ``zarr.abc.store.Store``."""
        with object_errors(self._where / key):
            return bool(await super().exists(key))

    async def set(self, key: str, value: Buffer) -> None:
        """See ``zarr.abc.store.Store``."""
        with object_errors(self._where / key):
            await super().set(key, value)


def _client(where: ObjectPlace) -> Any:
    return client_of(where.scheme, where.bucket, where.key)


def zarr_at(address: str | Path | ObjectPlace) -> dict[str, Any]:
    """Say where a Zarr lies, as ``zarr.open_group`` and ``zarr.open_array`` take it.

    Args:
        address: The group or array.

    Returns:
        The arguments ``store`` and ``path``.
    """
    if not is_object(address):
        return {"store": address, "path": None}
    where = address if isinstance(address, ObjectPlace) else ObjectPlace.parse(str(address))
    return {"store": _Below(where), "path": None}
