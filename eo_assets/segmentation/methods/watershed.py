"""Watershed: basins of the picture's gradient, flooded from its minima.

Beucher and Lantuéjoul 1979; as ordered flooding: Vincent and Soille 1991, doi:10.1109/34.87344.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import ndimage

from eo_assets.segmentation.method import Image, Labels, SegmentSize, Valid


class Watershed:
    """Segments whose borders follow the strongest edges."""

    name = "watershed"
    title = "Watershed of the gradient"
    parameters: Mapping[str, Any] = MappingProxyType({"sigma_per_side": 0.25})

    def segment(self, image: Image, valid: Valid, size: SegmentSize) -> Labels:
        """See ``Method.segment``."""
        from skimage.morphology import local_minima
        from skimage.segmentation import watershed

        sigma = self.parameters["sigma_per_side"] * size.side_px
        squares = [
            ndimage.gaussian_gradient_magnitude(image[..., band], sigma, truncate=3) ** 2
            for band in range(image.shape[-1])
        ]
        gradient = np.sqrt(np.sum(squares, axis=0))
        markers, _ = ndimage.label(local_minima(gradient) & valid)
        labels: Labels = watershed(gradient, markers, mask=valid)
        return labels


METHOD = Watershed()
