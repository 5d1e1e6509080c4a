"""A place on object storage, with the methods of ``pathlib.Path`` that products need."""

from __future__ import annotations

import contextlib
import datetime as dt
import fnmatch
import posixpath
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Self

import obstore
from obstore.store import ObjectStore

from eo_assets.errors import ConfigurationError
from eo_assets.places.cloud import client_of
from eo_assets.places.faults import object_errors

SCHEMES = ("s3", "az")
_AT_ONCE = 16
"""Requests in flight where many small ones are needed: they wait for the network."""


def is_object(address: object) -> bool:
    """Tell whether an address is one of object storage."""
    return str(address).partition("://")[0] in SCHEMES and "://" in str(address)


@dataclass(frozen=True)
class ObjectStatus:
    """What is known of an object without reading it; see ``os.stat_result``.

    Attributes:
        st_size: Bytes.
        st_mtime: When it was put, seconds since 1970, by the service's clock.
        e_tag: Of its content as it is.
    """

    st_size: int
    st_mtime: float
    e_tag: str

    @property
    def st_mtime_ns(self) -> int:
        """When it was put, nanoseconds since 1970."""
        return int(self.st_mtime * 1e9)


@dataclass(frozen=True, order=True)
class ObjectPlace:
    """An object, or what lies below a prefix. Shown and pickled without any credential.

    Attributes:
        scheme: ``s3`` or ``az``.
        bucket: Bucket or container.
        key: Key without a slash at either end; empty for the bucket itself.
    """

    scheme: str
    bucket: str
    key: str = ""

    @classmethod
    def parse(cls, address: str) -> Self:
        """Read ``s3://bucket/key``.

        Raises:
            ConfigurationError: It names no bucket, or has a query or a user.
        """
        scheme, _, rest = address.partition("://")
        bucket, _, key = rest.partition("/")
        parts = [part for part in key.split("/") if part]
        if scheme not in SCHEMES or not bucket or set("?#@") & set(bucket) or ".." in parts:
            raise ConfigurationError(
                f"{scheme}://... names no place on object storage.",
                "Write s3://bucket/prefix or az://container/prefix; keys and endpoints are given "
                "by the environment, see docs/storage.md.",
            )
        return cls(scheme, bucket, "/".join(parts))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}/{self.key}".rstrip("/")

    def __truediv__(self, other: str | PurePosixPath) -> Self:
        # keys have no "..": what a file system would make of it later is done here
        key = posixpath.normpath(posixpath.join("/", self.key, str(other).lstrip("/")))
        return replace(self, key=key.lstrip("/"))

    @property
    def path(self) -> PurePosixPath:
        """The key as a path."""
        return PurePosixPath(self.key)

    @property
    def name(self) -> str:
        """Last part of the key."""
        return self.path.name

    @property
    def stem(self) -> str:
        """Name without its last suffix."""
        return self.path.stem

    @property
    def suffix(self) -> str:
        """Last suffix of the name, with its dot."""
        return self.path.suffix

    @property
    def parts(self) -> tuple[str, ...]:
        """Bucket and parts of the key."""
        return (f"{self.scheme}://{self.bucket}", *self.path.parts)

    @property
    def parent(self) -> Self:
        """The prefix it lies below."""
        return replace(self, key=self.key.rpartition("/")[0])

    def with_name(self, name: str) -> Self:
        """Give the place of that name beside this one."""
        return self.parent / name

    def with_suffix(self, suffix: str) -> Self:
        """Give the place whose name ends in another suffix."""
        return self.with_name(self.stem + suffix)

    def is_relative_to(self, other: object) -> bool:
        """Tell whether it lies below another place, or is it."""
        if not isinstance(other, ObjectPlace):
            return False
        same = (self.scheme, self.bucket) == (other.scheme, other.bucket)
        return same and self.path.is_relative_to(other.path)

    def relative_to(self, other: object) -> PurePosixPath:
        """Give the path from another place.

        Raises:
            ValueError: It does not lie below it.
        """
        if not isinstance(other, ObjectPlace) or not self.is_relative_to(other):
            raise ValueError(f"{self} does not lie below {other}")
        return self.path.relative_to(other.path)

    @property
    def client(self) -> ObjectStore:
        """The client of its bucket."""
        return client_of(self.scheme, self.bucket)

    def read_bytes(self) -> bytes:
        """Read the object; see ``object_errors`` for what is raised."""
        with object_errors(self):
            return bytes(obstore.get(self.client, self.key).bytes())

    def read_text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Read the object as text."""
        return self.read_bytes().decode(encoding, errors)

    def write_bytes(self, content: bytes) -> int:
        """Put the object, whole or not at all; give its size."""
        with object_errors(self):
            obstore.put(self.client, self.key, content)
        return len(content)

    def write_text(self, text: str, encoding: str = "utf-8") -> int:
        """Put the object as text."""
        return self.write_bytes(text.encode(encoding))

    def stat(self) -> ObjectStatus:
        """Tell size, age and ETag.

        Raises:
            FileNotFoundError: There is no such object.
            StorageError: The service refuses.
        """
        with object_errors(self):
            meta = obstore.head(self.client, self.key)
        made: dt.datetime = meta["last_modified"]
        return ObjectStatus(int(meta["size"]), made.timestamp(), str(meta["e_tag"]))

    def is_file(self) -> bool:
        """Tell whether there is such an object."""
        try:
            self.stat()
        except FileNotFoundError:
            return False
        return True

    def is_dir(self) -> bool:
        """Tell whether anything lies below it."""
        return next(self.walk(), None) is not None

    def exists(self) -> bool:
        """Tell whether there is such an object, or one below."""
        return self.is_file() or self.is_dir()

    def unlink(self, *, missing_ok: bool = True) -> None:  # noqa: ARG002 -- as paths have it
        """Delete the object; one that is not there is no error for object storage."""
        with object_errors(self), contextlib.suppress(FileNotFoundError):
            obstore.delete(self.client, self.key)

    def children(self) -> list[str]:
        """Names directly below, of objects and of prefixes, sorted."""
        with object_errors(self):
            found = obstore.list_with_delimiter(self.client, self.key or None)
        keys = [*found["common_prefixes"], *(one["path"] for one in found["objects"])]
        return sorted(key.rstrip("/").rpartition("/")[2] for key in keys)

    def glob(self, pattern: str) -> list[Self]:
        """Give what lies directly below and fits a pattern of a name."""
        return [self / name for name in self.children() if fnmatch.fnmatchcase(name, pattern)]

    def walk(self) -> Iterator[PurePosixPath]:
        """Give the paths of all objects below, from here, as the service lists them."""
        with object_errors(self):
            for batch in obstore.list(self.client, f"{self.key}/" if self.key else None):
                yield from (PurePosixPath(one["path"]).relative_to(self.key) for one in batch)

    def remove_tree(self) -> None:
        """Delete all objects below, whatever their number."""
        keys = [str(self.path / below) for below in self.walk()]
        with object_errors(self), contextlib.suppress(FileNotFoundError):
            for start in range(0, len(keys), 1000):
                obstore.delete(self.client, keys[start : start + 1000])


def existing(places: list[ObjectPlace]) -> list[ObjectPlace]:
    """Give those of the objects that there are, in their order; many are asked for at once."""
    if not places:
        return []
    with ThreadPoolExecutor(min(_AT_ONCE, len(places))) as pool:
        found = list(pool.map(ObjectPlace.is_file, places))
    return [one for one, there in zip(places, found, strict=True) if there]
