"""How a cube is written: one method an operation, each giving a longer cube."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, Self

from eo_assets.catalog.quality import QualityBand
from eo_assets.cube.functions import get_function
from eo_assets.cube.graph.operations import (
    Bands,
    Classify,
    Clip,
    Composite,
    CompositeMethod,
    Expression,
    Function,
    Indices,
    Node,
    Order,
    Period,
    Periods,
    Reduce,
    ReduceMethod,
    Render,
    ValidPixels,
)
from eo_assets.cube.graph.signatures import Kind
from eo_assets.cube.terrain import ASPECT, HILLSHADE, SLOPE


class Fluent:
    """The methods; ``VirtualCube`` says what it means to add a node."""

    result: str

    @property
    @abstractmethod
    def kind(self) -> Kind:
        """Kind of the cube's value."""

    @abstractmethod
    def _then(self, name: str, node: Node) -> Self: ...

    def valid(self, quality: QualityBand, *, keep_snow: bool = True) -> Self:
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
        self, method: CompositeMethod = "first", *, order: Order = "least_cloudy"
    ) -> Self:
        """Make one image of the scenes; see ``Composite``."""
        return self._then("composite", Composite(data=self.result, method=method, order=order))

    def by(
        self, period: Period, method: CompositeMethod = "first", *, order: Order = "least_cloudy"
    ) -> Self:
        """Make a series of the scenes, one image a period; see ``Periods``."""
        node = Periods(data=self.result, by=period, method=method, order=order)
        return self._then("periods", node)

    def by_day(self) -> Self:
        """Make a series of the scenes, one image a local solar day."""
        return self.by("day")

    def by_week(self, method: CompositeMethod = "median") -> Self:
        """Make a series of the scenes, one image an ISO week."""
        return self.by("week", method)

    def by_month(self, method: CompositeMethod = "median") -> Self:
        """Make a series of the scenes, one image a month."""
        return self.by("month", method)

    def by_season(self, method: CompositeMethod = "median") -> Self:
        """Make a series of the scenes, one image a season of a year."""
        return self.by("season", method)

    def reduce(self, method: ReduceMethod, *, percentile: float = 50.0) -> Self:
        """Make one image over time; see ``Reduce``.

        What ``Composite`` can do with scenes it does, on packed integers as the mosaic stores them.
        """
        if self.kind is Kind.SCENES and method in ("median", "medoid", "geomedian", "max_ndvi"):
            return self.composite(method)
        node = Reduce(data=self.result, method=method, percentile=percentile)
        return self._then(method, node)

    def median(self) -> Self:
        """Median over time."""
        return self.reduce("median")

    def mean(self) -> Self:
        """Mean over time."""
        return self.reduce("mean")

    def min(self) -> Self:
        """Smallest value over time."""
        return self.reduce("min")

    def max(self) -> Self:
        """Largest value over time."""
        return self.reduce("max")

    def count(self) -> Self:
        """Number of valid values over time."""
        return self.reduce("count")

    def std(self) -> Self:
        """Standard deviation over time."""
        return self.reduce("std")

    def percentile(self, percentile: float) -> Self:
        """Percentile over time, 0-100."""
        return self.reduce("percentile", percentile=percentile)

    def clip(self, outline: dict[str, Any]) -> Self:
        """Clip to an outline, GeoJSON in longitude and latitude."""
        return self._then("clip", Clip(data=self.result, outline=outline))

    def index(self, *names: str) -> Self:
        """Add spectral indices."""
        return self._then("indices", Indices(data=self.result, names=names))

    def expression(self, **bands: str) -> Self:
        """Add bands by expressions: ``expression(ratio="nir / red")``."""
        return self._then("expression", Expression(data=self.result, bands=bands))

    def apply(
        self,
        name: str,
        *,
        inputs: Sequence[str] = (),
        output: str | None = None,
        **parameters: float,
    ) -> Self:
        """Add a band by a registered function.

        Args:
            name: Its name.
            inputs: Bands to give it; those it was registered with where none are named.
            output: Name of the new band; the function's where not given.
            **parameters: Its parameters.

        Returns:
            The longer cube.

        Raises:
            UnknownNameError: Nobody registered it.
        """
        registered = get_function(name)
        node = Function(
            data=self.result,
            name=name,
            inputs=tuple(inputs) or registered.inputs,
            parameters=parameters,
            halo_px=registered.halo_px,
            output=output or name,
        )
        return self._then(name, node)

    def hillshade(self, *, azimuth_deg: float = 315.0, altitude_deg: float = 45.0) -> Self:
        """Add the shade of the relief, 1-255, from the band ``elevation``."""
        return self.apply(HILLSHADE.name, azimuth_deg=azimuth_deg, altitude_deg=altitude_deg)

    def slope(self) -> Self:
        """Add the slope in degrees, from the band ``elevation``."""
        return self.apply(SLOPE.name)

    def aspect(self) -> Self:
        """Add where the slope faces, degrees clockwise from north, from ``elevation``."""
        return self.apply(ASPECT.name)

    def select(self, *names: str) -> Self:
        """Keep some bands, in this order."""
        return self._then("bands", Bands(data=self.result, names=names))

    def classify(self, model: str, *, output: str = "class") -> Self:
        """Label pixels with the model of a stored ``clusters`` product."""
        return self._then("classify", Classify(data=self.result, model=model, output=output))

    def render(
        self,
        *bands: str,
        stretch: Sequence[tuple[float, float]] = ((0.0, 1.0),),
        colormap: str | None = None,
        gamma: float = 1.0,
    ) -> Self:
        """Say how the image is to be shown; see ``Render``."""
        node = Render(
            data=self.result, bands=bands, stretch=tuple(stretch), colormap=colormap, gamma=gamma
        )
        return self._then("render", node)
