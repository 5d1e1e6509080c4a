"""Shared fixtures: no network, steady property tests, real scenes where they are at hand."""

from __future__ import annotations

import ipaddress
import os
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# the same examples in every run; time says little on a machine that others use too
settings.register_profile(
    "steady",
    derandomize=True,
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("steady")


def pytest_configure(config):
    # libraries about libraries: rasterio and odc-geo, odc-geo, planetary-computer
    for other in (
        "ignore:Use `@` matmul:PendingDeprecationWarning",
        "ignore:.*shapely.ops.transform:DeprecationWarning",
        "ignore:Support for class-based `config`:DeprecationWarning",
    ):
        config.addinivalue_line("filterwarnings", other)


def _is_local(address: object) -> bool:
    if not isinstance(address, tuple):
        return True  # a socket in the file system
    try:
        return ipaddress.ip_address(address[0]).is_loopback
    except ValueError:
        return address[0] == "localhost"


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """Let this process connect to this machine only."""
    connect = socket.socket.connect

    def guarded(self, address):
        if not _is_local(address):
            pytest.fail(f"a test tried to reach {address}")
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real scenes and items, or a skip that says so."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("EO_ASSETS_REAL_DATA", beside))  # noqa: TID251
    if not folder.is_dir():
        pytest.skip(f"REAL DATA ABSENT: {folder} does not exist; set EO_ASSETS_REAL_DATA")
    return folder
