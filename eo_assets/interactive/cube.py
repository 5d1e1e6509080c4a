"""A virtual cube in a notebook: written like any other, and looked at, computed and kept."""

from __future__ import annotations

import datetime as dt
import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pandas as pd
import xarray as xr

from eo_assets.catalog.collections import get_collection
from eo_assets.catalog.quality import QualityBand
from eo_assets.cube.graph import LoadSearch, VirtualCube
from eo_assets.cube.graph.fluent import Fluent
from eo_assets.cube.graph.operations import Node
from eo_assets.cube.graph.signatures import Kind
from eo_assets.cube.grid import Grid
from eo_assets.cube.items import solar_day
from eo_assets.errors import ConfigurationError
from eo_assets.interactive import display
from eo_assets.interactive.appearance import shown
from eo_assets.interactive.lazy import lazy_dataset
from eo_assets.interactive.profile import profile_table
from eo_assets.interactive.saving import Saved
from eo_assets.interactive.workbench import Workbench


class Cube(Fluent):
    """A computation over a region, which nothing is read for until somebody wants numbers.

    It is written with the methods of ``VirtualCube``; each gives a longer cube.

    Attributes:
        graph: The computation; names only.
        workbench: Where it is looked up and computed.
        grid: The grid ``to_xarray`` computes on.
        outline: GeoJSON outline of its region or product, longitude and latitude.
        title: For people.
    """

    def __init__(
        self,
        graph: VirtualCube,
        *,
        workbench: Workbench,
        grid: Grid,
        outline: dict[str, Any],
        title: str,
    ) -> None:
        self.graph, self.result = graph, graph.result
        self.workbench, self.grid = workbench, grid
        self.outline, self.title = outline, title

    def _with(self, graph: VirtualCube) -> Cube:
        return Cube(
            graph,
            workbench=self.workbench,
            grid=self.grid,
            outline=self.outline,
            title=self.title,
        )

    def _then(self, name: str, node: Node) -> Cube:
        return self._with(self.graph._then(name, node))  # noqa: SLF001 -- the same method's

    @property
    def kind(self) -> Kind:
        """Kind of the cube's value: scenes, a series, or an image."""
        return self.graph.kind

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands of its value."""
        return self.graph.signature.bands

    def valid(self, quality: QualityBand | None = None, *, keep_snow: bool = True) -> Cube:
        """Keep usable pixels only: without clouds, their shadows, and what the provider doubts.

        Args:
            quality: The quality band; the collection's when not given.
            keep_snow: Whether snow and ice are usable.

        Returns:
            The longer cube.

        Raises:
            ConfigurationError: The cube is of a stored product, or its collection has no
                quality band.
        """
        if quality is None:
            searches = [n for n in self.graph.nodes.values() if isinstance(n, LoadSearch)]
            quality = get_collection(searches[0].collection).quality if searches else None
        if quality is None:
            raise ConfigurationError(
                "These pixels have no quality band.", "Leave valid() out: products are masked."
            )
        return super().valid(quality, keep_snow=keep_snow)

    def clip(self, outline: dict[str, Any] | None = None) -> Cube:
        """Clip to an outline, GeoJSON in longitude and latitude; the region's when not given."""
        return super().clip(outline or self.outline)

    def minus(self, other: Cube) -> Cube:
        """Subtract another image, band by band."""
        return self._with(self.graph.minus(other.graph))

    @property
    def resolved(self) -> VirtualCube:
        """The graph with its scenes, which are searched for once in a kernel."""
        return self.workbench.resolved(self.graph)

    @property
    def scenes(self) -> pd.DataFrame:
        """The scenes it is computed from: day, platform, cloud cover in per cent, id."""
        rows = []
        for scene in sorted(self.resolved.scenes, key=lambda scene: (scene.acquired, scene.id)):
            west, _, east, _ = scene.bbox_4326
            rows.append(
                {
                    "day": solar_day(scene.acquired, (west + east) / 2),
                    "platform": scene.platform,
                    "cloud_cover_pct": scene.cloud_cover_pct,
                    "id": scene.id,
                }
            )
        return pd.DataFrame(rows, columns=["day", "platform", "cloud_cover_pct", "id"])

    def to_xarray(self, *, chunk_px: int = 2048, packed: bool = False) -> xr.Dataset:
        """Give the pixels on the cube's grid as a dataset that Dask computes block by block.

        Args:
            chunk_px: Edge of the blocks, pixels; no value depends on it.
            packed: Give integers as products store them.

        Returns:
            One variable a band, float32: reflectance 0-1, kelvin, metres...; NaN where nothing
            valid was observed; and ``status``, ``observations``, ``source``. Dims ``(y, x)``, or
            ``(time, y, x)`` where time has not been reduced.

        Raises:
            SourceUnavailableError: The catalogue does not answer.
            ConfigurationError: What the cube names cannot be looked up.
        """
        geobox = self.grid.geobox
        return lazy_dataset(self.resolved, geobox, chunk_px=chunk_px, packed=packed)

    def profile(self, geometries: Any, *, bands: Sequence[str] | None = None) -> pd.DataFrame:
        """Describe the cube over points and areas; see ``profile_table``.

        Args:
            geometries: GeoJSON or shapely in longitude and latitude, a GeoDataFrame of any CRS, a
                mapping from names to geometries, or a sequence.
            bands: Bands wanted; all where not given.

        Returns:
            A row a geometry, time and band.

        Raises:
            ConfigurationError: Something is no geometry.
            SourceUnavailableError: The catalogue or the archive does not answer.
        """
        return profile_table(self.resolved, geometries, self.grid, bands=bands)

    def save(self, path: str | Path) -> Path:
        """Keep the computation, not its pixels: whoever opens the file sees the same map.

        Args:
            path: A JSON file.

        Returns:
            The file.

        Raises:
            StorageError: It cannot be written.
        """
        saved = Saved(title=self.title, grid=self.grid, outline=self.outline, graph=self.graph)
        return saved.write(Path(path))

    def shown(self) -> VirtualCube:
        """The graph with the way it is shown: its own, or what suits its bands."""
        return shown(self.graph)

    def show(self, *others: Cube) -> Any:
        """Show it on a map, and others below it; see ``eo_assets.interactive.map.CubeMap``.

        Args:
            *others: Images to switch to.

        Returns:
            The map, a widget.

        Raises:
            ConfigurationError: ipyleaflet is not installed, or the tile service refuses the cube.
        """
        try:
            from eo_assets.interactive.map import CubeMap
        except ModuleNotFoundError as error:
            raise ConfigurationError(
                f"A map needs {error.name}, which is not installed.",
                "Install it: pip install 'eo-assets[notebook]'.",
            ) from error
        return CubeMap([self, *others])

    def preview(self, *, width_px: int = 320) -> bytes:
        """Draw it small, as PNG; an image only.

        Args:
            width_px: Longer side of the picture, pixels.

        Returns:
            The file's bytes.

        Raises:
            ConfigurationError: It is no image.
            SourceUnavailableError: The catalogue or the archive does not answer.
        """
        graph = self.workbench.resolved(self.shown())
        return display.preview(graph, self.grid, width_px=width_px)

    @property
    def period(self) -> tuple[dt.date, dt.date] | None:
        """First and last local solar day searched for; None for stored products."""
        searches = [n for n in self.graph.nodes.values() if isinstance(n, LoadSearch)]
        if not searches:
            return None
        return min(one.first for one in searches), max(one.last for one in searches)

    def to_json(self) -> dict[str, Any]:
        """The graph as JSON: what the tile service takes."""
        return cast("dict[str, Any]", json.loads(self.graph.canonical_json()))

    def __repr__(self) -> str:
        steps = " → ".join(display.steps(self.graph))
        return f"Cube({self.title}: {steps}; {self.kind.value} of {', '.join(self.bands)})"

    def _repr_html_(self) -> str:
        rows, columns = self.grid.shape
        size_m = self.grid.transform[0]
        facts = {
            "computes": " → ".join(display.steps(self.graph)),
            "gives": f"{self.kind.value} of {', '.join(self.bands)}",
            "on": f"{rows} × {columns} pixels of {size_m:g} m, {self.grid.crs}",
        }
        if self.period:
            facts["from"] = " to ".join(map(str, self.period))
        picture = display.picture_of(self.preview) if self.kind is Kind.IMAGE else ""
        return display.card(html.escape(self.title), facts, picture)
