"""Colours of classes, as the product or the model they come from has them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache

import rasterio

from eo_assets.clustering.model import ClusterModel
from eo_assets.cube.access import file_stamp, gdal_environment, with_file
from eo_assets.cube.graph import LoadStored, VirtualCube
from eo_assets.cube.graph.operations import Classify

Rgba = tuple[int, int, int, int]
CLASS_BAND = "class"
"""What the band of classes is called, in products and where a model gives them."""


def class_colours_of(cube: VirtualCube) -> Mapping[int, Rgba]:
    """Find the colours of the classes a cube shows.

    Args:
        cube: The cube, resolved.

    Returns:
        Red, green, blue, alpha, 0-255, by class; nothing where it takes no classes from anywhere.

    Raises:
        SourceReadError: The product's file is gone.
    """
    for node in cube.nodes.values():
        match node:
            case Classify(output=output, parameters=dict() as given) if output == CLASS_BAND:
                return _of_model(json.dumps(given["model"]))
            case LoadStored(scene=scene) if CLASS_BAND in scene.bands:
                band = scene.bands[CLASS_BAND]
                return _of_file(band.href, int(band.layer), file_stamp(band.href))
    return {}


@lru_cache(maxsize=16)
def _of_model(text: str) -> Mapping[int, Rgba]:
    return {one.class_id: _opaque(one.colour) for one in ClusterModel.from_json(text).classes}


def _opaque(colour: str) -> Rgba:
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue, 255


def _table(file: rasterio.DatasetReader, layer: int) -> dict[int, Rgba]:
    try:
        table: dict[int, Rgba] = file.colormap(layer)
    except ValueError:  # it has none
        return {}
    return table


@lru_cache(maxsize=64)
def _of_file(
    href: str,
    layer: int,
    stamp: tuple[int, int],  # noqa: ARG001 -- of the key
) -> Mapping[int, Rgba]:
    with gdal_environment():
        table, _ = with_file(lambda file: _table(file, layer), href)
    # a table has a colour for each number there can be: behind its last class they are black
    last = max((value for value, rgba in table.items() if any(rgba[:3])), default=0)
    return {value: rgba for value, rgba in table.items() if 0 < value <= last}
