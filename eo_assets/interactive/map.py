"""A map widget: layers computed by the tile service, a time slider, and answers beside it.

The kernel only passes requests on, in a thread of its own, so that cells can be run meanwhile.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import ipyleaflet
import ipywidgets

from eo_assets.cube.graph.signatures import Kind
from eo_assets.errors import ConfigurationError, EoAssetsError
from eo_assets.interactive.appearance import shown
from eo_assets.interactive.chart import series_chart, statistics_table
from eo_assets.interactive.cube import Cube
from eo_assets.interactive.display import steps
from eo_assets.interactive.moments import Moment, moments

_HEIGHT = "460px"
_WIDTH_PX = 640
_OUTLINE = {"color": "#1d2733", "weight": 1.2, "fillOpacity": 0, "opacity": 0.8}
_QUIET = '<span style="opacity:.7">{}</span>'
_HINT_HTML = _QUIET.format("Click for a series over time; draw an area for its statistics.")
_ASKING_HTML = _QUIET.format("Asking the tile service …")
_BUTTONS: dict[str, dict[str, Any]] = {"polyline": {}, "circlemarker": {}, "circle": {}}
_DRAWN = {"shapeOptions": {"color": "#c2410c", "weight": 1.5, "fillOpacity": 0.1}}


class _Shown:
    """A cube on the map: its tiles, and the layer of the service they are of now."""

    def __init__(self, cube: Cube) -> None:
        self.cube = cube
        self.times: list[Moment] = []
        if cube.kind is not Kind.IMAGE:
            self.times = moments(cube.graph, cube.resolved)
            if not self.times:
                raise ConfigurationError(f"{cube.title} has no scene.", "Choose other dates.")
        self._made: dict[int, dict[str, Any]] = {}
        self.made = self._at(len(self.times) - 1)
        self.tiles = ipyleaflet.TileLayer(
            url=self._url, name=_name(cube), min_zoom=self.made["minzoom"], max_zoom=22,
            max_native_zoom=max(self.made["maxzoom"], 1), attribution="",
        )  # fmt: skip

    @property
    def _url(self) -> str:
        return self.cube.workbench.service.for_browsers(self.made["links"]["tiles"])

    def _at(self, position: int) -> dict[str, Any]:
        if position not in self._made:
            graph = self.times[position].graph if self.times else self.cube.graph
            service, title = self.cube.workbench.service, self.cube.title
            self._made[position] = service.layer(shown(graph), title=title)
        return self._made[position]

    def go_to(self, position: int) -> None:
        """Show another time."""
        self.made = self._at(position)
        self.tiles.url = self._url

    @property
    def whole(self) -> dict[str, Any]:
        """The layer of all its times, of which series are asked."""
        if not self.times:
            return self.made
        graph = self.cube.reduce("first").graph
        return self.cube.workbench.service.layer(shown(graph), title=self.cube.title)


class CubeMap(ipywidgets.VBox):  # type: ignore[misc]  # ipywidgets has no types
    """A map of cubes.

    Args:
        cubes: What to show, first on top. Where the first has times a slider chooses one.

    Attributes:
        map: The ipyleaflet map.
        results: All that was asked of it, oldest first, as JSON.

    Raises:
        ConfigurationError: A cube has no scenes, or the tile service refuses it.
        SourceUnavailableError: The archive does not answer.
    """

    def __init__(self, cubes: Sequence[Cube]) -> None:
        self.results: list[dict[str, Any]] = []
        self._layers = [_Shown(cube) for cube in cubes]
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="eo-assets-map")
        self._answer = ipywidgets.HTML(_HINT_HTML)
        self._picture = ipywidgets.Image(format="png", layout={"display": "none", "width": "480px"})
        self.map = self._map(cubes[0])
        children = [self.map, self._answer, self._picture]
        if self._layers[0].times:
            children.insert(1, self._slider())
        super().__init__(children)

    def _map(self, first: Cube) -> Any:
        west, south, east, north = self._layers[0].made["bounds"]
        outline = {"type": "Feature", "properties": {}, "geometry": first.outline}
        outlines = ipyleaflet.GeoJSON(data=outline, style=_OUTLINE, name="Outline")
        view = ipyleaflet.Map(
            # named, so that no map of somebody's server is put below
            layers=[*(one.tiles for one in self._layers[::-1]), outlines],
            center=((south + north) / 2, (west + east) / 2),
            zoom=_zoom(east - west),
            scroll_wheel_zoom=True,
            layout={"height": _HEIGHT},
        )
        view.add(ipyleaflet.LayersControl(position="topright"))
        view.add(ipyleaflet.ScaleControl(position="bottomleft", imperial=False))
        drawing = ipyleaflet.DrawControl(
            polygon=_DRAWN, rectangle=_DRAWN, edit=False, remove=True, **_BUTTONS
        )
        drawing.on_draw(self._drawn)
        view.add(drawing)
        view.on_interaction(self._clicked)
        return view

    def _slider(self) -> Any:
        labels = [time.label for time in self._layers[0].times]
        slider = ipywidgets.SelectionSlider(
            options=[(label, n) for n, label in enumerate(labels)],
            value=len(labels) - 1,
            description="Time",
            continuous_update=False,
            layout={"width": "100%"},
        )
        slider.observe(lambda change: self._later(self.go_to, change["new"]), names="value")
        self.slider = slider
        return slider

    def go_to(self, position: int) -> None:
        """Show the time at this position of the slider."""
        self._layers[0].go_to(position)
        self._answer.value = _HINT_HTML

    def series(self, geometry: dict[str, Any]) -> dict[str, Any]:
        """Ask the first cube for its series over time at a point or over an outline.

        Args:
            geometry: GeoJSON, longitude and latitude.

        Returns:
            The service's answer; also shown, and kept in ``results``.

        Raises:
            ConfigurationError: The cube has no times.
            SourceUnavailableError: The archive does not answer.
        """
        first = self._layers[0]
        found = first.cube.workbench.service.timeseries(first.whole["id"], geometry)
        self._keep("series", geometry, found)
        self._picture.value = series_chart(
            found["series"], title=_described(geometry), span=_span(first.made["stretch"])
        )
        self._picture.layout.display = "block"
        self._answer.value = _HINT_HTML
        return found

    def values(self, lon: float, lat: float) -> dict[str, Any]:
        """Ask the first cube for its values at a point; see ``series``."""
        first = self._layers[0]
        found = first.cube.workbench.service.point(first.made["id"], lon, lat)
        self._keep("values", {"type": "Point", "coordinates": [lon, lat]}, found)
        known = ((name, value) for name, value in found["values"].items() if value is not None)
        text = ", ".join(f"{name} {value:.4g}" for name, value in known) or "nothing observed"
        self._answer.value = f"{lon:.4f}, {lat:.4f}: {html.escape(text)}"
        return found

    def statistics(self, outline: dict[str, Any]) -> dict[str, Any]:
        """Ask the first cube, as it is shown now, for its statistics over an outline."""
        first = self._layers[0]
        found = first.cube.workbench.service.statistics(first.made["id"], outline)
        self._keep("statistics", outline, found)
        title = f"{found['pixels']:,} pixels of {found['pixel_m']:g} m"
        self._answer.value = statistics_table(found["bands"], title=title)
        return found

    def _keep(self, kind: str, geometry: dict[str, Any], answer: dict[str, Any]) -> None:
        self.results.append({"kind": kind, "geometry": geometry, "answer": answer})

    def _clicked(self, **event: Any) -> None:
        if event.get("type") == "click":
            lat, lon = event["coordinates"]
            self._later(self._ask_at, float(lon), float(lat))

    def _ask_at(self, lon: float, lat: float) -> None:
        if self._layers[0].cube.period is None:
            self.values(lon, lat)
        else:
            self.series({"type": "Point", "coordinates": [lon, lat]})

    def _drawn(self, _control: Any, action: str, geo_json: dict[str, Any]) -> None:
        if action == "created":
            self._later(self.statistics, geo_json["geometry"])

    def _later(self, work: Callable[..., Any], *arguments: Any) -> Future[None]:
        def safely() -> None:
            self._answer.value = _ASKING_HTML
            try:
                work(*arguments)
            except EoAssetsError as error:
                self._answer.value = html.escape(str(error))

        return self._threads.submit(safely)


def _name(cube: Cube) -> str:
    # what it was loaded from is the same for all, more often than not
    return " → ".join(steps(cube.graph)[1:]) or cube.title


def _described(geometry: dict[str, Any]) -> str:
    if geometry["type"] == "Point":
        lon, lat = geometry["coordinates"][:2]
        return f"Series at {lon:.4f}° E, {lat:.4f}° N"
    return "Series over the outline"


def _span(stretch: Sequence[Sequence[float]]) -> tuple[float, float]:
    return min(low for low, _ in stretch), max(high for _, high in stretch)


def _zoom(width_deg: float) -> int:
    # what fits a map of some hundred pixels
    zoom = 0
    while zoom < 18 and width_deg / 360 * 256 * 2 ** (zoom + 1) <= _WIDTH_PX:
        zoom += 1
    return zoom
