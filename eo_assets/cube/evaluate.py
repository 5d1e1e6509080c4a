"""The one place where a virtual cube becomes pixels.

Batch, tiles and notebooks all call ``evaluate``; they differ only in the grid they ask for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import xarray as xr
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from eo_assets.catalog.collections import get_collection
from eo_assets.catalog.indices import get_index
from eo_assets.cube.compositing import Image, Status, composite
from eo_assets.cube.graph import (
    Clip,
    Composite,
    Indices,
    LoadScenes,
    ValidPixels,
    VirtualCube,
    packing,
)
from eo_assets.cube.grid import inside, project_outline
from eo_assets.cube.reading import Read
from eo_assets.errors import ConfigurationError


@dataclass(frozen=True)
class Evaluation:
    """Pixels of a cube on a grid.

    Attributes:
        packed: One variable a band, dims ``(y, x)``, packed as its CF attributes say; and
            ``status`` (uint8, see ``Status``), ``observations`` (uint8, satellite passes that
            saw the pixel usably), ``source`` (uint16, 1-based position in the cube's scenes).
        reads: The read log.
    """

    packed: xr.Dataset
    reads: tuple[Read, ...]

    @property
    def decoded(self) -> xr.Dataset:
        """The pixels as float32: reflectance 0-1, temperature in kelvin; NaN where invalid."""
        decoded = xr.decode_cf(self.packed)
        return decoded.assign(
            {
                name: variable.astype(np.float32)
                for name, variable in decoded.data_vars.items()
                if variable.dtype.kind == "f"
            }
        )


def evaluate(cube: VirtualCube, geobox: GeoBox) -> Evaluation:
    """Compute a cube's pixels on a grid.

    The value of a pixel depends on that pixel alone, so that any way of cutting a grid into
    pieces gives the same pixels, bit for bit.

    Args:
        cube: The cube; its value must be an image.
        geobox: The grid, any CRS.

    Returns:
        The pixels and the read log.

    Raises:
        ConfigurationError: The cube's value is scenes, not an image; or an index lacks a band.
        SourceUnavailableError: A server does not answer.
    """
    nodes = list(_chain(cube))
    load = next(node for node in nodes if isinstance(node, LoadScenes))
    rule = next((node for node in nodes if isinstance(node, Composite)), None)
    if rule is None:
        raise ConfigurationError(
            "This cube describes scenes, not an image.", "Add composite() before evaluating it."
        )
    clips = [node for node in nodes if isinstance(node, Clip)]
    wanted = np.ones(geobox.shape, bool)
    for clip in clips:
        wanted &= inside(geobox, project_outline(clip.outline, CRS(geobox.crs)).json)
    valid = next((node for node in nodes if isinstance(node, ValidPixels)), _EVERYTHING)
    image = composite(load.scenes, load.bands, geobox, rule=rule, valid=valid, inside=wanted)
    dataset = _dataset(image, load.collection, geobox)
    for node in nodes:
        if isinstance(node, Indices):
            dataset = _with_indices(dataset, node.names)
    return Evaluation(packed=dataset, reads=tuple(image.reads))


_EVERYTHING = ValidPixels(
    data="scenes", kind="classes", fill=(0,), invalid=(), cloud=(), opening_m=0, dilation_m=0
)


def _chain(cube: VirtualCube) -> list[LoadScenes | ValidPixels | Composite | Clip | Indices]:
    chain = []
    name: str | None = cube.result
    while name is not None:
        node = cube.nodes[name]
        chain.append(node)
        name = getattr(node, "data", None)
    return chain[::-1]


def _dataset(image: Image, collection_id: str, geobox: GeoBox) -> xr.Dataset:
    collection = get_collection(collection_id)
    dims = ("y", "x")
    variables = {
        name: xr.Variable(dims, values, packing(collection.band(name)))
        for name, values in image.bands.items()
    }
    variables["status"] = xr.Variable(
        dims,
        image.status,
        {
            "long_name": "Why a pixel has a value or none",
            "flag_values": [int(status) for status in Status],
            "flag_meanings": " ".join(status.name.lower() for status in Status),
        },
    )
    variables["observations"] = xr.Variable(
        dims, image.observations, {"long_name": "Satellite passes that saw the pixel usably"}
    )
    variables["source"] = xr.Variable(
        dims, image.source, {"long_name": "1-based position of the scene the pixel is from"}
    )
    return xr.Dataset(variables, coords=xr_coords(geobox))


def _with_indices(dataset: xr.Dataset, names: tuple[str, ...]) -> xr.Dataset:
    decoded = xr.decode_cf(dataset)
    for name in names:
        index = get_index(name)
        needed = index.bands_in(tuple(str(variable) for variable in dataset.data_vars))
        values = index.compute({band: decoded[band].to_numpy() for band in needed})
        attributes = {"long_name": index.title, "units": "1", "references": index.reference}
        dataset = dataset.assign({name: xr.Variable(("y", "x"), values, attributes)})
    return dataset
