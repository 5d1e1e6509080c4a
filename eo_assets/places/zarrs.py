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


class _Bucket(ObjectStore[Any]):
    """Zarr's own store over obstore, with the project's errors; pickled without credentials."""

    def __init__(self, where: ObjectPlace, *, read_only: bool = False) -> None:
        super().__init__(where.client, read_only=read_only)
        self._where = where

    def with_read_only(self, read_only: bool = False) -> _Bucket:  # noqa: FBT001, FBT002 -- zarr's
        """See ``zarr.abc.store.Store``."""
        return _Bucket(self._where, read_only=read_only)

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        # zarr's own would carry the client with its keys
        del state["store"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.store = client_of(self._where.scheme, self._where.bucket)

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
    # the client of the bucket: its connections serve all that lies in it
    bucket = ObjectPlace(where.scheme, where.bucket)
    return {"store": _Bucket(bucket), "path": where.key}
