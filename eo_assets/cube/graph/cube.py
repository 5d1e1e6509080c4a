"""The graph as a whole: sound, immutable, canonical, addressed by the hash of its content."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final, Literal

from pydantic import Field, PrivateAttr, field_validator, model_validator

from eo_assets.cube.graph.fluent import Fluent
from eo_assets.cube.graph.model import GraphNode
from eo_assets.cube.graph.operations import Classify, Difference, Function, Node, Render
from eo_assets.cube.graph.order import check_work, topological
from eo_assets.cube.graph.signatures import Kind, Signature, signatures
from eo_assets.cube.graph.sources import LoadProduct, LoadScenes, LoadSearch, LoadStored
from eo_assets.cube.scene import Scene
from eo_assets.errors import ConfigurationError

SCHEMA: Final = 2
"""Version of the graph's JSON form; a stored cube of another version is refused."""

MAX_NODES: Final = 64
MAX_CHARACTERS: Final = 64_000_000
MAX_NAMING_CHARACTERS: Final = 1_000_000
"""Longest graph that only names things: what somebody may send."""


class VirtualCube(Fluent, GraphNode):
    """A graph of operations and the node whose value is wanted.

    Build one fluently::

        VirtualCube.load(collection, scenes, bands).valid(quality).index("ndvi").median()

    Attributes:
        schema_version: Version of the JSON form.
        nodes: Operations by name.
        result: Name of the node that is the cube's value.
    """

    schema_version: Literal[2] = SCHEMA
    nodes: dict[str, Node] = Field(min_length=1, max_length=MAX_NODES)
    result: str

    _order: tuple[str, ...] = PrivateAttr(default=())
    _signatures: dict[str, Signature] = PrivateAttr(default_factory=dict)

    @field_validator("nodes", mode="before")
    @classmethod
    def _are_few(cls, nodes: Any) -> Any:
        # before each of them is looked at
        if isinstance(nodes, Mapping) and len(nodes) > MAX_NODES:
            message = f"there are {len(nodes)} nodes; at most {MAX_NODES} are computed"
            raise ValueError(message)
        return nodes

    @model_validator(mode="after")
    def _is_a_sound_graph(self) -> VirtualCube:
        order = topological(self.nodes, self.result)
        unused = set(self.nodes) - set(order)
        if unused:
            message = f"nodes {sorted(unused)} do not contribute to {self.result!r}"
            raise ValueError(message)
        check_work(self.nodes, order)
        self._order = tuple(order)
        self._signatures = signatures(self.nodes, order)
        return self

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

    @classmethod
    def search(
        cls,
        collection: str,
        bands: tuple[str, ...],
        *,
        outline: dict[str, Any],
        first: dt.date,
        last: dt.date,
        filters: Mapping[str, Any] | None = None,
        max_cloud_cover_pct: float = 100.0,
        max_scenes: int = 200,
    ) -> VirtualCube:
        """Start a cube from a search that is still to be made; see ``LoadSearch``."""
        node = LoadSearch(
            collection=collection,
            bands=bands,
            outline=outline,
            first=first,
            last=last,
            filters=dict(filters or {}),
            max_cloud_cover_pct=max_cloud_cover_pct,
            max_scenes=max_scenes,
        )
        return cls(nodes={"scenes": node}, result="scenes")

    @classmethod
    def product(cls, product: str, bands: tuple[str, ...]) -> VirtualCube:
        """Start a cube from a stored product; see ``LoadProduct``."""
        return cls(nodes={"product": LoadProduct(product=product, bands=bands)}, result="product")

    def _then(self, name: str, node: Node) -> VirtualCube:
        unique = name if name not in self.nodes else f"{name}_{len(self.nodes)}"
        return VirtualCube(nodes={**self.nodes, unique: node}, result=unique)

    def minus(self, other: VirtualCube) -> VirtualCube:
        """Subtract another image, band by band; what both share is computed once."""
        renamed: dict[str, str] = {}
        nodes: dict[str, Node] = dict(self.nodes)
        for name in other.order:
            node = other.nodes[name].model_copy(update=_redirected(other.nodes[name], renamed))
            unique = name
            while unique in nodes and nodes[unique] != node:
                unique += "_"
            renamed[name], nodes[unique] = unique, node
        name = f"difference_{len(nodes)}"
        nodes[name] = Difference(data=self.result, other=renamed[other.result])
        return VirtualCube(nodes=nodes, result=name)

    @property
    def order(self) -> tuple[str, ...]:
        """Names of the nodes, inputs first."""
        return self._order

    @property
    def signature(self) -> Signature:
        """What the cube's value is."""
        return self._signatures[self.result]

    def signature_of(self, name: str) -> Signature:
        """What a node's value is."""
        return self._signatures[name]

    @property
    def kind(self) -> Kind:
        """Kind of the cube's value."""
        return self.signature.kind

    @property
    def names_only(self) -> bool:
        """Whether it holds no address: it only names collections and products."""
        return not any(isinstance(n, LoadScenes | LoadStored) for n in self.nodes.values())

    @property
    def is_resolved(self) -> bool:
        """Whether it can be evaluated: nothing in it is still to be looked up."""
        return not any(
            isinstance(node, LoadSearch | LoadProduct)
            or (isinstance(node, Classify) and node.parameters is None)
            for node in self.nodes.values()
        )

    @property
    def halo_px(self) -> int:
        """How many pixels around each its value depends on, clouds' growth not counted."""
        reach: dict[str, int] = {}
        for name in self.order:
            node = self.nodes[name]
            own = node.halo_px if isinstance(node, Function) else 0
            reach[name] = own + max((reach[below] for below in node.takes), default=0)
        return reach[self.result]

    @property
    def rendering(self) -> Render | None:
        """How it is to be shown, where it says so."""
        node = self.nodes[self.result]
        return node if isinstance(node, Render) else None

    def resolved(self, look_up: Callable[[Node], Node]) -> VirtualCube:
        """Put what was named in the place of names.

        Args:
            look_up: Gives ``LoadScenes`` for ``LoadSearch``, ``LoadStored`` for ``LoadProduct``,
                and ``Classify`` with parameters; other nodes are not asked about.

        Returns:
            The cube that can be evaluated.
        """
        nodes = {
            name: look_up(node) if isinstance(node, LoadSearch | LoadProduct | Classify) else node
            for name, node in self.nodes.items()
        }
        return VirtualCube(nodes=nodes, result=self.result)

    @property
    def source(self) -> LoadScenes:
        """The node of scenes the graph starts from, the first if there are several.

        Raises:
            ConfigurationError: It starts from none.
        """
        for name in self.order:
            node = self.nodes[name]
            if isinstance(node, LoadScenes):
                return node
        raise ConfigurationError("This cube does not start from scenes.", "Resolve it first.")

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
            name: LoadScenes(collection=node.collection, bands=node.bands, scenes=scenes)
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


def _redirected(node: Node, renamed: Mapping[str, str]) -> dict[str, str]:
    fields = ("data", "other")
    return {name: renamed[getattr(node, name)] for name in fields if hasattr(node, name)}


def parse_cube(text: str, *, origin: str, names_only: bool = False) -> VirtualCube:
    """Read a cube from its JSON form.

    Args:
        text: The JSON.
        origin: Where it comes from, for errors.
        names_only: Refuse addresses: for what comes from outside.

    Returns:
        The cube, checked.

    Raises:
        ConfigurationError: It is not a cube of this version, too large, or holds an address.
    """
    limit = MAX_NAMING_CHARACTERS if names_only else MAX_CHARACTERS
    if len(text) > limit:
        raise ConfigurationError(f"{origin} has more than {limit:,} characters.", "Shorten it.")
    try:
        cube = VirtualCube.model_validate_json(text)
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"{origin} is not a virtual cube of version {SCHEMA}: {error}.",
            "Materialise band_stack again.",
        ) from error
    if names_only and not cube.names_only:
        raise ConfigurationError(
            f"{origin} holds addresses of files.", "Name a search or a product instead."
        )
    return cube
