"""Object storage of either kind, made ready for this process and those it starts."""

from __future__ import annotations

from dataclasses import dataclass

from eo_assets.places import ObjectPlace
from eo_assets.settings import Settings, load_settings
from eo_assets_tests.servers.azurite import Azurite
from eo_assets_tests.servers.ceph import Ceph


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
