"""Stored products over HTTP: titiler's own endpoints, over ids of the product store only.

No address is ever taken from a request: a product's id leads to its record, and that names its
file. Sizes titiler leaves open are bounded here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qsl

import attrs
from fastapi import APIRouter, Depends, Request
from fastapi import Path as InPath
from morecantile import TileMatrixSet, tms
from morecantile.defaults import TileMatrixSets
from rio_tiler.io import Reader
from rio_tiler.models import ImageData
from titiler.core.dependencies import DefaultDependency
from titiler.core.factory import TilerFactory
from titiler.core.utils import render_image
from titiler.extensions.wmts import wmtsExtension

from eo_assets.errors import ArtifactError, ConfigurationError, MissingArtifactError
from eo_assets.places import Place
from eo_assets.places.rasters import open_raster
from eo_assets.storage.store import Record, Store
from eo_assets.tiles.layer import MAX_ZOOM
from eo_assets.tiles.links import LinksOf
from eo_assets.tiles.problems import RESPONSES, TooMuchError
from eo_assets.tiles.product_limits import (
    FiniteDataset,
    OutlineSize,
    PictureSize,
    SomeBands,
    SomeBins,
    TileSize,
    bounded,
)
from eo_assets.tiles.shelf import rendering

PREFIX = "/products/{region}/{collection}/{date}/{step}"
ZOOMS_OUT = 3
"""Zooms farther away than its coarsest overview from which a product is still shown."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}")
_ROLES = ("geotiff", "classes", "land_cover")
"""Roles of files that are maps, best first."""


@dataclass
class _Signed(DefaultDependency):
    signature: str


def _signed(request: Request, links: LinksOf) -> _Signed:
    own = PREFIX.format(**request.path_params)
    return _Signed(signature=links.signature(own))


@attrs.define
class CogReader(Reader):
    """rio-tiler's reader for GeoTIFFs alone: no other format may lead elsewhere.

    Attributes:
        signature: Query that opens the product's addresses; empty where none is needed.
    """

    signature: str = attrs.field(default="", kw_only=True)

    def __attrs_post_init__(self) -> None:
        """Open the file."""
        if self.dataset is None:
            self.dataset = self._ctx_stack.enter_context(
                open_raster(str(self.input), driver="GTiff")
            )
        super().__attrs_post_init__()  # type: ignore[no-untyped-call]

    def tile(self, tile_x: int, tile_y: int, tile_z: int, *args: Any, **kwargs: Any) -> ImageData:
        """Read a tile; from so far away that the product is a speck, GDAL takes minutes.

        Raises:
            TooMuchError: It is from there.
        """
        farthest = max(self.minzoom - ZOOMS_OUT, 0)
        if tile_z < farthest:
            raise TooMuchError(
                f"At zoom {tile_z} the product would be a speck.", f"Zoom in to {farthest}."
            )
        return super().tile(tile_x, tile_y, tile_z, *args, **kwargs)


def map_of(root: Place, product: str) -> tuple[Place, Record]:
    """Find the map of a stored product.

    Args:
        root: Where the product store is.
        product: Id: ``bucegi/sentinel-2-l2a/2023-07-15/geotiff``.

    Returns:
        Its GeoTIFF and its record.

    Raises:
        MissingArtifactError: There is no such product, it is empty, or it is no map.
    """
    parts = product.split("/")
    if len(parts) != 4 or not all(_PLAIN.fullmatch(part) for part in parts):
        raise MissingArtifactError(f"{product!r} is no product's id.", "See /catalog for those.")
    try:
        folder, record = Store(root).read_product(product)
    except ArtifactError as error:
        raise MissingArtifactError(
            f"There is no product {product!r}.", "See /catalog for those there are."
        ) from error
    name = next((record.files[role] for role in _ROLES if role in record.files), None)
    if name is None or Path(name).name != name:
        reason = f"it is empty: {record.empty}" if record.empty else "it has no map"
        raise MissingArtifactError(f"{product} cannot be shown, {reason}.", "Choose another one.")
    return folder / name, record


def products_router(root: Place) -> APIRouter:
    """Give titiler's endpoints over the product store.

    Args:
        root: Where the product store is.

    Returns:
        The router: tiles, TileJSON, WMTS, point, statistics, preview.
    """
    factory = TilerFactory(
        router=APIRouter(),
        router_prefix=PREFIX,
        name="product",
        reader=CogReader,
        path_dependency=_path_dependency(root),
        # so that documents that name tiles, WMTS above all, name those that open; any dependency
        # that gives options of the reader will do
        reader_dependency=_signed,  # type: ignore[arg-type]
        layer_dependency=SomeBands,
        tile_dependency=TileSize,
        img_preview_dependency=PictureSize,
        img_part_dependency=OutlineSize,
        dataset_dependency=FiniteDataset,
        histogram_dependency=SomeBins,
        # algorithms do to one file what graphs do to any: /layers
        process_dependency=lambda: None,
        supported_tms=TileMatrixSets({"WebMercatorQuad": _zooms()}),
        render_func=partial(render_image, zlevel=1),
        get_renders=_renders,
        add_part=False,
        add_viewer=False,
        extensions=[wmtsExtension(layer_identifier_provider=lambda path: Path(path).stem)],
    )
    router = APIRouter(responses=RESPONSES)
    router.include_router(
        factory.router,
        prefix=PREFIX,
        tags=["Stored products"],
        dependencies=[Depends(bounded)],
    )
    return router


def _zooms() -> TileMatrixSet:
    # WMTS names all there are, and clients begin with the last
    whole = tms.get("WebMercatorQuad")
    kept = [one for one in whole.tileMatrices if int(one.id) <= MAX_ZOOM]
    return whole.model_copy(update={"tileMatrices": kept})


def _path_dependency(root: Place) -> Callable[..., str]:
    def product_file(
        request: Request,
        region: Annotated[str, InPath(examples=["bucegi"])],
        collection: Annotated[str, InPath(examples=["sentinel-2-l2a"])],
        date: Annotated[str, InPath(examples=["2023-07-15"])],
        step: Annotated[str, InPath(examples=["geotiff"])],
    ) -> str:
        path = map_of(root, f"{region}/{collection}/{date}/{step}")[0]
        _check_bands(request.query_params.getlist("bidx"), path)
        return str(path)

    return product_file


def _check_bands(asked: list[str], path: Place) -> None:
    # titiler passes them on to GDAL as they are
    numbers = [int(text) for text in asked if text.isdecimal() and len(text) < 5]
    n = _n_bands(path, path.stat().st_mtime_ns) if asked else 0
    if len(numbers) < len(asked) or not all(1 <= number <= n for number in numbers):
        raise ConfigurationError(
            "A band was asked for that the product does not have.", f"It has bands 1 to {n}."
        )


@lru_cache(maxsize=512)
def _n_bands(path: Place, _written: int) -> int:
    with open_raster(path, driver="GTiff") as file:
        return int(file.count)


def _renders(reader: Any) -> dict[str, dict[str, Any]]:
    signature = dict(parse_qsl(reader.signature))
    if reader.dataset.colorinterp[0].name == "palette":
        return {"classes": signature}
    names = [str(name) for name in reader.dataset.descriptions]
    return {"natural" if len(names) > 1 else "values": rendering(names) | signature}
