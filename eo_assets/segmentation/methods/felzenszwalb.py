"""Felzenszwalb and Huttenlocher: regions merged as long as their border is no clearer than they.

Felzenszwalb and Huttenlocher 2004, "Efficient graph-based image segmentation",
doi:10.1023/B:VISI.0000022288.19776.77.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from eo_assets.segmentation.method import Image, Labels, SegmentSize, Valid


class Felzenszwalb:
    """Segments as large as the ground is even: small in fields, large in forest and water."""

    name = "felzenszwalb"
    title = "Felzenszwalb's graph-based segmentation"
    parameters: Mapping[str, Any] = MappingProxyType({"scale_per_pixel": 0.05, "sigma": 0.8})

    def segment(self, image: Image, valid: Valid, size: SegmentSize) -> Labels:  # noqa: ARG002
        """See ``Method.segment``."""
        from skimage.segmentation import felzenszwalb

        with warnings.catch_warnings():
            # that more than three bands are bands is meant
            warnings.filterwarnings("ignore", "Got image with third dimension")
            found: Labels = felzenszwalb(
                image,
                scale=self.parameters["scale_per_pixel"] * size.pixels,
                sigma=self.parameters["sigma"],
                min_size=size.smallest_px,
                channel_axis=-1,
            )
        return found + 1


METHOD = Felzenszwalb()
