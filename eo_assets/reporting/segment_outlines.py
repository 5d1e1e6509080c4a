"""Outlines of segments over the picture they were found in."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from eo_assets.reporting.maps import Image, stretch

_ENLARGED = 3
_LINE = (255, 221, 51)


def draw_outlines(
    planes: Sequence[Image], labels: npt.NDArray[np.unsignedinteger], *, pixel_m: float
) -> bytes:
    """Draw outlines along pixel edges, over enlarged pixels.

    Args:
        planes: Red, green and blue: reflectance ``(y, x)``, NaN where invalid.
        labels: Segment of each pixel, 0 for none.
        pixel_m: Side of a pixel, metres; noted in the file.

    Returns:
        PNG.
    """
    from PIL import Image as Pillow
    from PIL.PngImagePlugin import PngInfo

    def enlarged(values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        return values.repeat(_ENLARGED, axis=0).repeat(_ENLARGED, axis=1)

    picture, numbers = enlarged(stretch(planes, together=True)), enlarged(labels)
    edge = np.zeros(numbers.shape, bool)
    edge[1:] |= numbers[1:] != numbers[:-1]
    edge[:, 1:] |= numbers[:, 1:] != numbers[:, :-1]
    picture[edge] = _LINE
    note = PngInfo()
    note.add_text("Ground sampling", f"{pixel_m / _ENLARGED:g} m a pixel of this picture")
    out = io.BytesIO()
    Pillow.fromarray(picture, "RGB").save(out, "PNG", optimize=True, pnginfo=note)
    return out.getvalue()
