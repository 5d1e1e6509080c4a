"""What is said of where workers come from."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from eo_assets.errors import ConfigurationError
from eo_assets.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Workers:
    """Where workers come from; on this machine when nothing is said.

    Attributes:
        address: A running scheduler: ``tcp://host:8786`` or ``tls://host:8786``.
        gateway: Address of a Dask Gateway. How to log in there is Dask's own configuration
            (``DASK_GATEWAY__AUTH__TYPE`` and the like), so that no secret is a field.
        gateway_cluster: Name of a cluster that runs on the gateway; a new one when empty.
        kubernetes: Manifest of a ``DaskCluster`` for the Dask operator of Kubernetes.
        n_workers: Workers of a cluster that is started.
        most_workers: As many when there is much to do, on a gateway or Kubernetes; when 0, always
            ``n_workers``.
        memory_limit: Memory of each worker on this machine, such as ``"4GiB"``.
        wait_s: Seconds until the first worker has to be there.
        tls_ca: Certificate of the authority that vouches for scheduler and workers, PEM.
        tls_cert: Our own certificate, PEM.
        tls_key: The key of our certificate, PEM.

    Raises:
        ConfigurationError: They contradict each other, or a file is not there.
    """

    address: str = ""
    gateway: str = ""
    gateway_cluster: str = ""
    kubernetes: str = ""
    n_workers: int = 2
    most_workers: int = 0
    memory_limit: str = "4GiB"
    wait_s: int = 300
    tls_ca: str = ""
    tls_cert: str = ""
    tls_key: str = ""

    @classmethod
    def of(cls, settings: Settings) -> Workers:
        """Give what settings say of workers."""
        own: dict[str, Any] = {
            each.name: getattr(settings, f"dask_{each.name}") for each in fields(cls)
        }
        paths = {name: str(value) for name, value in own.items() if isinstance(value, Path)}
        absent = {name: "" for name, value in own.items() if value is None}
        return cls(**own | paths | absent)

    def __post_init__(self) -> None:
        places = {"ADDRESS": self.address, "GATEWAY": self.gateway, "KUBERNETES": self.kubernetes}
        given = [f"EO_ASSETS_DASK_{name}" for name, value in places.items() if value]
        if len(given) > 1:
            raise ConfigurationError(
                f"{' and '.join(given)} name different places for Dask's workers.", "Give one."
            )
        if self.tls_files and not all(self.tls_files.values()):
            raise ConfigurationError(
                "Of EO_ASSETS_DASK_TLS_CA, _TLS_CERT and _TLS_KEY some are missing.",
                "Give all three: the authority, our certificate, and its key.",
            )
        if self.tls_files and not self.address.startswith("tls://"):
            raise ConfigurationError(
                f"There are certificates, but EO_ASSETS_DASK_ADDRESS is {self.address!r}.",
                "A scheduler with encryption is at tls://host:port.",
            )
        for path in (*self.tls_files.values(), self.kubernetes):
            if path and not Path(path).is_file():
                raise ConfigurationError(
                    f"There is no file {path}.", "Correct the EO_ASSETS_DASK_* setting naming it."
                )

    @property
    def tls_files(self) -> dict[str, str]:
        """Files by their names in ``distributed.Security``; empty when none is given."""
        files = {
            "tls_ca_file": self.tls_ca,
            "tls_client_cert": self.tls_cert,
            "tls_client_key": self.tls_key,
        }
        return files if any(files.values()) else {}
