"""The operations of a graph: the closed set, each with its parameters.

Three kinds of values flow between them. *Scenes* are what is going to be read; a *series* is one
image a period, time kept as a dimension and nothing computed; an *image* is one value a pixel and
band. ``eo_assets.cube.graph.signatures`` says which operation takes what.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from eo_assets.cube.functions import MAX_HALO_PX
from eo_assets.cube.graph.expression import parse
from eo_assets.cube.graph.model import BandName, GraphNode, ProductId
from eo_assets.cube.graph.sources import (
    LoadProduct,
    LoadScenes,
    LoadSearch,
    LoadStored,
    checked_outline,
)

CompositeMethod = Literal["first", "median", "medoid", "geomedian", "max_ndvi"]
ReduceMethod = Literal[
    "first", "median", "mean", "min", "max", "count", "std", "percentile",
    "medoid", "geomedian", "max_ndvi",
]  # fmt: skip
Period = Literal["pass", "day", "week", "month", "season"]
Order = Literal["least_cloudy", "newest", "oldest"]


class ValidPixels(GraphNode):
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


class Composite(GraphNode):
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
    order: Order = "least_cloudy"


class Periods(GraphNode):
    """Make a series of scenes: one image a period.

    Attributes:
        data: The scenes.
        by: ``pass`` of a satellite, local solar ``day``, ISO ``week``, ``month``, or ``season``
            (December to February, and so on). Periods without a scene are not there.
        method: How the scenes of one period become its image, as in ``Composite``.
        order: As in ``Composite``.
    """

    op: Literal["periods"] = "periods"
    data: str
    by: Period
    method: CompositeMethod = "first"
    order: Order = "least_cloudy"


class Reduce(GraphNode):
    """Make one image of a series, band by band over time.

    Attributes:
        data: The series; scenes are taken as the series of the satellite's passes.
        method: ``first`` valid one in time, ``median``, ``mean``, ``min``, ``max``, ``count`` of
            valid ones, ``std`` (of the sample's own spread, divided by n), ``percentile``; and of
            whole spectra ``medoid``, ``geomedian``, ``max_ndvi``, which need bands as loaded.
        percentile: Which, 0-100; interpolated linearly.
    """

    op: Literal["reduce"] = "reduce"
    data: str
    method: ReduceMethod
    percentile: float = Field(default=50.0, ge=0, le=100)


class Clip(GraphNode):
    """Make pixels whose centre lies outside an outline invalid.

    Attributes:
        data: The image or series.
        outline: GeoJSON Polygon or MultiPolygon, longitude and latitude (WGS 84).
    """

    op: Literal["clip"] = "clip"
    data: str
    outline: dict[str, Any]

    @field_validator("outline")
    @classmethod
    def _is_an_outline(cls, outline: dict[str, Any]) -> dict[str, Any]:
        return checked_outline(outline)


class Indices(GraphNode):
    """Add spectral indices to an image.

    Attributes:
        data: The image, series, or scenes (as the series of passes).
        names: Names of the indices, see ``eo_assets.catalog.indices``.
    """

    op: Literal["indices"] = "indices"
    data: str
    names: tuple[str, ...] = Field(min_length=1, max_length=16)


class Expression(GraphNode):
    """Add bands computed by expressions, see ``eo_assets.cube.graph.expression``.

    Attributes:
        data: The image, series, or scenes (as the series of passes).
        bands: Expression of each new band; it sees the bands of ``data`` only.
    """

    op: Literal["expression"] = "expression"
    data: str
    bands: dict[BandName, str] = Field(min_length=1, max_length=8)

    @field_validator("bands")
    @classmethod
    def _can_be_parsed(cls, bands: dict[str, str]) -> dict[str, str]:
        for text in bands.values():
            parse(text)
        return bands


class Function(GraphNode):
    """Add a band computed by a registered function, see ``eo_assets.cube.functions``.

    Attributes:
        data: The image, series, or scenes (as the series of passes).
        name: Name of the function.
        inputs: Names of the bands it is given, in order.
        parameters: Its parameters.
        halo_px: How many pixels around each it looks at, as it was registered.
        output: Name of the new band.
    """

    op: Literal["function"] = "function"
    data: str
    name: BandName
    inputs: tuple[BandName, ...] = Field(min_length=1, max_length=16)
    parameters: dict[BandName, float] = Field(default={}, max_length=16)
    halo_px: int = Field(default=0, ge=0, le=MAX_HALO_PX)
    output: BandName


class Bands(GraphNode):
    """Keep some bands, in this order.

    Attributes:
        data: The image, series, or scenes.
        names: Names of the bands.
    """

    op: Literal["bands"] = "bands"
    data: str
    names: tuple[BandName, ...] = Field(min_length=1, max_length=32)


class Difference(GraphNode):
    """Subtract one image from another: the bands both have, ``data - other``.

    Attributes:
        data: The image to subtract from.
        other: The image to subtract.
    """

    op: Literal["difference"] = "difference"
    data: str
    other: str

    @property
    def takes(self) -> tuple[str, ...]:
        """Both images."""
        return self.data, self.other


class Classify(GraphNode):
    """Label pixels with a stored model.

    Attributes:
        data: The image or series; it has the model's features.
        model: Id of the ``clusters`` product.
        parameters: The model; None until ``resolved`` looks it up.
        output: Name of the new band; 0 is "no class".
    """

    op: Literal["classify"] = "classify"
    data: str
    model: ProductId
    parameters: dict[str, Any] | None = None
    output: BandName = "class"


class Render(GraphNode):
    """Say how an image is to be shown; its pixels stay as they are.

    Attributes:
        data: The image.
        bands: One band for a colour map, three for red, green and blue.
        stretch: Values shown darkest and brightest, one pair for all bands or one a band.
        colormap: Name of a colour map; None for red, green, blue, or grey.
        gamma: Exponent: ``shown = stretched ** (1 / gamma)``.
    """

    op: Literal["render"] = "render"
    data: str
    bands: tuple[BandName, ...] = Field(min_length=1, max_length=3)
    stretch: tuple[tuple[float, float], ...] = Field(default=((0.0, 1.0),), max_length=3)
    colormap: str | None = Field(default=None, pattern=r"^[a-z0-9_]{1,40}$")
    gamma: float = Field(default=1.0, ge=0.1, le=10)

    @field_validator("bands")
    @classmethod
    def _are_one_or_three(cls, bands: tuple[str, ...]) -> tuple[str, ...]:
        if len(bands) not in {1, 3}:
            message = "render takes one band or three"
            raise ValueError(message)
        return bands


Source = LoadScenes | LoadSearch | LoadProduct | LoadStored
Node = Annotated[
    Source | ValidPixels | Composite | Periods | Reduce | Clip | Indices | Expression | Function
    | Bands | Difference | Classify | Render,
    Field(discriminator="op"),
]  # fmt: skip
