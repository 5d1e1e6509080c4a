"""The tile service as a notebook sees it: what to show goes in, addresses of tiles come out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import httpx

from eo_assets.cube.graph import VirtualCube
from eo_assets.errors import ConfigurationError, SourceUnavailableError

_TIMEOUT_S = httpx.Timeout(10.0, read=300.0)


@dataclass(frozen=True)
class TileService:
    """A tile service.

    Attributes:
        url: Its address for this process.
        browser_url: Its address for browsers: absolute, or a path on the server that serves the
            notebook.
        token: Token to present; empty for none.
    """

    url: str
    browser_url: str
    token: str = field(default="", repr=False)

    def layer(self, graph: VirtualCube, *, title: str = "") -> dict[str, Any]:
        """Make a layer of a graph; the same graph over the same scenes has the same id.

        Args:
            graph: The graph; names only.
            title: For people.

        Returns:
            What the service says of it; ``links`` with its addresses.

        Raises:
            ConfigurationError: The service refuses the graph.
            SourceUnavailableError: It does not answer, or its archive does not.
        """
        document = json.loads(graph.canonical_json())
        return self._ask("POST", "/layers", json={"graph": document, "title": title[:200]})

    def timeseries(self, layer_id: str, geometry: dict[str, Any]) -> dict[str, Any]:
        """Give statistics of each day, over an outline or at a point; see ``layer`` for errors."""
        return self._ask("POST", f"/layers/{layer_id}/timeseries", json={"geometry": geometry})

    def statistics(self, layer_id: str, outline: dict[str, Any]) -> dict[str, Any]:
        """Give statistics over an outline; see ``layer`` for errors."""
        return self._ask("POST", f"/layers/{layer_id}/statistics", json={"geometry": outline})

    def point(self, layer_id: str, lon: float, lat: float) -> dict[str, Any]:
        """Give the values at a point; see ``layer`` for errors."""
        return self._ask("GET", f"/layers/{layer_id}/point", params={"lon": lon, "lat": lat})

    def tile(self, layer: dict[str, Any], z: int, x: int, y: int) -> bytes:
        """Give one tile as PNG; see ``layer`` for errors."""
        address = str(layer["links"]["tiles"])
        for name, number in (("{z}", z), ("{x}", x), ("{y}", y)):
            address = address.replace(name, str(number))
        return self._send("GET", address).content

    def for_browsers(self, address: str) -> str:
        """Give an address of the service as browsers reach it."""
        return self.browser_url + address.removeprefix(self.url)

    def _ask(self, method: str, path: str, **what: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self._send(method, self.url + path, **what).json()
        return answer

    def _send(self, method: str, address: str, **what: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        try:
            # no proxy of the environment stands between this process and its own child
            answer = httpx.request(
                method, address, headers=headers, timeout=_TIMEOUT_S, trust_env=False, **what
            )
        except httpx.HTTPError as error:
            raise SourceUnavailableError(
                f"The tile service at {self.url} does not answer ({type(error).__name__}).",
                "Restart the kernel, or check EO_ASSETS_TILES_URL.",
            ) from error
        if answer.is_success:
            return answer
        raise _problem(answer)


def _problem(answer: httpx.Response) -> ConfigurationError | SourceUnavailableError:
    try:
        problem = answer.json()
        text, remedy = str(problem["detail"]), str(problem.get("remedy", ""))
    except (ValueError, LookupError, TypeError):
        text, remedy = f"The tile service answers {answer.status_code}.", "See its messages."
    if answer.status_code >= 500:
        return SourceUnavailableError(text, remedy)
    return ConfigurationError(text, remedy)
