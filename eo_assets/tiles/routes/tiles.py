"""Tiles: computed when somebody looks, unless they or this worker have them already."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query
from fastapi.responses import Response

from eo_assets.cube.evaluate import evaluate
from eo_assets.cube.graph import Render
from eo_assets.errors import ConfigurationError
from eo_assets.tiles.cache import etag
from eo_assets.tiles.class_colours import class_colours_of
from eo_assets.tiles.grids import check_tile, tile_geobox, window_geobox
from eo_assets.tiles.layer import MAX_ZOOM, TILE_PX, Layer
from eo_assets.tiles.limits import MAX_SCENES_PER_TILE
from eo_assets.tiles.picture import (
    MEDIA_TYPES,
    Format,
    as_npy,
    empty_picture,
    picture,
    shows_classes,
)
from eo_assets.tiles.problems import RESPONSES, TooMuchError
from eo_assets.tiles.service import Service, ServiceOf

router = APIRouter(prefix="/layers/{layer_id}", tags=["Tiles"], responses=RESPONSES)

_KEEP_S = 3600
_PICTURES = {
    200: {
        "content": {kind: {} for kind in dict.fromkeys(MEDIA_TYPES.values())},
        "description": "The tile; transparent where the layer is not",
    },
    304: {"description": "The caller has it already"},
}
_Names = Annotated[
    str | None, Query(max_length=200, description="Bands, by commas: one, or three.")
]
_Pairs = Annotated[
    str | None,
    Query(max_length=120, description="Values shown darkest and brightest: `0,0.3`, or six."),
]


class Style:
    """How the caller wants a layer shown, where it differs from the layer's own way."""

    def __init__(
        self,
        bands: _Names = None,
        stretch: _Pairs = None,
        colormap: Annotated[
            str | None, Query(pattern=r"^[a-z0-9_]{1,40}$", description="Of a single band.")
        ] = None,
        gamma: Annotated[float | None, Query(ge=0.1, le=10)] = None,
    ) -> None:
        self.changes: dict[str, object] = {}
        if bands is not None:
            self.changes |= {"bands": tuple(bands.split(",")), "colormap": None}
        if stretch is not None:
            self.changes["stretch"] = _pairs(stretch)
        if colormap is not None:
            self.changes["colormap"] = colormap
        if gamma is not None:
            self.changes["gamma"] = gamma

    def of(self, layer: Layer) -> Render:
        """Give the layer's own way with the changes.

        Raises:
            ConfigurationError: A band is asked for that the layer does not have.
        """
        own = layer.rendering
        if not self.changes:
            return own
        # checked anew: one band or three, names as they may be
        render = Render.model_validate({**own.model_dump(), **self.changes})
        missing = sorted(set(render.bands) - set(layer.cube.signature.bands))
        if missing or len(render.stretch) not in {1, len(render.bands)}:
            raise ConfigurationError(
                f"The layer has no band {', '.join(missing)}."
                if missing
                else f"{len(render.stretch)} stretches are given for {len(render.bands)} bands.",
                f"Its bands: {', '.join(layer.cube.signature.bands)}. Give one stretch, or one "
                "a band.",
            )
        return render


def _pairs(text: str) -> tuple[tuple[float, float], ...]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in {2, 6}:
        raise ConfigurationError(
            "The stretch is not two numbers, or six.", "Such as stretch=0,0.3."
        )
    return tuple(zip(numbers[::2], numbers[1::2], strict=True))


StyleOf = Annotated[Style, Depends()]


@router.get(
    "/tiles/{z}/{x}/{y}.{form}",
    summary="A tile",
    response_class=Response,
    responses=_PICTURES,  # type: ignore[arg-type]
)
def tile(
    layer_id: str,
    z: Annotated[int, Path(ge=0, le=MAX_ZOOM)],
    x: Annotated[int, Path(ge=0)],
    y: Annotated[int, Path(ge=0)],
    form: Format,
    style: StyleOf,
    service: ServiceOf,
    size: Annotated[int, Query(description="Pixels along an edge: 256, or 512.")] = TILE_PX,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Compute a tile of the web's maps (WebMercatorQuad, XYZ).

    `npy` gives the values of the bands shown as float32, NaN where nothing was observed. A tile
    beside the layer is transparent and costs nothing.
    """
    check_tile(z, x, y)
    if size not in {TILE_PX, 2 * TILE_PX}:
        raise TooMuchError(f"Tiles of {size} pixels are not made.", "Ask for 256, or 512.")
    layer = service.registry.get(layer_id)
    render = style.of(layer)
    if z < layer.minzoom:
        raise TooMuchError(
            f"At zoom {z} the layer would be a speck.", f"Zoom in to {layer.minzoom} or further."
        )
    tag = etag(layer.id, f"{z}/{x}/{y}.{form}@{size}", render.model_dump_json())
    if if_none_match is not None and tag in if_none_match:
        return Response(status_code=304, headers=_headers(tag, service))
    content = service.cache.get(tag)
    if content is None:
        content = _tile(layer, z, x, y, form, render, size)
        service.cache.put(tag, content)
    return Response(content, media_type=MEDIA_TYPES[form], headers=_headers(tag, service))


def _tile(layer: Layer, z: int, x: int, y: int, form: Format, render: Render, size: int) -> bytes:
    if form != "npy" and not layer.touches(z, x, y):
        return empty_picture(size, form)
    pixels = evaluate(
        layer.cube,
        tile_geobox(z, x, y, size),
        preview=True,
        bands=render.bands,
        max_scenes=MAX_SCENES_PER_TILE,
    )
    if form == "npy":
        return as_npy(pixels, render.bands, packed=False)
    classes = class_colours_of(layer.cube) if shows_classes(render) else None
    return picture(pixels, render, form, classes)


@router.get(
    "/windows/{row}/{column}.npy",
    summary="A window of the layer's own grid",
    response_class=Response,
    responses=_PICTURES,  # type: ignore[arg-type]
)
def window(
    layer_id: str,
    row: Annotated[int, Path(ge=0)],
    column: Annotated[int, Path(ge=0)],
    style: StyleOf,
    service: ServiceOf,
    packed: Annotated[
        bool, Query(description="Integers as products store them, where bands are not derived.")
    ] = False,
) -> Response:
    """Give pixels at full resolution, as a batch run would store them, bit for bit.

    Windows of 256 pixels are counted from the upper left corner of the region's grid.
    """
    layer = service.registry.get(layer_id)
    render = style.of(layer)
    geobox = window_geobox(layer.grid, row, column)
    pixels = evaluate(layer.cube, geobox, bands=render.bands, max_scenes=MAX_SCENES_PER_TILE)
    tag = etag(layer.id, f"window {row}/{column}", str(packed), render.model_dump_json())
    return Response(
        as_npy(pixels, render.bands, packed=packed),
        media_type=MEDIA_TYPES["npy"],
        headers=_headers(tag, service),
    )


def _headers(tag: str, service: Service) -> dict[str, str]:
    whose = "private" if service.token else "public"
    return {"ETag": tag, "Cache-Control": f"{whose}, max-age={_KEEP_S}"}
