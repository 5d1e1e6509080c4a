"""What a segmentation method has to offer; each method is one file in ``methods/``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int32]
Valid = npt.NDArray[np.bool_]

NODATA = 0
"""Label of pixels without an observation; segments count from 1."""


@dataclass(frozen=True)
class SegmentSize:
    """How large segments are wanted.

    Attributes:
        side_px: Side of a square of that size, whole pixels.
    """

    side_px: int

    @property
    def pixels(self) -> int:
        """Pixels of a segment of that size."""
        return self.side_px**2

    @property
    def smallest_px(self) -> int:
        """Pixels below which a segment is joined with a neighbour."""
        return max(self.pixels // 4, 2)


class Method(Protocol):
    """A way to divide a picture into pieces of similar pixels.

    Attributes:
        name: The name people choose it by; the name of its file.
        title: For people.
        parameters: What it was set to, JSON-ready, for the record.
    """

    name: str
    title: str
    parameters: Mapping[str, Any]

    def segment(self, image: Image, valid: Valid, size: SegmentSize) -> Labels:
        """Divide a picture.

        The same picture gives the same labels. Nothing may be scaled by what else is in the
        picture: windows that overlap have to be treated alike.

        Args:
            image: ``(y, x, band)``, between 0 and 1; 0 where ``valid`` is False. Its sides are
                multiples of ``size.side_px``.
            valid: ``(y, x)``, True where there is an observation.
            size: How large segments are wanted.

        Returns:
            ``(y, x)``: any number from 1 for each segment. What it says where ``valid`` is False
            is not looked at.
        """
        ...


def picture_of(reflectance: npt.NDArray[np.floating[Any]], valid: Valid) -> Image:
    """Turn reflectance into what methods look at.

    The square root brings the noise of dark and bright surfaces to about the same size, so that
    forest is divided as finely as rock. It looks at no other pixel.

    Args:
        reflectance: ``(band, y, x)``, surface reflectance 0-1; anything where invalid.
        valid: ``(y, x)``.

    Returns:
        ``(y, x, band)``, 0 where invalid.
    """
    bounded = np.clip(np.where(valid, reflectance, 0), 0, 1)
    return np.ascontiguousarray(np.sqrt(bounded.astype(np.float64)).transpose(1, 2, 0))
