"""Where a notebook begins: a catalogue, a region, a stored product, or a saved cube."""

from __future__ import annotations

import html
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import pandas as pd

from eo_assets.catalog.collections import get_collection
from eo_assets.catalog.regions import Region, get_region
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.grid import Grid, region_geobox
from eo_assets.errors import ArtifactError, ConfigurationError, MissingArtifactError
from eo_assets.interactive import display
from eo_assets.interactive.cube import Cube
from eo_assets.interactive.dates import Dates, period_of
from eo_assets.interactive.saving import Saved
from eo_assets.interactive.workbench import Workbench
from eo_assets.pipeline.sources import Sources
from eo_assets.places import Place
from eo_assets.settings import load_settings
from eo_assets.storage.store import Store
from eo_assets.storage.tables import read_table
from eo_assets.tiles.shelf import shelved

MAX_SCENES = 500
"""More scenes are an error, never cut off in silence."""


class RegionView:
    """A region to compute over.

    Attributes:
        region: The region: outline, collection and choices.
        grid: The grid it owns.
    """

    def __init__(self, region: Region, workbench: Workbench) -> None:
        self.region, self._workbench = region, workbench
        self.grid = Grid.of(region_geobox(region))

    @property
    def outline(self) -> dict[str, Any]:
        """GeoJSON outline, longitude and latitude."""
        return self.region.geometry

    def cube(
        self,
        dates: Dates,
        bands: Sequence[str] | None = None,
        *,
        max_cloud_cover_pct: float | None = None,
    ) -> Cube:
        """Begin a computation over the scenes of a period.

        Args:
            dates: Local solar days: ``2023-07-15``, ``2023-07``, ``2023-06/2023-08``.
            bands: Bands to compute from; the region's when not given.
            max_cloud_cover_pct: Scenes that state more cloud are left out, per cent.

        Returns:
            A cube of scenes. Nothing is searched for yet.

        Raises:
            ConfigurationError: The period makes no sense.
            UnknownNameError: The collection has no such band.
        """
        region, (first, last) = self.region, period_of(dates)
        collection = get_collection(region.collection)
        limits = (max_cloud_cover_pct, region.max_cloud_cover_pct, 100.0)
        graph = VirtualCube.search(
            collection.id,
            tuple(bands or region.bands or collection.default_bands),
            outline=region.geometry,
            first=first,
            last=last,
            filters=region.filters,
            max_cloud_cover_pct=min(one for one in limits if one is not None),
            max_scenes=MAX_SCENES,
        )
        days = f"{first}" if first == last else f"{first} to {last}"
        return Cube(
            graph,
            workbench=self._workbench,
            grid=self.grid,
            outline=region.geometry,
            title=f"{region.title}, {days}",
        )

    def products(self) -> pd.DataFrame:
        """The stored maps of the region, newest first: id, collection, date, step."""
        table = _products(self._workbench)
        return table[table["region"] == self.region.id].reset_index(drop=True)

    def __repr__(self) -> str:
        rows, columns = self.grid.shape
        return (
            f"Region {self.region.id}: {self.region.title}, {self.region.collection}, "
            f"{rows} × {columns} pixels of {self.grid.transform[0]:g} m, {self.grid.crs}"
        )

    def _repr_html_(self) -> str:
        rows, columns = self.grid.shape
        size_m = self.grid.transform[0]
        facts = {
            "id": self.region.id,
            "collection": self.region.collection,
            "grid": f"{rows} × {columns} pixels of {size_m:g} m, {self.grid.crs}",
            "centre": "{:.3f}° E, {:.3f}° N".format(*self.region.centre),
        }
        return display.card(
            html.escape(self.region.title), facts, display.outline_picture(self.outline)
        )


