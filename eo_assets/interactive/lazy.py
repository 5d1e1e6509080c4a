"""A cube as an xarray dataset whose chunks are evaluated when, and where, Dask wants them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dask.array as da
import numpy.typing as npt
import pandas as pd
import xarray as xr
from dask.base import tokenize
from dask.delayed import delayed
from odc.geo.geobox import GeoBox
from odc.geo.xr import xr_coords

from eo_assets.cube.evaluate import evaluate, evaluate_times
from eo_assets.cube.graph import LoadScenes, VirtualCube
from eo_assets.cube.graph.operations import Period, Periods
from eo_assets.cube.graph.signatures import Kind
from eo_assets.cube.grid import Block, blocks
from eo_assets.cube.periods import periods
from eo_assets.errors import ConfigurationError

Values = dict[str, npt.NDArray[Any]]


def lazy_dataset(
    cube: VirtualCube, geobox: GeoBox, *, chunk_px: int, packed: bool = False
) -> xr.Dataset:
    """Give a cube's pixels as a dataset that holds none yet.

    Each block is one call of ``evaluate``, whatever is asked of it afterwards, so that chunks are
    the blocks of the stored mosaic, bit for bit, on any Dask scheduler.

    Args:
        cube: The cube, resolved.
        geobox: The grid.
        chunk_px: Edge of the blocks, pixels; no value depends on it.
        packed: Give integers as products store them, not reflectance.

    Returns:
        The variables of ``Evaluation.decoded``, or of ``Evaluation.packed``; dims ``(y, x)``, or
        ``(time, y, x)`` for series and for scenes, taken as the series of passes.

    Raises:
        ConfigurationError: The cube is not resolved, or its times begin at different searches.
    """
    pieces = list(blocks(geobox, size=chunk_px, chunk=min(chunk_px, 512)))
    template = _template(cube, geobox, packed=packed)
    if cube.kind is Kind.IMAGE:
        arrays = _image(cube, geobox, pieces, template, packed=packed)
        planes = {
            name: xr.Variable(("y", "x"), array, template[name].attrs)
            for name, array in arrays.items()
        }
        return xr.Dataset(planes, coords=xr_coords(geobox))
    labels, cubes = times_of(cube)
    times = [_image(one, geobox, pieces, template, packed=packed) for one in cubes]
    stacks = {
        str(name): xr.Variable(
            ("time", "y", "x"),
            da.stack([one[str(name)] for one in times])
            if times
            else da.zeros((0, *geobox.shape), dtype=template[name].dtype),
            template[name].attrs,
        )
        for name in template.data_vars
    }
    stamps = pd.to_datetime(labels, utc=True).tz_localize(None)
    return xr.Dataset(stacks, coords=xr_coords(geobox)).assign_coords(time=stamps)


def times_of(cube: VirtualCube) -> tuple[list[str], list[VirtualCube]]:
    """Give a cube's times, and for each the same cube over its scenes alone.

    Args:
        cube: A series, or scenes, resolved.

    Returns:
        First moments, ISO 8601, in order; and the cubes.

    Raises:
        ConfigurationError: It is made of several searches, whose times need not be the same.
    """
    loads = [node for node in cube.nodes.values() if isinstance(node, LoadScenes)]
    if len(loads) != 1:
        raise ConfigurationError(
            "Times are of cubes that start from one search.", "Reduce it over time first."
        )
    by = period_of_images(cube) or "pass"
    scenes = cube.scenes
    found = periods(scenes, range(len(scenes)), by)
    parts = [cube.with_scenes(tuple(scenes[n] for n in group)) for _, group in found]
    return [label for label, _ in found], parts


def period_of_images(cube: VirtualCube) -> Period | None:
    """Give the period each image of a series is of; None where no period was chosen."""
    return next((node.by for node in cube.nodes.values() if isinstance(node, Periods)), None)


def _image(
    cube: VirtualCube,
    geobox: GeoBox,
    pieces: Sequence[Block],
    template: xr.Dataset,
    *,
    packed: bool,
) -> dict[str, da.Array]:
    # the graph travels once, not with each block
    whole = delayed(cube, name=f"cube-{cube.digest[:16]}", traverse=False)
    pixels = delayed(_pixels)
    dtypes = {str(name): variable.dtype for name, variable in template.data_vars.items()}
    place = tokenize(geobox, packed)
    rows: dict[int, list[tuple[Block, Any]]] = {}
    for piece in pieces:
        task = pixels(
            whole,
            piece.of(geobox),
            packed,
            dask_key_name=f"evaluate-{cube.digest[:16]}-{place}-{piece.index}",
        )
        rows.setdefault(piece.rows[0], []).append((piece, task))
    return {
        name: da.block(
            [
                [
                    da.from_delayed(task[name], shape=_shape(piece), dtype=dtype)
                    for piece, task in row
                ]
                for row in rows.values()
            ]
        )
        for name, dtype in dtypes.items()
    }


def _shape(piece: Block) -> tuple[int, int]:
    return piece.rows[1] - piece.rows[0], piece.columns[1] - piece.columns[0]


def _pixels(cube: VirtualCube, geobox: GeoBox, packed: bool) -> Values:  # noqa: FBT001
    # runs on a worker: one block, all variables
    if cube.kind is Kind.IMAGE:
        one = evaluate(cube, geobox)
    else:
        times = evaluate_times(cube, geobox)
        one = times[0] if times else evaluate(_without_scenes(cube), geobox)
    pixels = one.packed if packed else one.decoded
    return {str(name): variable.to_numpy() for name, variable in pixels.data_vars.items()}


def _template(cube: VirtualCube, geobox: GeoBox, *, packed: bool) -> xr.Dataset:
    # one pixel: names, dtypes and attributes of the variables
    corner = evaluate(_without_scenes(cube), geobox[0:1, 0:1])
    return corner.packed if packed else corner.decoded


def _without_scenes(cube: VirtualCube) -> VirtualCube:
    # an image with the variables of the cube and, but for stored products, nothing to read
    if any(isinstance(node, LoadScenes) for node in cube.nodes.values()):
        cube = cube.with_scenes(())
    return cube if cube.kind is Kind.IMAGE else cube.reduce("first")
