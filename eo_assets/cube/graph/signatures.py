"""What fits onto what: the kind and the bands of each node's value, without computing any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

from eo_assets.catalog.indices import get_index
from eo_assets.cube.functions import get_function
from eo_assets.cube.graph.expression import names_in
from eo_assets.cube.graph.operations import (
    Bands,
    Classify,
    Composite,
    Difference,
    Expression,
    Function,
    Indices,
    Node,
    Periods,
    Reduce,
    Render,
    Source,
    ValidPixels,
)
from eo_assets.cube.graph.sources import LoadProduct, LoadStored

MAX_BANDS = 64


class Kind(Enum):
    """Kinds of values."""

    SCENES = "scenes"
    SERIES = "a series"
    IMAGE = "an image"


@dataclass(frozen=True)
class Signature:
    """What a node's value is.

    Attributes:
        kind: Its kind.
        bands: Names of its bands.
        loaded: Whether all of them are as they were loaded: packed spectra, nothing derived.
        masked: Whether ``valid_pixels`` is applied.
    """

    kind: Kind
    bands: tuple[str, ...]
    loaded: bool = True
    masked: bool = False


def signature_of(node: Node, inputs: Sequence[Signature]) -> Signature:
    """Check that a node can take its inputs, and say what its value is.

    Args:
        node: The node.
        inputs: What its inputs are.

    Returns:
        What it gives.

    Raises:
        ValueError: It cannot take them: the kind is wrong, or a band is missing.
    """
    if isinstance(node, Source):
        stored = isinstance(node, LoadProduct | LoadStored)
        return Signature(Kind.IMAGE if stored else Kind.SCENES, node.bands)
    below = inputs[0]
    _check_kind(node, inputs)
    match node:
        case ValidPixels():
            if below.masked:
                message = "there is more than one valid_pixels; one rule has to say it all"
                raise ValueError(message)
            below = replace(below, masked=True)
        case Composite(method=method) | Periods(method=method) | Reduce(method=method):
            below = _over_time(node, method, below)
        case Bands(names=names):
            _need(node.op, names, below)
            below = replace(below, bands=names)
        case Difference():
            below = _difference(below, inputs[1])
        case Render(bands=names):
            _need(node.op, names, below)
        case _:
            below = _derived(node, below)
    return below


def _over_time(node: Node, method: str, below: Signature) -> Signature:
    _check_method(method, below)
    kind = Kind.SERIES if isinstance(node, Periods) else Kind.IMAGE
    same = not isinstance(node, Reduce) or method in {"first", "median", *_OF_SPECTRA}
    return replace(below, kind=kind, loaded=below.loaded and same)


def _difference(one: Signature, other: Signature) -> Signature:
    common = tuple(name for name in one.bands if name in other.bands)
    if not common:
        message = "the two images have no band in common"
        raise ValueError(message)
    return Signature(Kind.IMAGE, common, loaded=False)


_OF_SPECTRA = {"medoid", "geomedian", "max_ndvi"}


def _derived(node: Node, below: Signature) -> Signature:
    match node:
        case Classify(parameters=model, output=output):
            needed = [] if model is None else [str(name) for name in model.get("bands", ())]
            _need(node.op, needed, below)
            return _with(below, (output,))
        case Indices(names=names):
            for name in names:
                get_index(name).bands_in(below.bands)
            return _with(below, names)
        case Expression(bands=expressions):
            for text in expressions.values():
                _need(node.op, names_in(text), below)
            return _with(below, tuple(expressions))
        case Function(name=name, inputs=inputs, output=output):
            registered = get_function(name)
            registered.settings(node.parameters)
            if len(inputs) != len(registered.inputs) or node.halo_px != registered.halo_px:
                message = (
                    f"{name} takes {len(registered.inputs)} bands and {registered.halo_px} pixels "
                    "around each"
                )
                raise ValueError(message)
            _need(node.op, inputs, below)
            return _with(below, (output,))
    return below


def _with(below: Signature, names: tuple[str, ...]) -> Signature:
    bands = (*below.bands, *(name for name in names if name not in below.bands))
    if len(bands) > MAX_BANDS:
        message = f"a cube has at most {MAX_BANDS} bands"
        raise ValueError(message)
    kind = Kind.SERIES if below.kind is Kind.SCENES else below.kind
    return replace(below, kind=kind, bands=bands, loaded=False)


def _check_kind(node: Node, inputs: Sequence[Signature]) -> None:
    takes_scenes_only = isinstance(node, ValidPixels | Composite | Periods)
    takes_images_only = isinstance(node, Difference | Render)
    for below in inputs:
        wrong = (
            (takes_scenes_only and below.kind is not Kind.SCENES)
            or (takes_images_only and below.kind is not Kind.IMAGE)
            or (isinstance(node, Reduce) and below.kind is Kind.IMAGE)
            or (node.op in {"clip", "classify"} and below.kind is Kind.SCENES)
        )
        if wrong:
            message = f"{node.op} cannot take {below.kind.value}"
            raise ValueError(message)


def _check_method(method: str, below: Signature) -> None:
    if method in _OF_SPECTRA and not below.loaded:
        message = f"{method} compares whole spectra; take it before deriving bands"
        raise ValueError(message)
    if method == "max_ndvi":
        get_index("ndvi").bands_in(below.bands)


def _need(op: str, names: Sequence[str], below: Signature) -> None:
    missing = sorted(set(names) - set(below.bands))
    if missing:
        message = f"{op} needs {', '.join(missing)}; there are {', '.join(below.bands)}"
        raise ValueError(message)


def signatures(nodes: Mapping[str, Node], order: Sequence[str]) -> dict[str, Signature]:
    """Say what each node's value is.

    Args:
        nodes: The nodes.
        order: Their names, inputs first.

    Returns:
        Signature of each.

    Raises:
        ValueError: A node cannot take what it is given.
        ConfigurationError: It names an index, function or collection nobody knows.
    """
    known: dict[str, Signature] = {}
    for name in order:
        node = nodes[name]
        try:
            known[name] = signature_of(node, [known[below] for below in node.takes])
        except ValueError as error:
            message = f"{name!r}: {error}"
            raise ValueError(message) from error
    return known
