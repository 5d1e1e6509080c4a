"""Quality bands: which of their values make a pixel unusable. Data, no pixels.

Sources: ESA's scene classification of Sentinel-2 Level-2A; USGS QA_PIXEL of Landsat Collection 2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class QualityBand:
    """How a collection marks unusable pixels.

    Attributes:
        name: Name of the band: ``scl``, ``qa_pixel``.
        kind: ``classes``: a pixel holds one class. ``bits``: a pixel holds flags.
        resolution_m: Native pixel size, metres.
        labels: Meaning of each class or bit.
        fill: Classes or bits that mean "not observed"; never usable, never grown.
        invalid: Classes or bits that make an observed pixel unusable.
        cloud: The part of ``invalid`` that is cloud, cloud shadow or cirrus; it is opened to drop
            speckle (bright roofs, river gravel) and then grown, for clouds have soft edges.
        snow: Classes or bits of snow and ice, unusable on request.
        opening_m: Radius of the opening, metres.
        dilation_m: Radius of the growth, metres.
    """

    name: str
    kind: Literal["classes", "bits"]
    resolution_m: float
    labels: dict[int, str]
    fill: tuple[int, ...]
    invalid: tuple[int, ...]
    cloud: tuple[int, ...]
    snow: tuple[int, ...]
    opening_m: float
    dilation_m: float


SCL = QualityBand(
    name="scl",
    kind="classes",
    resolution_m=20,
    labels={
        0: "no data",
        1: "saturated or defective",
        2: "dark area",
        3: "cloud shadow",
        4: "vegetation",
        5: "not vegetated",
        6: "water",
        7: "unclassified",
        8: "cloud, medium probability",
        9: "cloud, high probability",
        10: "thin cirrus",
        11: "snow or ice",
    },
    fill=(0,),
    invalid=(1, 3, 8, 9, 10),
    cloud=(3, 8, 9, 10),
    snow=(11,),
    # opendatacube/odc-stats uses the same radii, 2 and 5 pixels of 20 m, for its geomedian
    opening_m=40,
    dilation_m=100,
)

QA_PIXEL = QualityBand(
    name="qa_pixel",
    kind="bits",
    resolution_m=30,
    labels={
        0: "fill",
        1: "dilated cloud",
        2: "cirrus",
        3: "cloud",
        4: "cloud shadow",
        5: "snow",
        6: "clear",
        7: "water",
    },
    fill=(0,),
    invalid=(1, 2, 3, 4),
    cloud=(1, 2, 3, 4),
    snow=(5,),
    # USGS has dilated the clouds already (bit 1): no opening, a little growth for shadows
    opening_m=0,
    dilation_m=60,
)
