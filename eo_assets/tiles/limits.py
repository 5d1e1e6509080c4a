"""What one request may ask for at most. More is an error that says so, never a partial answer."""

from __future__ import annotations

from typing import Any, Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from eo_assets.catalog.regions.model import parse_region
from eo_assets.errors import ConfigurationError
from eo_assets.tiles.problems import TooMuchError, answer

MAX_SCENES: Final = 200
"""Scenes of one layer."""

MAX_SCENES_PER_TILE: Final = 60
MAX_SCENES_OF_A_SERIES: Final = 400
MAX_DAYS: Final = 731
"""Longest period whose dates are listed."""

MAX_PIXELS: Final = 250_000
"""Pixels of one outline; a larger one is looked at in coarser pixels."""

MAX_VERTICES: Final = 5_000
MAX_AREA_DEG2: Final = 40.0
"""Area of an outline in square degrees: Romania has 27."""

MAX_BODY_BYTES: Final = 1_000_000


def outline_of(geojson: Any) -> dict[str, Any]:
    """Take an outline out of what somebody sent.

    Args:
        geojson: A GeoJSON Polygon or MultiPolygon, a Feature with one, or a FeatureCollection of
            one; longitude and latitude.

    Returns:
        The geometry, valid.

    Raises:
        RegionError: It is not a valid outline.
        TooMuchError: It has too many vertices, or is too large.
        ConfigurationError: It is a FeatureCollection of several.
    """
    found = geojson
    if isinstance(found, dict) and found.get("type") == "FeatureCollection":
        features = found.get("features")
        if not isinstance(features, list) or len(features) != 1:
            raise ConfigurationError(
                "A FeatureCollection of one feature was expected.", "Send outlines one by one."
            )
        found = features[0]
    if isinstance(found, dict) and found.get("type") == "Feature":
        found = found.get("geometry")
    if _n_numbers(found) > 3 * MAX_VERTICES:
        raise TooMuchError(
            f"The outline has more than {MAX_VERTICES:,} vertices.", "Simplify it first."
        )
    feature = {"type": "Feature", "geometry": found, "properties": {}}
    outline = parse_region(feature, name="The outline", default_id="drawn")
    if outline.outline.area > MAX_AREA_DEG2:
        raise TooMuchError(
            f"The outline covers {outline.outline.area:.0f} square degrees; at most "
            f"{MAX_AREA_DEG2:.0f} are computed at once.",
            "Draw a smaller one.",
        )
    return outline.geometry


def _n_numbers(found: Any) -> int:
    """Count numbers in nested lists, without recursion and not many more than are allowed."""
    stack, n = [found.get("coordinates") if isinstance(found, dict) else None], 0
    while stack and n <= 3 * MAX_VERTICES:
        top = stack.pop()
        if isinstance(top, list):
            stack += top
        n += 1
    return n


class BodyLimit:
    """Refuses bodies that are longer than any sensible request.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413 when a body says it is too long; cut off one that does not say so."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        stated = dict(scope["headers"]).get(b"content-length", b"0")
        if not stated.isdigit() or int(stated) > MAX_BODY_BYTES:
            refusal = answer(
                413, "TooMuch", f"A body has at most {MAX_BODY_BYTES:,} bytes.", "Shorten it."
            )
            await refusal(scope, receive, send)
            return
        taken = 0

        async def bounded() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            # the application then reports a request that ended too early
            return message if taken <= MAX_BODY_BYTES else {"type": "http.disconnect"}

        await self._app(scope, bounded, send)
