"""What a cube names, looked up: searches in a catalogue, products and models in the store.

Importing this module also teaches ``eo_assets.cube`` to apply stored cluster models.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Protocol

from odc.geo.geom import Geometry

from eo_assets.catalog.collections import get_collection
from eo_assets.catalog.providers import provider_for
from eo_assets.cube.graph import Classify, LoadProduct, LoadScenes, LoadSearch, LoadStored, Node
from eo_assets.cube.grid import Grid
from eo_assets.cube.items import newest_versions, not_wanted, search_window, too_cloudy, unsigned
from eo_assets.cube.scene import Scene, SourceBand, scene_of
from eo_assets.errors import (
    ConfigurationError,
    MissingArtifactError,
    ViewLimitError,
)
from eo_assets.pipeline.catalog_search import catalog_errors, check_collection, open_catalog
from eo_assets.pipeline.classifier import model_parameters
from eo_assets.places import Place
from eo_assets.places.rasters import open_raster
from eo_assets.storage.mosaic_zarr import open_mosaic
from eo_assets.storage.store import Record, Store

PRODUCT_FILES = {
    "geotiff": "geotiff",
    "clusters": "classes",
    "land_cover": "land_cover",
    "mosaic": "mosaic",
}
"""Role of the file with the pixels, by step."""

MODEL_STEP = "clusters"


class ItemSearch(Protocol):
    """Finds STAC items, unsigned, for a search a cube describes."""

    def __call__(self, search: LoadSearch, /) -> list[dict[str, Any]]:
        """Search; the items need not be filtered by anything but what the search says."""


@dataclass(frozen=True, kw_only=True)
class CatalogueSearch:
    """Searches a STAC API.

    Attributes:
        catalog: What people call it.
        url: Its address, or a provider's id.
    """

    catalog: str
    url: str

    def __call__(self, search: LoadSearch, /) -> list[dict[str, Any]]:
        """Search.

        Returns:
            Items on the search's solar days over its outline that meet its conditions, unsigned.

        Raises:
            SourceUnavailableError: The catalogue does not answer.
            ConfigurationError: It denies access, or is none, or lacks the collection.
            ViewLimitError: It has far more items than the search allows.
        """
        bounds = Geometry(search.outline, "EPSG:4326").boundingbox
        middle = (bounds.left + bounds.right) / 2
        start, end = search_window(search.first, search.last, middle)
        with catalog_errors(self.catalog, search.collection):
            client = open_catalog(self.url)
            found = client.search(
                collections=[search.collection],
                intersects=search.outline,
                datetime=(start, end),
                limit=provider_for(self.url).page_size,
                # what conditions leave out does not count, but pages have to end somewhere
                max_items=SEARCHED_FOR_ONE * search.max_scenes + 1,
            )
            items = list(found.items_as_dicts())
            if not items:
                check_collection(client, self.catalog, search.collection)
        if len(items) > SEARCHED_FOR_ONE * search.max_scenes:
            raise ViewLimitError(
                f"The catalogue has more than {len(items) - 1} items for this search.",
                "Narrow its dates or its outline.",
            )
        left_out = too_cloudy(items, search.max_cloud_cover_pct)
        left_out += not_wanted(items, search.filters)
        dropped = {one.id for one in left_out}
        return [unsigned(item) for item in items if item["id"] not in dropped]


SEARCHED_FOR_ONE = 10
"""Items looked at for each scene a search may give."""


@dataclass(frozen=True)
class Sources:
    """Where a cube's names are looked up: give ``look_up`` to ``VirtualCube.resolved``.

    Attributes:
        root: Where the product store is.
        find_items: Searches the catalogue; None where there is none.
    """

    root: Place
    find_items: ItemSearch | None = None

    def look_up(self, node: Node) -> Node:
        """Look up one node.

        Args:
            node: A search, a product or a classification.

        Returns:
            ``LoadScenes``, ``LoadStored``, or ``Classify`` with its model.

        Raises:
            MissingArtifactError: There is no such product.
            ConfigurationError: There is no catalogue, or the product has no pixels.
            ViewLimitError: The search found more scenes than it allows.
            SourceUnavailableError: The catalogue does not answer.
        """
        match node:
            case LoadSearch():
                return self._search(node)
            case LoadProduct():
                scene = self.product_scene(node.product)
                return LoadStored(product=node.product, bands=node.bands, scene=scene)
            case Classify(model=model, parameters=None):
                return node.model_copy(update={"parameters": self.model(model)})
        return node

    def _search(self, node: LoadSearch) -> LoadScenes:
        if self.find_items is None:
            raise ConfigurationError("There is no catalogue to search.", "Name a product instead.")
        collection = get_collection(node.collection)
        bands = tuple(
            name for name in node.bands if not collection.quality or name != collection.quality.name
        )
        found, _ = newest_versions(self.find_items(node))
        if len(found) > node.max_scenes:
            raise ViewLimitError(
                f"The search finds {len(found)} scenes; at most {node.max_scenes} are allowed.",
                "Narrow its dates, its outline or its cloud cover.",
            )
        scenes = tuple(scene_of(item, collection, bands) for item in found)
        return LoadScenes(collection=node.collection, bands=node.bands, scenes=scenes)

    def _record(self, product: str) -> tuple[Place, Record]:
        folder, record = Store(self.root).read_product(product)
        if record.empty:
            raise MissingArtifactError(f"{product} is empty: {record.empty}.", "Choose another.")
        return folder, record

    def product_scene(self, product: str) -> Scene:
        """Give a stored product as a scene: its files, one band each.

        Args:
            product: Its id; ``eo_assets.cube.graph.model.ProductId`` has been checked to name
                nothing outside the store.

        Returns:
            The scene.

        Raises:
            MissingArtifactError: There is none, or it is empty.
            ConfigurationError: The step has no pixels.
        """
        folder, record = self._record(product)
        role = PRODUCT_FILES.get(record.step)
        if role is None or role not in record.files:
            raise ConfigurationError(
                f"{product} has no pixels.", f"Use one of {', '.join(PRODUCT_FILES)}."
            )
        path = folder / record.files[role]
        if record.step == "mosaic":
            return _scene(product, record.digest, *_zarr_bands(path))
        return cog_scene(path, product, digest=record.digest)

    def model(self, product: str) -> dict[str, Any]:
        """Give the parameters of a stored model.

        Raises:
            MissingArtifactError: There is none.
            ConfigurationError: The product has no model.
        """
        folder, record = self._record(product)
        if record.step != MODEL_STEP or "model" not in record.files:
            raise ConfigurationError(f"{product} has no model.", "Name a clusters product.")
        text = (folder / record.files["model"]).read_text(encoding="utf-8")
        return model_parameters(text, collection=record.collection)


def cog_scene(path: Place, product: str, *, digest: str = "") -> Scene:
    """Describe a GeoTIFF as a scene, one band each of its own.

    Args:
        path: The file; its bands have descriptions, scales and offsets.
        product: Id of the product it is; the third part is its day.
        digest: Identifies its content.

    Returns:
        The scene.
    """
    return _scene(product, digest, *_tif_bands(path))


def _scene(
    product: str,
    digest: str,
    bands: dict[str, SourceBand],
    bbox: tuple[float, float, float, float],
) -> Scene:
    day = dt.date.fromisoformat(product.split("/")[2])
    return Scene(
        id=product,
        acquired=dt.datetime.combine(day, dt.time(), dt.UTC),
        platform="store",
        pass_id=product,
        cloud_cover_pct=None,
        baseline=digest,
        bbox_4326=bbox,
        bands=bands,
        quality=None,
    )


def _tif_bands(path: Place) -> tuple[dict[str, SourceBand], tuple[float, float, float, float]]:
    with open_raster(path, driver="GTiff") as file:
        grid = Grid(crs=str(file.crs), transform=tuple(file.transform)[:6], shape=file.shape)
        classes = file.colorinterp[0].name == "palette"
        bands = {
            (file.descriptions[n] or f"band{n + 1}"): SourceBand(
                href=str(path),
                grid=grid,
                layer=n + 1,
                scale=1 if classes else file.scales[n],
                offset=0 if classes else file.offsets[n],
                nodata=int(file.nodata or 0),
                valid_min=1,
                valid_max=65_534,
                value_scale=1 if classes else file.scales[n],
                value_offset=0 if classes else file.offsets[n],
                dtype=file.dtypes[n],
                reason="as stored",
                resampling="nearest" if classes else "average",
                title=file.tags(n + 1).get("long_name", file.descriptions[n] or ""),
                units=file.units[n] or "1",
            )
            for n in range(file.count)
        }
    return bands, _bbox(grid)


def _zarr_bands(path: Place) -> tuple[dict[str, SourceBand], tuple[float, float, float, float]]:
    mosaic = open_mosaic(path, packed=True)
    grid = Grid.of(mosaic.odc.geobox)
    bands = {}
    for name, variable in mosaic.data_vars.items():
        a = variable.attrs
        if "scale_factor" not in a:
            continue
        scale, offset = float(a["scale_factor"]), float(a.get("add_offset", 0))
        bands[str(name)] = SourceBand(
            href=str(path),
            grid=grid,
            layer=str(name),
            scale=scale,
            offset=offset,
            nodata=int(a["_FillValue"]),
            valid_min=1,
            valid_max=65_534,
            value_scale=scale,
            value_offset=offset,
            dtype=str(variable.dtype),
            reason="as stored",
            title=str(a.get("long_name", name)),
            units=str(a.get("units", "1")),
        )
    return bands, _bbox(grid)


def _bbox(grid: Grid) -> tuple[float, float, float, float]:
    bounds = grid.geobox.extent.to_crs("EPSG:4326").boundingbox
    return bounds.left, bounds.bottom, bounds.right, bounds.top