class ProductView:
    """A stored product.

    Attributes:
        id: ``bucegi/sentinel-2-l2a/2023-07-15/geotiff``.
        record: What its step says of it.
    """

    def __init__(self, product: str, workbench: Workbench) -> None:
        self.id, self._workbench = product, workbench
        try:
            self._folder, self.record = Store(workbench.store).read_product(product)
        except ArtifactError as error:
            raise MissingArtifactError(
                f"There is no product {product} in {workbench.store}.",
                "Materialise it first, or see open_catalog().products().",
            ) from error

    @property
    def summary(self) -> dict[str, float | int | str]:
        """Numbers and words about it."""
        return self.record.summary

    def file(self, role: str) -> Place:
        """Give one of its files: a path, or a place on object storage.

        Raises:
            MissingArtifactError: It has none for that.
        """
        if role not in self.record.files:
            raise MissingArtifactError(
                f"{self.id} has no file for {role!r}.", f"It has {', '.join(self.record.files)}."
            )
        return self._folder / self.record.files[role]

    def table(self, role: str) -> pd.DataFrame:
        """Read one of its tables.

        Raises:
            MissingArtifactError: It has none for that.
            ConfigurationError: The file is no table.
        """
        path = self.file(role)
        if path.suffix != ".parquet":
            raise ConfigurationError(f"{path.name} is no table.", "Use file().")
        return read_table(path)

    @cached_property
    def _scene(self) -> Any:
        return Sources(self._workbench.store).product_scene(self.id)

    def cube(self, *bands: str) -> Cube:
        """Begin a computation over its pixels.

        Args:
            *bands: Bands to compute from; all when none is named.

        Returns:
            An image.

        Raises:
            MissingArtifactError: It is empty.
            ConfigurationError: It has no pixels.
        """
        grid = next(band.grid for band in self._scene.bands.values())
        west, south, east, north = self._scene.bbox_4326
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        return Cube(
            VirtualCube.product(self.id, bands or tuple(self._scene.bands)),
            workbench=self._workbench,
            grid=grid,
            outline={"type": "Polygon", "coordinates": [ring]},
            title=self.id,
        )

    def __repr__(self) -> str:
        state = f"empty: {self.record.empty}" if self.record.empty else ", ".join(self.record.files)
        return f"Product {self.id} ({state})"

    def _repr_html_(self) -> str:
        files = ", ".join(self.record.files)
        facts = {"files": files} if files else {"empty": str(self.record.empty)}
        facts |= {name.replace("_", " "): f"{value}" for name, value in self.summary.items()}
        picture = display.picture_of(lambda: self.cube().preview())
        return display.card(html.escape(self.id), dict(list(facts.items())[:9]), picture)


class Catalog:
    """A catalogue of scenes with the regions and products at hand."""

    def __init__(self, workbench: Workbench) -> None:
        self._workbench = workbench

    def region(
        self, name: str, *, collection: str | None = None, resolution_m: float | None = None
    ) -> RegionView:
        """Open a region.

        Args:
            name: Its id, or the path of a GeoJSON file.
            collection: STAC collection id; the region's when not given.
            resolution_m: Pixel size, metres; the region's when not given.

        Returns:
            The region.

        Raises:
            UnknownNameError: There is neither region nor file.
            RegionError: The region is not valid, or too large for its pixels.
        """
        region = get_region(self._workbench.regions, name).with_collection(collection)
        if resolution_m is not None:
            region = region.model_copy(update={"resolution_m": resolution_m})
        return RegionView(region, self._workbench)

    def product(self, product: str) -> ProductView:
        """Open a stored product.

        Args:
            product: Its id: ``bucegi/sentinel-2-l2a/2023-07-15/geotiff``.

        Returns:
            The product.

        Raises:
            MissingArtifactError: There is none.
        """
        return ProductView(product, self._workbench)

    def open(self, path: str | Path) -> Cube:
        """Open a saved cube; see ``Cube.save``.

        Raises:
            ConfigurationError: The file is no saved cube.
        """
        saved = Saved.read(Path(path))
        return Cube(
            saved.graph,
            workbench=self._workbench,
            grid=saved.grid,
            outline=saved.outline,
            title=saved.title,
        )

    def regions(self) -> pd.DataFrame:
        """The regions: id, title, collection."""
        rows = [(r.id, r.title, r.collection) for r in self._workbench.regions.values()]
        return pd.DataFrame(rows, columns=["id", "title", "collection"])

    def products(self) -> pd.DataFrame:
        """The stored maps, newest first: id, region, collection, date, step."""
        return _products(self._workbench)

    def close(self) -> None:
        """End what was started for it; the end of the kernel does so too."""
        self._workbench.close()

    def __repr__(self) -> str:
        return f"Catalog {self._workbench.settings.catalog}, products in {self._workbench.store}"


def _products(workbench: Workbench) -> pd.DataFrame:
    columns = ["id", "region", "collection", "date", "step"]
    rows = [[getattr(one, name) for name in columns] for one in shelved(workbench.store)]
    return pd.DataFrame(rows, columns=columns)


@lru_cache(maxsize=8)
def open_catalog(catalog: str | None = None) -> Catalog:
    """Open a catalogue.

    Args:
        catalog: ``sample``, ``planetary-computer``, ``earth-search``, the address of a STAC API or
            a folder of STAC items; that of EO_ASSETS_CATALOG when not given.

    Returns:
        The catalogue, the same one for the same name.

    Raises:
        ConfigurationError: A setting is not valid.
    """
    return Catalog(Workbench(load_settings(**({"catalog": catalog} if catalog else {}))))


def open_region(
    name: str, *, collection: str | None = None, resolution_m: float | None = None
) -> RegionView:
    """Open a region of the default catalogue; see ``Catalog.region``."""
    return open_catalog().region(name, collection=collection, resolution_m=resolution_m)


def open_product(product: str) -> ProductView:
    """Open a stored product; see ``Catalog.product``."""
    return open_catalog().product(product)


def open_cube(path: str | Path) -> Cube:
    """Open a saved cube; see ``Cube.save``."""
    return open_catalog().open(path)
