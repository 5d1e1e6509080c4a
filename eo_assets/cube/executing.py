"""Walking a graph: each node's value on a grid, computed from those it takes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from odc.geo.crs import CRS
from odc.geo.geobox import GeoBox

from eo_assets.catalog.indices import get_index
from eo_assets.cube import functions
from eo_assets.cube.compositing import Rule, Status, attempted_bands, composite
from eo_assets.cube.graph import VirtualCube
from eo_assets.cube.graph.expression import compute, names_in
from eo_assets.cube.graph.operations import (
    Bands,
    Classify,
    Clip,
    Composite,
    Difference,
    Expression,
    Function,
    Indices,
    Node,
    Periods,
    Reduce,
    Render,
    ValidPixels,
)
from eo_assets.cube.graph.signatures import Kind
from eo_assets.cube.graph.sources import LoadScenes, LoadStored
from eo_assets.cube.grid import inside, project_outline
from eo_assets.cube.over_time import reduce_series
from eo_assets.cube.packing import packing_of_file, packings
from eo_assets.cube.periods import periods
from eo_assets.cube.raster import Plane, Raster
from eo_assets.cube.scene_reading import Reader
from eo_assets.errors import ConfigurationError, ViewLimitError
from eo_assets.terrain.ground import ground_pixel_m

Bool = npt.NDArray[np.bool_]

EVERYTHING = ValidPixels(
    data="scenes", kind="classes", fill=(0,), invalid=(), cloud=(), opening_m=0, dilation_m=0
)


@dataclass(frozen=True)
class Place:
    """Where pixels are wanted.

    Attributes:
        geobox: The grid.
        wanted: Pixels wanted, dims ``(y, x)``.
    """

    geobox: GeoBox
    wanted: Bool

    def padded(self, margin: int) -> Place:
        """More on all sides, all of it wanted."""
        geobox = self.geobox.pad(margin)
        return Place(geobox, np.ones(geobox.shape, bool))


class Execution:
    """One evaluation of a cube.

    Args:
        cube: The cube, resolved.
        demand: Bands needed of each node.
        reader: How files are read.
        max_scenes: Most scenes that may touch the grid; None for any number.
    """

    def __init__(
        self,
        cube: VirtualCube,
        demand: Mapping[str, frozenset[str]],
        reader: Reader,
        max_scenes: int | None,
    ) -> None:
        self._cube = cube
        self._demand = demand
        self._reader = reader
        self._max_scenes = max_scenes
        self._done: dict[tuple[str, int], tuple[Place, Raster]] = {}

    def image(self, name: str, place: Place) -> Raster:
        """Compute an image; once for all that take it."""
        key = name, id(place)
        if key not in self._done:
            # the place is kept too, so that its id stays its own
            self._done[key] = place, self._image(name, place)
        return self._done[key][1]

    def _image(self, name: str, place: Place) -> Raster:
        node = self._cube.nodes[name]
        match node:
            case LoadStored():
                result = self._stored(name, node, place)
            case Composite(data=data, method=method, order=order):
                load, valid, bands = self._scenes(data, self._demand[data])
                positions = self._touching(load, place.geobox)
                rule = Rule(method=method, order=order, valid=valid)
                result = self._composite(load, bands, place, rule, positions)
            case Reduce(data=data):
                series = list(self.series(data, place))
                result = reduce_series(series, node, self._nothing(data, place))
            case Difference(data=data, other=other):
                names = self._bands(name)
                result = _difference(self.image(data, place), self.image(other, place), names)
            case Clip(data=data):
                result = self.image(data, _clipped(node, place))
            case _:
                margin = node.halo_px if isinstance(node, Function) else 0
                wide = place.padded(margin) if margin else place
                result = self._derived(name, node, self.image(node.takes[0], wide), wide.geobox)
                result = result.cropped(margin).within(place.wanted) if margin else result
        return result

    def series(self, name: str, place: Place) -> Iterable[Raster]:
        """Compute a series, one image after the other."""
        node = self._cube.nodes[name]
        kind = self._cube.signature_of(name).kind
        if kind is Kind.SCENES or isinstance(node, Periods):
            by = node if isinstance(node, Periods) else Periods(data=name, by="pass")
            source = by.data if isinstance(node, Periods) else name
            load, valid, bands = self._scenes(source, self._demand[source])
            rule = Rule(method=by.method, order=by.order, valid=valid)
            touching = self._touching(load, place.geobox)
            for time, positions in periods(load.scenes, touching, by.by):
                image = self._composite(load, bands, place, rule, positions)
                yield replace(image, time=time)
            return
        data = node.takes[0]
        if isinstance(node, Clip):
            yield from self.series(data, _clipped(node, place))
            return
        halo = node.halo_px if isinstance(node, Function) else 0
        wide = place.padded(halo) if halo else place
        for one in self.series(data, wide):
            result = self._derived(name, node, one, wide.geobox)
            yield result.cropped(halo).within(place.wanted) if halo else result

    def _derived(self, name: str, node: Node, below: Raster, geobox: GeoBox) -> Raster:
        wanted = self._demand[name]
        match node:
            case Indices(names=names):
                return below.plus({n: _index(n, below) for n in names if n in wanted})
            case Expression(bands=expressions):
                # all see the bands below, not one another
                new = {
                    n: _expression(text, below) for n, text in expressions.items() if n in wanted
                }
                return below.plus(new)
            case Function(output=output) if output in wanted:
                return below.plus({output: _function(node, below, geobox)})
            case Classify(output=output) if output in wanted:
                return below.plus({output: _classes(node, below)})
            case Bands() | Render():
                kept = {n: below.bands[n] for n in self._bands(name)}
                return replace(below, bands=kept)
        return below

    def _bands(self, name: str) -> tuple[str, ...]:
        wanted = self._demand[name]
        return tuple(n for n in self._cube.signature_of(name).bands if n in wanted)

    def _scenes(
        self, name: str, wanted: frozenset[str]
    ) -> tuple[LoadScenes, ValidPixels, tuple[str, ...]]:
        """Follow nodes on scenes down to where these are loaded.

        Raises:
            ConfigurationError: They are only named.
        """
        valid, bands = EVERYTHING, self._cube.signature_of(name).bands
        node = self._cube.nodes[name]
        while not isinstance(node, LoadScenes):
            if isinstance(node, ValidPixels):
                valid = node
            if not node.takes:
                raise ConfigurationError(
                    f"{name!r} names scenes that have not been searched for.",
                    "Resolve the cube before evaluating it.",
                )
            node = self._cube.nodes[node.takes[0]]
        return node, valid, tuple(band for band in bands if band in wanted)

    def _touching(self, load: LoadScenes, geobox: GeoBox) -> list[int]:
        positions = load.whereabouts.touching(geobox)
        if self._max_scenes is not None and len(positions) > self._max_scenes:
            raise ViewLimitError(
                f"{len(positions)} scenes touch this view; at most {self._max_scenes} may.",
                "Zoom in, or narrow the dates or the cloud cover of the search.",
            )
        return positions

    def _composite(
        self,
        load: LoadScenes,
        bands: tuple[str, ...],
        place: Place,
        rule: Rule,
        positions: Sequence[int],
    ) -> Raster:
        image = composite(
            load.readable,
            bands,
            place.geobox,
            rule=rule,
            inside=place.wanted,
            reader=self._reader,
            positions=positions,
        )
        return Raster.of(image, packings(load.collection, bands))

    def _nothing(self, name: str, place: Place) -> Raster:
        """An image of no scene, with the bands the series would have."""
        node = self._cube.nodes[name]
        below = node.takes[0] if node.takes else None
        if self._cube.signature_of(name).kind is Kind.SCENES or isinstance(node, Periods):
            source = name if below is None or not isinstance(node, Periods) else below
            load, valid, bands = self._scenes(source, self._demand[source])
            rule = Rule(method="first", order="newest", valid=valid)
            return self._composite(load, bands, place, rule, [])
        place = _clipped(node, place) if isinstance(node, Clip) else place
        return self._derived(name, node, self._nothing(str(below), place), place.geobox)

    def _stored(self, name: str, node: LoadStored, place: Place) -> Raster:
        bands = tuple(band for band in node.bands if band in self._demand[name])
        image = attempted_bands(node.scene, bands, place.geobox, place.wanted, self._reader)
        return Raster.of(image, {n: packing_of_file(node.scene.bands[n]) for n in bands})


def _clipped(node: Clip, place: Place) -> Place:
    outline = project_outline(node.outline, CRS(place.geobox.crs))
    return Place(place.geobox, place.wanted & inside(place.geobox, outline.json))


def _index(name: str, below: Raster) -> Plane:
    index = get_index(name)
    values = index.compute(below.decoded(index.bands_in(tuple(below.bands))))
    return Plane(values, {"long_name": index.title, "units": "1", "references": index.reference})


def _expression(text: str, below: Raster) -> Plane:
    values = compute(text, below.decoded(names_in(text) or None))
    return Plane(values, {"long_name": text, "units": "1"})


def _function(node: Function, below: Raster, geobox: GeoBox) -> Plane:
    registered = functions.get_function(node.name)
    given: dict[str, Any] = dict(registered.settings(node.parameters))
    if registered.takes_pixel_size:
        given["pixel_m"] = ground_pixel_m(geobox)
    arrays = [below.bands[name].decoded() for name in node.inputs]
    values = np.asarray(registered.function(*arrays, **given), np.float32)
    if values.shape != below.status.shape:
        raise ConfigurationError(
            f"{node.name} gave {values.shape} for {below.status.shape} pixels.",
            "A registered function gives one value a pixel.",
        )
    return Plane(values, {"long_name": registered.title, "units": "1"})


def _classes(node: Classify, below: Raster) -> Plane:
    if node.parameters is None:
        raise ConfigurationError(
            f"The model {node.model} has not been looked up.", "Resolve the cube first."
        )
    bands = below.decoded(tuple(str(name) for name in node.parameters["bands"]))
    values = functions.classify(node.parameters, bands).astype(np.uint16)
    packing = {"scale_factor": 1.0, "add_offset": 0.0, "_FillValue": 0, "units": "1"}
    return Plane(values, {**packing, "long_name": f"Classes of {node.model}"})


def _difference(one: Raster, other: Raster, names: tuple[str, ...]) -> Raster:
    bands = {}
    for name in names:
        plane = one.bands[name]
        title = plane.attributes.get("long_name", name)
        values = plane.decoded() - other.bands[name].decoded()
        attributes = {"long_name": f"Difference of {title}"}
        bands[name] = Plane(values, {**attributes, "units": plane.attributes.get("units", "1")})
    valid = one.status == Status.VALID
    return Raster(
        bands=bands,
        # where the first is valid it is the other that says why there is no difference
        status=np.where(valid, other.status, one.status).astype(np.uint8),
        observations=np.minimum(one.observations, other.observations),
        source=np.zeros_like(one.source),
        reads=(*one.reads, *other.reads),
    )
