"""The virtual cube: a computation described, not done.

A ``VirtualCube`` is a small graph of operations: which scenes, which pixels of them are valid, how
they are composited, what is derived. It holds no pixels, is immutable, has a canonical JSON form
and is addressed by the hash of that. The set of operations is closed: a graph from outside can
ask for nothing else.

Operations come in two kinds. Those on *scenes* change how scenes will be read. ``composite``
turns scenes into one *image*; those after it work on the image. ``eo_assets.cube.evaluate`` is the
one place where a graph becomes pixels.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from eo_assets.catalog.bands import Band
from eo_assets.catalog.collections import get_collection
from eo_assets.catalog.indices import get_index
from eo_assets.catalog.quality import QualityBand
from eo_assets.cube.scene import Scene
from eo_assets.errors import ConfigurationError

SCHEMA: Final = 1
"""Version of the graph's JSON form; a stored cube of another version is refused."""


CompositeMethod = Literal["first", "median", "medoid", "geomedian", "max_ndvi"]


class _Node(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LoadScenes(_Node):
    """The scenes to compute from: a stored snapshot.

    Attributes:
        collection: STAC collection id.
        bands: Names of the bands.
        scenes: The scenes, in any order: no result depends on it. They have all the bands that
            are not optional in the collection.
    """

    op: Literal["load_scenes"] = "load_scenes"
    collection: str
    bands: tuple[str, ...] = Field(min_length=1, max_length=32)
    scenes: tuple[Scene, ...] = Field(max_length=2000)

    @model_validator(mode="after")
    def _scenes_have_the_bands(self) -> LoadScenes:
        collection = get_collection(self.collection)
        needed = [name for name in self.bands if not collection.band(name).optional]
        for scene in self.scenes:
            missing = [name for name in needed if name not in scene.bands]
            if missing:
                message = f"scene {scene.id} has no band {', '.join(missing)}"
                raise ValueError(message)
        return self


class ValidPixels(_Node):
    """Keep the pixels a scene's quality band calls usable.

    Attributes:
        data: The scenes.
        kind: ``classes`` or ``bits``, see ``eo_assets.catalog.quality``.
        fill: Classes or bits: not observed.
        invalid: Classes or bits: observed, unusable.
        cloud: The part of ``invalid`` that is opened and grown.
        opening_m: Radius of the opening, metres.
        dilation_m: Radius of the growth, metres.
    """

    op: Literal["valid_pixels"] = "valid_pixels"
    data: str
    kind: Literal["classes", "bits"]
    fill: tuple[int, ...]
    invalid: tuple[int, ...]
    cloud: tuple[int, ...]
    opening_m: float = Field(ge=0, le=1000)
    dilation_m: float = Field(ge=0, le=1000)

    def opening_px(self, pixel_m: float) -> int:
        """Radius of the opening in pixels of ``pixel_m`` metres; 0 where pixels are too coarse."""
        return round(self.opening_m / pixel_m)

    def dilation_px(self, pixel_m: float) -> int:
        """Radius of the growth in pixels of ``pixel_m`` metres; one at the least, if any."""
        return max(round(self.dilation_m / pixel_m), 1 if self.dilation_m else 0)

    def halo_px(self, pixel_m: float) -> int:
        """How far beyond a window a quality band of ``pixel_m`` metres has to be read, pixels."""
        return 2 * self.opening_px(pixel_m) + self.dilation_px(pixel_m)


class Composite(_Node):
    """Make one image of many scenes, pixel by pixel.

    Attributes:
        data: The scenes.
        method: ``first``: each pixel from the first scene, in ``order``, that is valid there.
            ``median`` of each band; ``medoid``, ``geomedian`` and ``max_ndvi`` of whole spectra:
            see ``eo_assets.cube.reducers``.
        order: ``least_cloudy``, ``newest`` or ``oldest`` first; ties fall to the newer, then id.
    """

    op: Literal["composite"] = "composite"
    data: str
    method: CompositeMethod = "first"
    order: Literal["least_cloudy", "newest", "oldest"] = "least_cloudy"


class Clip(_Node):
    """Make pixels whose centre lies outside an outline invalid.

    Attributes:
        data: The image.
        outline: GeoJSON Polygon or MultiPolygon, longitude and latitude (WGS 84).
    """

    op: Literal["clip"] = "clip"
    data: str
    outline: dict[str, Any]


class Indices(_Node):
    """Add spectral indices to an image.

    Attributes:
        data: The image.
        names: Names of the indices, see ``eo_assets.catalog.indices``.
    """

    op: Literal["indices"] = "indices"
    data: str
    names: tuple[str, ...] = Field(min_length=1, max_length=16)


Node = Annotated[LoadScenes | ValidPixels | Composite | Clip | Indices, Field(discriminator="op")]

_TAKES_SCENES = (ValidPixels, Composite)
_GIVES_SCENES = (LoadScenes, ValidPixels)


class VirtualCube(_Node):
    """A graph of operations and the node whose value is wanted.

    Build one fluently::

        VirtualCube.load(collection, scenes, bands).valid(quality).composite().clip(outline)

    Attributes:
        schema_version: Version of the JSON form.
        nodes: Operations by name.
        result: Name of the node that is the cube's value.
    """

    schema_version: Literal[1] = SCHEMA
    nodes: dict[str, Node] = Field(min_length=1, max_length=64)
    result: str

    @model_validator(mode="after")
    def _is_a_sound_graph(self) -> VirtualCube:
        seen: list[str] = []
        name: str | None = self.result
        while name is not None:
            if name in seen:
                message = f"the graph has a cycle through {name!r}"
                raise ValueError(message)
            node = self.nodes.get(name)
            if node is None:
                message = f"node {name!r} is referred to but not defined"
                raise ValueError(message)
            seen.append(name)
            below = getattr(node, "data", None)
            if below in self.nodes:
                self._check_kinds(name, node, self.nodes[below])
            name = below
        if sum(isinstance(self.nodes[one], ValidPixels) for one in seen) > 1:
            message = "there is more than one valid_pixels; one rule has to say it all"
            raise ValueError(message)
        unused = set(self.nodes) - set(seen)
        if unused:
            message = f"nodes {sorted(unused)} do not contribute to {self.result!r}"
            raise ValueError(message)
        if any(isinstance(n, Composite) and n.method == "max_ndvi" for n in self.nodes.values()):
            get_index("ndvi").bands_in(self.bands)
        return self

    @staticmethod
    def _check_kinds(name: str, node: Node, below: Node) -> None:
        if isinstance(node, _TAKES_SCENES) != isinstance(below, _GIVES_SCENES):
            message = f"{node.op} ({name!r}) cannot take the value of {below.op}"
            raise ValueError(message)
        if isinstance(node, Indices):
            for index in node.names:
                get_index(index)

    @classmethod
    def load(
        cls, collection: str, scenes: tuple[Scene, ...], bands: tuple[str, ...]
    ) -> VirtualCube:
        """Start a cube from scenes.

        Args:
            collection: STAC collection id.
            scenes: The scenes, in any order.
            bands: Names of the bands.

        Returns:
            A cube whose value is the scenes.
        """
        ordered = tuple(sorted(scenes, key=lambda scene: scene.id))
        node = LoadScenes(collection=collection, bands=bands, scenes=ordered)
        return cls(nodes={"scenes": node}, result="scenes")

    def _then(self, name: str, node: Node) -> VirtualCube:
        unique = name if name not in self.nodes else f"{name}_{len(self.nodes)}"
        return VirtualCube(nodes={**self.nodes, unique: node}, result=unique)

    def valid(self, quality: QualityBand, *, keep_snow: bool = True) -> VirtualCube:
        """Keep usable pixels only.

        Args:
            quality: The collection's quality band.
            keep_snow: Whether snow and ice are usable.

        Returns:
            The longer cube.
        """
        invalid = quality.invalid if keep_snow else (*quality.invalid, *quality.snow)
        node = ValidPixels(
            data=self.result,
            kind=quality.kind,
            fill=quality.fill,
            invalid=invalid,
            cloud=quality.cloud,
            opening_m=quality.opening_m,
            dilation_m=quality.dilation_m,
        )
        return self._then("valid", node)

    def composite(
        self,
        method: CompositeMethod = "first",
        *,
        order: Literal["least_cloudy", "newest", "oldest"] = "least_cloudy",
    ) -> VirtualCube:
        """Make one image of the scenes; see ``Composite``."""
        return self._then("composite", Composite(data=self.result, method=method, order=order))

    def clip(self, outline: dict[str, Any]) -> VirtualCube:
        """Clip the image to an outline, GeoJSON in longitude and latitude."""
        return self._then("clip", Clip(data=self.result, outline=outline))

    def index(self, *names: str) -> VirtualCube:
        """Add spectral indices to the image."""
        return self._then("indices", Indices(data=self.result, names=names))

    @property
    def source(self) -> LoadScenes:
        """The node the graph starts from."""
        return next(node for node in self.nodes.values() if isinstance(node, LoadScenes))

    @property
    def scenes(self) -> tuple[Scene, ...]:
        """The scenes the cube computes from."""
        return self.source.scenes

    @property
    def bands(self) -> tuple[str, ...]:
        """Names of the bands the cube loads."""
        return self.source.bands

    def with_scenes(self, scenes: tuple[Scene, ...]) -> VirtualCube:
        """Give the same computation over other scenes."""
        nodes = {
            name: node.model_copy(update={"scenes": scenes})
            if isinstance(node, LoadScenes)
            else node
            for name, node in self.nodes.items()
        }
        return VirtualCube(nodes=nodes, result=self.result)

    def canonical_json(self) -> str:
        """The graph as JSON, the same text for the same graph."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, hexadecimal."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()


def parse_cube(text: str, *, origin: str) -> VirtualCube:
    """Read a cube from its JSON form.

    Args:
        text: The JSON.
        origin: Where it comes from, for errors.

    Returns:
        The cube, checked.

    Raises:
        ConfigurationError: It is not a cube of this version.
    """
    try:
        return VirtualCube.model_validate_json(text)
    except ValueError as error:
        raise ConfigurationError(
            f"{origin} is not a virtual cube of version {SCHEMA}: {error}.",
            "Materialise band_stack again.",
        ) from error


def packing(band: Band) -> dict[str, float | int | str]:
    """Give the CF attributes of a band's packed integers.

    Args:
        band: The band.

    Returns:
        ``scale_factor``, ``add_offset``, ``_FillValue`` and what describes the band.
    """
    quantity = band.quantity
    return {
        "scale_factor": quantity.scale,
        "add_offset": quantity.offset,
        "_FillValue": quantity.nodata,
        "units": quantity.units,
        "standard_name": _STANDARD_NAMES.get(quantity.name, quantity.name),
        "long_name": band.title,
        "center_wavelength_um": band.center_wavelength_um,
        "full_width_half_max_um": band.full_width_half_max_um,
    }


_STANDARD_NAMES = {
    "reflectance": "surface_bidirectional_reflectance",
    "temperature": "surface_temperature",
    "elevation": "surface_altitude",
}
