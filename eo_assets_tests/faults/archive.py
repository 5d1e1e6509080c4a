"""An archive that fails on demand: the project's own STAC API and its files, over real HTTP.

Faults are put between the client and ``eo_assets.sample.api``, which serves searches, transactions
and files as it always does. As a proxy it also stands in for a storage account of Azure with a
token service, so that the real ``planetary-computer`` package signs and GDAL sends what it signed.

It runs in a process of its own: GDAL may hold Python's lock while it waits for a server.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

STORAGE = "http://faultyaccount.blob.core.windows.net/assets"
"""Where the archive's files lie for whoever asks through it as a proxy."""


class FaultArchive:
    """The archive as a test sees it.

    Args:
        ports: Of its server.

    Attributes:
        url: Of the STAC API.
        other_url: The same, at another port.
        directory: Items and files.
    """

    def __init__(self, ports: tuple[int, int]) -> None:
        self.url, self.other_url = (f"http://127.0.0.1:{port}" for port in ports)
        self.directory = Path()

    def _control(self, action: str, **what: Any) -> dict[str, Any]:
        response = requests.post(f"{self.url}/_control/{action}", json=what, timeout=30)
        response.raise_for_status()
        return response.json()

    def serve(self, directory: Path) -> None:
        """Serve another directory, with nothing wrong."""
        self.directory = directory
        self._control("reset", directory=str(directory))

    def set(self, **what: Any) -> None:
        """Change what goes wrong; see ``eo_assets_tests.faults.server.State``."""
        self._control("set", **what)

    def fail(self, part: str, status: int, **how: Any) -> None:
        """Let requests fail; see ``eo_assets_tests.faults.server.Fault``."""
        self._control("fail", part=part, status=status, **how)

    @property
    def requests(self) -> list[tuple[str, float]]:
        """Path and time of each request so far."""
        return self._control("state")["requests"]

    @property
    def n_tokens(self) -> int:
        """Tokens given so far."""
        return self._control("state")["n_tokens"]

    def asked(self, part: str) -> int:
        """Count the requests whose path has this in it."""
        return sum(part in path for path, _ in self.requests)

    def publish(self, item: dict[str, Any]) -> None:
        """Publish an item through the API, as a provider that has something new."""
        url = f"{self.url}/collections/{item['collection']}/items"
        requests.post(url, json=item, timeout=10).raise_for_status()

    def withdraw(self, collection: str, item_id: str) -> None:
        """Withdraw an item through the API."""
        url = f"{self.url}/collections/{collection}/items/{item_id}"
        requests.delete(url, timeout=10).raise_for_status()


@contextlib.contextmanager
def fault_archive() -> Iterator[FaultArchive]:
    """Run an archive's server; it ends with the block, or with this process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "eo_assets_tests.faults.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        first, second = process.stdout.readline().split()
        yield FaultArchive((int(first), int(second)))
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def with_files_at(item: dict[str, Any], folder: str) -> dict[str, Any]:
    """Let an item state that its files lie at an address."""
    stac_assets = {
        key: {**stac_asset, "href": f"{folder}/{stac_asset['href'].removeprefix('./')}"}
        for key, stac_asset in item["assets"].items()
    }
    return {**item, "assets": stac_assets}


def truncate(path: Path, *, keep: float = 0.5) -> None:
    """Cut a file short."""
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])


def written(*folders: Path) -> bytes:
    """Everything in all files below some folders, and their names."""
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.is_file()]
    return b"\n".join(str(path).encode() + b"\n" + path.read_bytes() for path in files)
