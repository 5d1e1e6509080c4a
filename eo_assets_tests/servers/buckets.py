"""Object storage of either kind, made ready for this process and those it starts."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pandas as pd

from eo_assets.places import ObjectPlace
from eo_assets.settings import Settings, load_settings
from eo_assets_tests.servers.azurite import Azurite
from eo_assets_tests.servers.ceph import Ceph

READS = "reads.parquet"


@dataclass
class Bucket:
    """A bucket of its own, and how this process reaches it.

    Attributes:
        server: The service.
        root: A prefix in the bucket.
        monkeypatch: Of the test or its module: it sets the environment.
    """

    server: Ceph | Azurite
    root: ObjectPlace
    monkeypatch: object

    def settings(self, environment: dict[str, str] | None = None, **more) -> Settings:
        """Settings with these products, after changing the environment."""
        for name, value in (environment or {}).items():
            self.monkeypatch.setenv(name, value)
        return load_settings(**{"outputs": str(self.root), **more})


def bucket_of(server: Ceph | Azurite, monkeypatch) -> Bucket:
    """Make a bucket and have this process use it."""
    scheme = "s3" if isinstance(server, Ceph) else "az"
    made = Bucket(server, ObjectPlace(scheme, server.bucket(), "some/prefix"), monkeypatch)
    made.settings(server.environment())
    return made


def differing(local: Path, remote: ObjectPlace) -> set[str]:
    """Names of files of two products that are not the same in both."""
    files = {str(path.relative_to(local)) for path in local.rglob("*") if path.is_file()}
    below = {str(path) for path in remote.walk()}
    same = {name for name in files & below if not _differ(local / name, remote / name)}
    assert files, f"there is nothing in {local}"
    return (files | below) - same


def _differ(first: Path, second: ObjectPlace) -> bool:
    if first.name == READS:  # how long reads took is never the same
        tables = [pd.read_parquet(BytesIO(one.read_bytes())) for one in (first, second)]
        return not tables[0].drop(columns="seconds").equals(tables[1].drop(columns="seconds"))
    return first.read_bytes() != second.read_bytes()
