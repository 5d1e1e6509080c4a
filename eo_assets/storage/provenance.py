"""Where a product comes from, as its STAC item says it: enough to make the product again.

The graph stands in the processing extension's ``processing:expression``, the versions of what
computed it in ``processing:software``; what else decides the product is the ``Recipe``, in a field
of our own. Nothing here depends on when or where something was computed.
"""

from __future__ import annotations

import datetime as dt
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from eo_assets import __version__
from eo_assets.catalog.regions import Region
from eo_assets.cube.graph import VirtualCube, parse_cube
from eo_assets.cube.grid import Grid
from eo_assets.errors import StaleArtifactError
from eo_assets.storage.partition import Cadence, Partition
from eo_assets.storage.store import Store

RECIPE = "eo_assets:recipe"
EXPRESSION = "processing:expression"
SOFTWARE = "processing:software"
GRAPH_FORMAT = "eo-assets-virtual-cube"

PIXEL_CHECKSUM = "eo_assets:pixel_checksum"
"""Multihash of the pixels of what is no single file."""

GEOJSON = "application/geo+json"

_PACKAGES = ("numpy", "rasterio", "scikit-learn", "matplotlib", "pandas", "pyarrow")


class Recipe(BaseModel):
    """What decides a product beside its graph and its grid.

    Attributes:
        step: The step that made it: ``clusters``.
        region: The region, without its outline, which is the item's own.
        date: First solar day of the partition.
        cadence: Period of the partition.
        options: What was chosen for the step, by name; empty for a step without choices.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: str
    region: dict[str, Any]
    date: dt.date
    cadence: Cadence = "daily"
    options: dict[str, Any] = {}

    @classmethod
    def of(cls, partition: Partition, step: str, options: object = None) -> Recipe:
        """Describe a step's choices: a dataclass of its options, None for a step without."""
        return cls(
            step=step,
            region=partition.region.model_dump(mode="json", exclude={"geometry"}),
            date=partition.date,
            cadence=partition.cadence,
            options=plain_options(options) if options is not None else {},
        )

    def partition(self, outline: Mapping[str, Any]) -> Partition:
        """Give the partition again, with the outline its item shows, GeoJSON in WGS 84."""
        region = Region(**self.region, geometry=dict(outline))
        return Partition(region, self.date, self.cadence)


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a product was made from, and how.

    Attributes:
        sources: Address of each source item, or its id where it has none; unsigned.
        cubes: The graph its pixels were computed with; several where it compares images, none where
            it is made of other products only.
        recipe: What else decides it; None for what cannot be made again from its item alone.
        products: Items of the products it was made from, relative to its own.
    """

    sources: tuple[str, ...] = ()
    cubes: tuple[VirtualCube, ...] = ()
    recipe: Recipe | None = None
    products: tuple[str, ...] = ()

    def derived_from(self, *products: str) -> Origin:
        """The same origin by way of other products, their items named relative to this one."""
        return replace(self, products=(*self.products, *products))

    @property
    def links(self) -> list[dict[str, str]]:
        """One ``derived_from`` link a source, then one a product."""
        return [
            {"rel": "derived_from", "href": href, "type": GEOJSON}
            for href in (*self.sources, *self.products)
        ]

    @property
    def properties(self) -> dict[str, Any]:
        """Software, graph and recipe as properties of an item."""
        said: dict[str, Any] = {SOFTWARE: dict(software())}
        if self.cubes:
            graphs = [cube.model_dump(mode="json") for cube in self.cubes]
            expression = graphs[0] if len(graphs) == 1 else graphs
            said[EXPRESSION] = {"format": GRAPH_FORMAT, "expression": expression}
        if self.recipe:
            said[RECIPE] = self.recipe.model_dump(mode="json")
        return said


def origin_of(
    partition: Partition,
    store: Store,
    step: str,
    *,
    options: object = None,
    repeatable: bool = True,
) -> Origin:
    """Say where a product of a partition's mosaic comes from.

    Args:
        partition: The partition, its mosaic materialised.
        store: Where its scenes and graph are.
        step: The step that makes the product.
        options: What was chosen for it, a dataclass.
        repeatable: False where the product needs more than its item can say.
    """
    products: tuple[str, ...] = ()
    if step != "mosaic":
        described = store.read_record(partition, "mosaic").files.get("stac_item")
        products = (f"../mosaic/{described}",) if described else ()
    items = store.folder(partition, "stac_items") / "items.json"
    cube = store.folder(partition, "band_stack") / "cube.json"
    return Origin(
        sources=tuple(
            next((link["href"] for link in item["links"] if link["rel"] == "self"), item["id"])
            for item in json.loads(items.read_text(encoding="utf-8"))["features"]
        ),
        cubes=(parse_cube(cube.read_text(encoding="utf-8"), origin=str(cube)),),
        recipe=Recipe.of(partition, step, options) if repeatable else None,
        products=products,
    )


def plain_options(options: object) -> dict[str, Any]:
    """Write a dataclass of options as plain values, JSON-ready, but for the size of blocks."""
    plain: dict[str, Any] = TypeAdapter(type(options)).dump_python(options, mode="json")
    return {name: value for name, value in plain.items() if name != "block_px"}


@cache
def software() -> Mapping[str, str]:
    """Versions of what decides the bytes of products, by name."""
    import rasterio

    return {
        "eo_assets": __version__,
        "python": platform.python_version(),
        "gdal": rasterio.__gdal_version__,
        **{package: version(package) for package in _PACKAGES},
    }


@dataclass(frozen=True, kw_only=True)
class Told:
    """What an item tells of the making of its product.

    Attributes:
        id: Of the item.
        partition: What the product is about.
        recipe: What decides it beside graph and grid.
        cube: The graph.
        grid: The grid.
        sources: Source items, addresses or ids.
        products: Items of the products it was made from, relative to its own.
        software: Versions it was made with.
        properties: All properties of the item.
        checksums: Multihash of each file by the key of its STAC asset.
        files: Href of each file, relative to the item, by the key of its STAC asset.
    """

    id: str
    partition: Partition
    recipe: Recipe
    cube: VirtualCube
    grid: Grid
    sources: tuple[str, ...]
    products: tuple[str, ...]
    software: Mapping[str, str]
    properties: Mapping[str, Any]
    checksums: Mapping[str, str]
    files: Mapping[str, str]


def read_origin(item: Mapping[str, Any], *, name: str) -> Told:
    """Read what an item of a product says of its making.

    Args:
        item: The STAC item.
        name: What people call it, for messages.

    Raises:
        StaleArtifactError: It does not say enough, or in a way this version cannot read.
    """
    try:
        properties = item["properties"]
        stac_assets = item["assets"]
        recipe = Recipe.model_validate(properties[RECIPE])
        graph = properties[EXPRESSION]["expression"]
        shape = properties["proj:shape"]
        return Told(
            id=item["id"],
            partition=recipe.partition(item["geometry"]),
            recipe=recipe,
            cube=parse_cube(json.dumps(graph), origin=name),
            grid=Grid(
                crs=properties["proj:code"],
                transform=tuple(properties["proj:transform"][:6]),
                shape=(shape[0], shape[1]),
            ),
            sources=tuple(_derived_from(item["links"], products=False)),
            products=tuple(_derived_from(item["links"], products=True)),
            software=dict(properties[SOFTWARE]),
            properties=dict(properties),
            checksums=checksums_of(item),
            files={key: one["href"] for key, one in stac_assets.items()},
        )
    except (KeyError, TypeError, IndexError, ValidationError) as error:
        missing = f"has no {error}" if isinstance(error, KeyError) else f"cannot be read: {error}"
        raise StaleArtifactError(
            f"{name} {missing}; it does not say how its product is made.",
            "Give the item of a product of this pipeline, or materialise the product again with "
            "this version.",
        ) from error


def checksums_of(item: Mapping[str, Any]) -> dict[str, str]:
    """Multihash of each file of an item, or of the pixels of a Zarr, by the key of its asset."""
    return {
        key: one.get("file:checksum") or one[PIXEL_CHECKSUM]
        for key, one in item["assets"].items()
        if "file:checksum" in one or PIXEL_CHECKSUM in one
    }


def _derived_from(links: Sequence[Mapping[str, str]], *, products: bool) -> list[str]:
    # products of the same store are named relative to the item, sources never are
    hrefs = [link["href"] for link in links if link["rel"] == "derived_from"]
    return [href for href in hrefs if href.startswith("../") == products]
