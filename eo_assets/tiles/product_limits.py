"""What titiler takes without a limit, or fails over, bounded before it does."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import Field
from titiler.core.dependencies import (
    BidxParams,
    DatasetParams,
    DefaultDependency,
    HistogramParams,
)

from eo_assets.errors import ConfigurationError
from eo_assets.tiles.layer import MAX_ZOOM
from eo_assets.tiles.limits import outline_of
from eo_assets.tiles.problems import TooMuchError

MAX_PX = 2048
"""Longest edge of a picture of a product."""

MAX_STATISTICS_PX = 512
"""Longest edge of what statistics over an outline look at; coverage is found ten times finer."""

MAX_COVER_SCALE = 10
MAX_OUTLINES = 20
MAX_TILE_PX = 1024
MAX_BUFFER_PX = 16
MAX_BANDS = 16
MAX_BINS = 1000
MAX_QUERY_CHARACTERS = 8000

_FARTHEST = 1e8
"""No coordinate of any CRS is larger, metres or degrees."""

_Size = Annotated[int | None, Field(ge=1, le=MAX_PX, description="Pixels.")]
_SmallSize = Annotated[int | None, Field(ge=1, le=MAX_STATISTICS_PX, description="Pixels.")]


@dataclass
class PictureSize(DefaultDependency):
    """Size of a preview."""

    max_size: Annotated[int | None, Field(ge=1, le=MAX_PX, description="Longest edge, pixels.")] = (
        1024
    )
    height: _Size = None
    width: _Size = None

    def __post_init__(self) -> None:
        """Let one of the others go before the longest edge."""
        if self.width or self.height:
            self.max_size = None


@dataclass
class OutlineSize(DefaultDependency):
    """Size of what statistics over an outline look at."""

    max_size: Annotated[
        int, Field(ge=1, le=MAX_STATISTICS_PX, description="Longest edge, pixels.")
    ] = MAX_STATISTICS_PX
    height: _SmallSize = None
    width: _SmallSize = None


@dataclass
class TileSize(DefaultDependency):
    """What lies around a tile."""

    buffer: Annotated[
        float | None,
        Query(gt=0, le=MAX_BUFFER_PX, multiple_of=0.5, description="Pixels more on each side."),
    ] = None


@dataclass
class SomeBands(BidxParams):
    """Which bands."""

    def __post_init__(self) -> None:
        """Refuse too many.

        Raises:
            TooMuchError: There are.
        """
        if self.indexes and len(self.indexes) > MAX_BANDS:
            raise TooMuchError(
                f"{len(self.indexes)} bands were asked for.", f"Ask for {MAX_BANDS} at most."
            )


@dataclass
class FiniteDataset(DatasetParams):
    """How the file is read."""

    def __post_init__(self) -> None:
        """Refuse a value no product can have.

        Raises:
            ConfigurationError: ``nodata`` is one.
        """
        super().__post_init__()  # type: ignore[no-untyped-call]
        if self.nodata is not None and not 0 <= float(self.nodata) <= 65_535:
            raise ConfigurationError(
                f"Products have no pixels of {self.nodata}.", "Leave nodata out: they state it."
            )


@dataclass
class SomeBins(HistogramParams):
    """Histograms of a size people look at."""

    def __post_init__(self) -> None:
        """Refuse what NumPy would fail over, or take a gigabyte for.

        Raises:
            ConfigurationError: There are no bins, or none between the ends of the range.
            TooMuchError: There are too many.
        """
        super().__post_init__()  # type: ignore[no-untyped-call]
        # texts have become numbers
        bins: Any = self.bins
        ends: Any = self.range or (0.0, 1.0)
        n = len(bins) - 1 if isinstance(bins, list) else int(bins)
        rising = not isinstance(bins, list) or sorted(set(bins)) == bins
        if n > MAX_BINS:
            raise TooMuchError(f"{n} bins were asked for.", f"Ask for {MAX_BINS} at most.")
        if n < 1 or not rising or not ends[0] < ends[1]:
            raise ConfigurationError(
                "The histogram has no bins, or they do not rise.", "Such as histogram_bins=20."
            )


async def bounded(request: Request) -> None:
    """Bound the rest of what titiler takes.

    Raises:
        TooMuchError: A tile, the query, or what statistics look at is too large.
        ConfigurationError: A coordinate is none.
        RegionError: An outline is none.
    """
    query = request.query_params
    if len(request.url.query) > MAX_QUERY_CHARACTERS:
        raise TooMuchError(
            f"The query has more than {MAX_QUERY_CHARACTERS} characters.", "Shorten it."
        )
    for name, most in (("tilesize", MAX_TILE_PX), ("cover_scale", MAX_COVER_SCALE)):
        text = query.get(name, "")
        if text.isdecimal() and (len(text) > 6 or int(text) > most):
            raise TooMuchError(f"{name}={text[:12]} was asked for.", f"Ask for {most} at most.")
    zoom = str(request.path_params.get("z", ""))
    if zoom.isdecimal() and (len(zoom) > 2 or int(zoom) > MAX_ZOOM):
        raise TooMuchError(f"There is no zoom {zoom[:12]}.", f"Zooms end at {MAX_ZOOM}.")
    if "color_formula" in query:
        raise ConfigurationError(
            "Stored products are shown without colour formulas.", "Make a layer with a gamma."
        )
    _check_place(request.path_params, degrees="coord_crs" not in query)
    if request.method == "POST":
        _check_outlines(await request.json())


def _check_place(given: Mapping[str, Any], *, degrees: bool) -> None:
    for name, farthest in (("lon", 180.0), ("lat", 90.0)):
        if name not in given:
            continue
        try:
            value = float(given[name])
        except ValueError:  # titiler says so
            continue
        if not (math.isfinite(value) and abs(value) <= (farthest if degrees else _FARTHEST)):
            raise ConfigurationError(
                f"{name} is {value:g}.", f"Use -{farthest:g} to {farthest:g} degrees."
            )


def _check_outlines(body: Any) -> None:
    """Refuse what statistics cannot be taken over, as layers do.

    Raises:
        TooMuchError: There are too many outlines, or one is too large.
        RegionError: One is not valid.
    """
    features = body.get("features") if isinstance(body, dict) else None
    if not isinstance(features, list):
        outline_of(body)
        return
    if len(features) > MAX_OUTLINES:
        raise TooMuchError(
            f"{len(features)} outlines were sent.", f"Send {MAX_OUTLINES} at once at most."
        )
    for feature in features:
        outline_of(feature)
