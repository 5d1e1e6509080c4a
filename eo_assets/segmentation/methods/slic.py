"""SLIC: k-means in space and colour together, the default.

Achanta et al. 2012, "SLIC superpixels compared to state-of-the-art superpixel methods",
doi:10.1109/TPAMI.2012.120.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from eo_assets.segmentation.method import Image, Labels, SegmentSize, Valid


class Slic:
    """Compact segments of about one size."""

    name = "slic"
    title = "SLIC superpixels"
    parameters: Mapping[str, Any] = MappingProxyType({"compactness": 0.03, "max_num_iter": 10})

    def segment(self, image: Image, valid: Valid, size: SegmentSize) -> Labels:  # noqa: ARG002
        """See ``Method.segment``."""
        from skimage.segmentation import slic

        # scikit-image stretches each picture to 0-1 first; undone here, for windows that overlap
        # would weigh space against colour differently
        contrast = float(image.max() - image.min()) or 1.0
        rows, cols = image.shape[:2]
        labels: Labels = slic(
            image,
            # a whole number of squares a side: its seeds then lie on one grid in all windows
            n_segments=(rows // size.side_px) * (cols // size.side_px),
            compactness=self.parameters["compactness"] / contrast,
            max_num_iter=self.parameters["max_num_iter"],
            min_size_factor=0.25,
            convert2lab=False,
            start_label=1,
            channel_axis=-1,
        )
        return labels


METHOD = Slic()
