"""The tables people read: classes, and their spectral signatures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from eo_assets.clustering.bands import StoredBand, scales_of
from eo_assets.clustering.hints import brightness_of, describe, index_of
from eo_assets.clustering.palette import class_colours
from eo_assets.clustering.signatures import ClassSums

_SQUARE_METRES_PER_HECTARE = 10_000


def signature_table(
    sums: ClassSums, bands: Sequence[StoredBand], *, pixel_area_m2: float
) -> pd.DataFrame:
    """Mean spectrum of each class.

    Args:
        sums: Sums over all labelled pixels.
        bands: The bands summed.
        pixel_area_m2: Ground area of a pixel.

    Returns:
        One row a class and band: ``class_id, band, title, wavelength_um, units, mean, sd`` (in
        ``units``; population standard deviation), ``count`` (pixels), ``area_ha``. A class
        without a valid pixel in a band has NaN.
    """
    scale, offset = scales_of(bands)
    count = np.where(sums.count > 0, sums.count, np.nan)
    mean = sums.total / count
    variance = np.maximum(sums.squares / count - np.square(mean), 0)
    n_clusters = len(sums.pixels)
    return pd.DataFrame(
        {
            "class_id": np.repeat(np.arange(1, n_clusters + 1), len(bands)),
            "band": [band.name for band in bands] * n_clusters,
            "title": [band.title for band in bands] * n_clusters,
            "wavelength_um": [band.wavelength_um for band in bands] * n_clusters,
            "units": [band.units for band in bands] * n_clusters,
            "mean": (mean * scale + offset).ravel(),
            "sd": (np.sqrt(variance) * scale).ravel(),
            "count": sums.count.ravel(),
            "area_ha": (sums.count * pixel_area_m2 / _SQUARE_METRES_PER_HECTARE).ravel(),
        }
    )


def class_table(
    sums: ClassSums, signatures: pd.DataFrame, sample: pd.DataFrame, *, pixel_area_m2: float
) -> pd.DataFrame:
    """One row a class.

    Args:
        sums: Sums over all labelled pixels.
        signatures: The signature table.
        sample: Sampled pixels with ``class_id`` and ``silhouette``.
        pixel_area_m2: Ground area of a pixel.

    Returns:
        ``class_id, name`` (a hint, not land cover), ``colour`` (``#RRGGBB``), ``count`` (pixels),
        ``area_ha, share_pct`` (of the labelled pixels), ``ndvi`` and ``brightness`` (of the mean
        spectrum; NaN without pixels), ``silhouette`` (mean over the sample; NaN without pixels).
    """
    n_clusters = len(sums.pixels)
    ids = range(1, n_clusters + 1)
    reflectance = signatures[(signatures["units"] == "1") & (signatures["count"] > 0)]
    spectra = {
        class_id: dict(zip(rows["band"], rows["mean"], strict=True))
        for class_id, rows in reflectance.groupby("class_id")
    }
    silhouette = sample.groupby("class_id")["silhouette"].mean()
    return pd.DataFrame(
        {
            "class_id": list(ids),
            "name": [describe(spectra[i]) if i in spectra else "no pixel" for i in ids],
            "colour": class_colours(n_clusters),
            "count": sums.pixels,
            "area_ha": sums.pixels * pixel_area_m2 / _SQUARE_METRES_PER_HECTARE,
            "share_pct": 100 * sums.pixels / max(int(sums.pixels.sum()), 1),
            "ndvi": [index_of("ndvi", spectra.get(i, {})) for i in ids],
            "brightness": [brightness_of(spectra[i]) if i in spectra else np.nan for i in ids],
            "silhouette": [float(silhouette.get(i, np.nan)) for i in ids],
        }
    )
